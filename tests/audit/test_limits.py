from __future__ import annotations

import re

import pytest

from facebone.audit.limits import FIGURES, Limit, exceeded, parse_limits
from facebone.audit.statistics import FPRS
from facebone.errors import UnknownNameError, UsageError


@pytest.mark.parametrize(
    ("word", "limit"),
    [
        ("auc=0.6", Limit("auc", 0.6)),
        ("AUC = .6", Limit("auc", 0.6)),
        ("Balanced_Accuracy=1", Limit("balanced_accuracy", 1.0)),
        ("tpr@0.001=0.01", Limit("tpr@0.001", 0.01)),
        ("TPR@1e-2=0", Limit("tpr@0.01", 0.0)),
    ],
)
def test_reads_limits(word: str, limit: Limit) -> None:
    assert parse_limits([word]) == (limit,)


def test_several_in_their_order() -> None:
    found = parse_limits(["tpr@0.01=0.1", "auc=0.6"])
    assert found == (Limit("tpr@0.01", 0.1), Limit("auc", 0.6))
    assert parse_limits([]) == ()


def test_rates_are_those_an_audit_gives() -> None:
    assert {figure for figure in FIGURES if "@" in figure} == {f"tpr@{fpr:g}" for fpr in FPRS}


@pytest.mark.parametrize("word", ["auc", "auc=", "=0.6", "", "auc 0.6"])
def test_not_a_limit(word: str) -> None:
    with pytest.raises(UsageError, match=f"--fail-above: must look like auc=0.6, got '{word}'"):
        parse_limits([word])


@pytest.mark.parametrize("number", ["1.01", "-0.1", "60%", "sixty", "nan", "inf"])
def test_number_out_of_range(number: str) -> None:
    message = f"auc must be a number in 0 .. 1, got '{number}'; 0.6 stands for 60 %"
    with pytest.raises(UsageError, match=re.escape(message)):
        parse_limits([f"auc={number}"])


@pytest.mark.parametrize(
    ("word", "near"),
    [("acu=0.6", "auc"), ("tpr@0.1=0.6", "tpr@0.01"), ("tpr@x=0.6", "tpr@0.01"), ("tpr=1", "tpr@")],
)
def test_unknown_figure_names_the_nearest(word: str, near: str) -> None:
    with pytest.raises(UnknownNameError, match=rf"figure to limit .*did you mean '{near}"):
        parse_limits([word])


def test_figure_given_twice() -> None:
    with pytest.raises(UsageError, match=r"tpr@0\.01 is given twice"):
        parse_limits(["tpr@0.01=0.1", "tpr@1e-2=0.2"])


def test_every_attack_on_every_target_is_held_to_it(make_audit) -> None:
    audit = make_audit(
        {"none": {"loss_threshold": 0.72134, "gap": 0.55}, "facebone": {"loss_threshold": 0.61}}
    )
    assert exceeded(audit, parse_limits(["auc=0.6"])) == [
        "none, loss_threshold: auc 0.7213 [0.7013, 0.7413] above 0.6",
        "facebone, loss_threshold: auc 0.6100 [0.5900, 0.6300] above 0.6",
    ]
    assert exceeded(audit, parse_limits(["auc=0.8"])) == []
    assert len(exceeded(audit, parse_limits(["auc=0.6", "balanced_accuracy=0.54"]))) == 2 + 3
    assert exceeded(audit, ()) == []


def test_the_limit_itself_is_not_above(make_audit) -> None:
    audit = make_audit({"none": {"gap": 0.6}})
    assert exceeded(audit, [Limit("auc", 0.6)]) == []
    assert len(exceeded(audit, [Limit("auc", 0.5999999)])) == 1
    # The interval ends above: the figure counts.
    assert audit.targets[0].attacks[0].auc.high > 0.6


def test_each_rate_has_its_own_figure(make_audit) -> None:
    audit = make_audit()
    assert exceeded(audit, parse_limits(["tpr@0.01=0.03"])) == []
    assert exceeded(audit, parse_limits(["tpr@0.01=0.02"])) == [
        "none, loss_threshold: tpr@0.01 0.0300 [0.0100, 0.0500] above 0.02"
    ]


def test_refused_figure_does_not_pass(make_audit) -> None:
    assert exceeded(make_audit(), parse_limits(["tpr@0.001=1"])) == [
        "none, loss_threshold: tpr@0.001 is not known to be at most 1: 500 non-members, needs 3000"
    ]
    audit = make_audit({"none": {"gap": "one class"}})
    assert exceeded(audit, parse_limits(["auc=1"])) == [
        "none, gap: auc is not known to be at most 1: one class"
    ]


def test_rate_that_the_audit_lacks_does_not_pass(make_audit) -> None:
    attack = make_audit().targets[0].attacks[0].model_copy(update={"tpr_at_fpr": {}})
    target = make_audit().targets[0].model_copy(update={"attacks": [attack]})
    audit = make_audit(targets=None).model_copy(update={"targets": [target]})
    (line,) = exceeded(audit, parse_limits(["tpr@0.01=0.5"]))
    assert line.endswith("the audit does not give it at FPR 0.01")


def test_audit_without_attacks_does_not_pass(make_audit) -> None:
    empty = make_audit().model_copy(update={"targets": []})
    line = "no attack was run: nothing shows that the limits hold"
    assert exceeded(empty, parse_limits(["auc=1"])) == [line]
    assert exceeded(empty, ()) == []
