from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facebone.audit.compare import Change, Verdict, compare
from facebone.audit.schema import Interval, Refusal


def changes(before, after, target: int = 0) -> dict[str, Change]:
    return {change.figure: change for change in compare(before, after).targets[target].changes}


def test_an_audit_and_itself_do_not_differ(make_audit) -> None:
    later = make_audit(created="2027-01-01T00:00:00Z")
    slower = later.targets[0].model_copy(update={"seconds": 99.0})
    found = compare(make_audit(), later.model_copy(update={"targets": [slower]}))
    assert found.same
    assert found.warnings == ()
    assert not compare(make_audit(), make_audit({"none": {"loss_threshold": 0.7201}})).same


def test_figures_stand_side_by_side(make_audit) -> None:
    before = make_audit({"none": {"accuracy": 0.9, "loss_threshold": 0.72, "gap": 0.6}})
    after = make_audit({"none": {"accuracy": 0.91, "loss_threshold": 0.55, "gap": 0.61}})
    (target,) = compare(before, after).targets
    assert target.strongest == ("loss_threshold", "gap")
    rows = [(c.figure, c.difference, c.verdict) for c in target.changes]
    near = pytest.approx
    assert rows == [
        ("accuracy", near(0.01), Verdict.NOT_TOLD_APART),
        ("AUC of the strongest attack", near(-0.11), Verdict.CHANGED),
        ("its TPR at FPR 0.01", near(0), Verdict.NOT_TOLD_APART),
        ("its TPR at FPR 0.001", None, Verdict.UNKNOWN),
        ("AUC of loss_threshold", near(-0.17), Verdict.CHANGED),
        ("AUC of gap", near(0.01), Verdict.NOT_TOLD_APART),
    ]


@given(st.lists(st.integers(0, 8), min_size=4, max_size=4))
def test_changed_means_no_value_lies_in_both_intervals(numbers: list[int]) -> None:
    (a, b), (c, d) = sorted(numbers[:2]), sorted(numbers[2:])
    change = Change("x", Interval(value=a, low=a, high=b), Interval(value=d, low=c, high=d))
    common = set(range(a, b + 1)) & set(range(c, d + 1))
    assert change.verdict == (Verdict.NOT_TOLD_APART if common else Verdict.CHANGED)
    assert change.difference == d - a
    turned = Change("x", change.after, change.before)
    assert (turned.verdict, turned.difference) == (change.verdict, a - d)


def test_refused_figures_are_not_judged() -> None:
    known, refused = Interval(value=0.5, low=0.4, high=0.6), Refusal(refused="too few")
    for pair in ((known, refused), (refused, known), (refused, refused)):
        change = Change("x", *pair)
        assert change.verdict is Verdict.UNKNOWN
        assert change.difference is None


def test_targets_are_matched_by_name(make_audit) -> None:
    before = make_audit({"a": {"gap": 0.6}, "b": {"gap": 0.7}, "old": {"gap": 0.5}})
    after = make_audit({"new": {"gap": 0.5}, "b": {"gap": 0.8}, "a": {"gap": 0.61}})
    found = compare(before, after)
    assert [target.name for target in found.targets] == ["a", "b"]
    assert (found.only_before, found.only_after) == (("old",), ("new",))
    auc = changes(before, after, target=1)["AUC of gap"]
    assert (auc.before.value, auc.after.value) == (0.7, 0.8)


def test_attacks_of_one_audit_alone_are_named(make_audit) -> None:
    before = make_audit({"none": {"gap": 0.6, "entropy": 0.7}})
    after = make_audit({"none": {"gap": 0.6, "art_gb": 0.9}})
    (target,) = compare(before, after).targets
    assert (target.only_before, target.only_after) == (("entropy",), ("art_gb",))
    assert "AUC of entropy" not in changes(before, after)
    assert changes(before, after)["AUC of the strongest attack"].difference == pytest.approx(0.2)


def test_other_settings_are_said(make_audit) -> None:
    after = make_audit()
    new = {"head_settings": {"epochs": 10, "dropout": 0.5}, "backbones": ["dlib", "tiny_plain"]}
    after = after.model_copy(update={"targets": [after.targets[0].model_copy(update=new)]})
    found = compare(make_audit(), after)
    assert found.targets[0].settings == (
        "backbones tiny_plain -> dlib+tiny_plain",
        "head_settings epochs 30 -> 10",
        "head_settings dropout not given -> 0.5",
    )
    assert not found.same


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        (
            {"data": {"fingerprint": "xyz", "people": 7}},
            "not comparable: other data was audited; data people 100 -> 7; data fingerprint abc",
        ),
        (
            {"data": {"alignment": "none"}},
            "not comparable: the same data was audited in another way; data alignment five-point "
            "-> none",
        ),
        ({"seeds": [5]}, "other members were drawn: seeds 0+1 -> 5"),
        ({"facebone_version": "0.2.0"}, "other versions or machines: facebone 0.1.0 -> 0.2.0"),
        (
            {"environment": {"packages": {"numpy": "1", "torch": "2"}}},
            "other versions or machines: packages numpy 2 -> 1; packages torch not given -> 2",
        ),
        (
            {
                "reference_protocol": {
                    "alignment": "none",
                    "member_share": 0.8,
                    "why_it_misleads": [],
                    "targets": [],
                }
            },
            "another protocol: reference protocol beside it False -> True",
        ),
    ],
)
def test_what_makes_audits_incomparable_is_warned_of(make_audit, change, warning: str) -> None:
    if "reference_protocol" in change:
        after = make_audit().model_copy(update=change)
    else:
        after = make_audit(**change)
    (line,) = compare(make_audit(), after).warnings
    assert line.startswith(warning)


def test_attack_run_otherwise_is_warned_of_once(make_audit) -> None:
    before = make_audit({"none": {"gap": 0.6, "entropy": 0.7}, "b": {"gap": 0.6}})
    targets = [
        target.model_copy(
            update={
                "attacks": [
                    attack.model_copy(update={"level": "identity", "queries": 16})
                    for attack in target.attacks
                ]
            }
        )
        for target in before.targets
    ]
    assert compare(before, before.model_copy(update={"targets": targets})).warnings == (
        "another protocol: level pair -> identity (none, gap and 2 more attacks)",
        "another protocol: queries 1 -> 16 (none, gap and 2 more attacks)",
    )


def test_json_holds_what_was_found(make_audit) -> None:
    before, after = make_audit(), make_audit({"none": {"loss_threshold": 0.5}}, seeds=[3])
    found = compare(before, after).to_json()
    assert set(found) == {"same", "targets", "only_before", "only_after", "warnings"}
    assert found["same"] is False
    assert found["warnings"] == ["other members were drawn: seeds 0+1 -> 3"]
    (target,) = found["targets"]
    assert target["strongest"] == {"before": "loss_threshold", "after": "loss_threshold"}
    assert target["changes"][-1] == {
        "figure": "AUC of loss_threshold",
        "before": {"value": 0.72, "low": 0.72 - 0.02, "high": 0.72 + 0.02},
        "after": {"value": 0.5, "low": 0.5 - 0.02, "high": 0.5 + 0.02},
        "difference": 0.5 - 0.72,
        "verdict": "changed",
    }
