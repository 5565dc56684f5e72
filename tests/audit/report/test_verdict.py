"""The verdict says in two sentences what the figures say, whatever they are."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from facebone.audit.names import NO_BREAK
from facebone.audit.schema import (
    AttackResult,
    AucOnly,
    Audit,
    DataFacts,
    E,
    Interval,
    Refusal,
    SelfTest,
    TargetResult,
    UtilityFigures,
)
from facebone.audit.verdict import Finding, Verdict, deciding_attack, judge

REFUSED = Refusal(refused="needs at least 3000 non-members, got 12.")


def about(value: float, reach: float = 0.02) -> Interval:
    return Interval(value=value, low=value - reach, high=value + reach)


def attack(
    auc: E,
    name: str = "loss_threshold",
    level: str = "pair",
    control: bool | None = True,
    baseline: bool | None = True,
) -> AttackResult:
    return AttackResult(
        name=name,
        summary="",
        goal="membership",
        access="score",
        level=level,  # type: ignore[arg-type]
        knowledge="",
        adaptive=False,
        ask="once",
        probes=None,
        queries=1,
        members=500,
        non_members=500,
        member_share=0.5,
        auc=auc,
        balanced_accuracy=about(0.5),
        tpr_at_fpr={},
        control=AucOnly(auc=about(0.5)),
        baseline=AucOnly(auc=about(0.5)),
        beats_control=control,
        beats_baseline=baseline,
        auc_by_seed=[],
        disclosure=None,
        seconds=0.0,
    )


def target(
    name: str, accuracy: E, attacks: Sequence[AttackResult], mitigation: str | None = None
) -> TargetResult:
    return TargetResult(
        name=name,
        level=attacks[0].level if attacks else "pair",
        mitigation=mitigation or name.partition(":")[0].partition(" ")[0],
        mitigation_settings={},
        description="",
        backbones=["one"],
        head="mlp",
        head_settings={},
        utility=UtilityFigures(accuracy=accuracy, auc=accuracy, eer=accuracy, tar_at_far={}),
        accuracy_on_members=None,
        accuracy_by_seed=[],
        attacks=list(attacks),
        strongest=attacks[0].name if attacks else "",
        seconds=0.0,
    )


def verdict(*targets: TargetResult, passed: bool = True) -> Verdict:
    return judge(
        Audit(
            facebone_version="0",
            created="2024-01-01T00:00:00+00:00",
            seed=0,
            seeds=[0],
            command="",
            environment={},
            data=DataFacts(
                name="d",
                people=1,
                images=1,
                pairs=1,
                fingerprint="",
                alignment="none",
                control_people=0,
                control_pairs=0,
                copies=0,
            ),
            targets=list(targets),
            self_tests=[
                SelfTest(
                    name="planted bits", summary="", attack="a", auc=about(0.9), passed=passed
                ),
                SelfTest(name="other people", summary="", attack="a", auc=about(0.5), passed=True),
            ],
            warnings=[],
        )
    )


def plain(found: Verdict) -> str:
    return f"{found.first} {found.second}".replace(NO_BREAK, " ")


LEAKY = target("none", about(0.874), [attack(about(0.622))])


def test_a_leak_and_a_defence_that_removes_it() -> None:
    found = verdict(LEAKY, target("facebone:query=mean", about(0.957), [attack(about(0.508))]))
    assert found.finding is Finding.REDUCED
    assert plain(found) == (
        "The undefended verifier is right about 87.4 % of the pairs of faces it is shown (95 % "
        "interval 85.4 to 89.4), but an attacker shown one pair it was trained on and one it was "
        "not picks the right one 62.2 % of the time (60.2 to 64.2), where guessing gives 50. "
        "With FaceBone the attacker is right 50.8 % of the time (48.8 to 52.8) and accuracy is "
        "95.7 % (93.7 to 97.7): no leak is left that this audit can see, and it recognises people "
        "clearly better."
    )


def test_a_defence_that_lowers_the_leak_and_costs_accuracy() -> None:
    found = verdict(LEAKY, target("facebone", about(0.80), [attack(about(0.55))]))
    assert found.finding is Finding.REDUCED
    assert "it leaks clearly less, and it recognises people clearly worse" in found.second


def test_a_defence_that_adds_to_the_leak() -> None:
    found = verdict(LEAKY, target("facebone", about(0.88), [attack(about(0.70))]))
    assert found.finding is Finding.WORSE
    assert "it leaks clearly more, and accuracy is the same within the intervals" in found.second


def test_overlapping_intervals_are_not_told_apart() -> None:
    found = verdict(LEAKY, target("facebone", about(0.88), [attack(about(0.60))]))
    assert found.finding is Finding.LEAK
    assert "the two leaks cannot be told apart, and accuracy is the same" in found.second


def test_touching_intervals_overlap() -> None:
    """A difference is called one only where the intervals are disjoint."""
    base = target("none", Interval(value=0.9, low=0.8, high=0.95), [attack(about(0.62))])
    other = target(
        "facebone",
        Interval(value=0.97, low=0.95, high=0.99),
        [attack(Interval(value=0.58, low=0.55, high=about(0.62).low))],
    )
    assert "cannot be told apart, and accuracy is the same" in verdict(base, other).second


def test_no_leak_told_from_chance() -> None:
    found = verdict(target("none", about(0.9), [attack(about(0.51))]))
    assert found.finding is Finding.NONE_SEEN
    assert "no attack can tell a pair it was trained on from another beyond guessing" in found.first
    assert f"51.0{NO_BREAK}% of the time" in found.first


def test_no_leak_with_and_without_the_defence() -> None:
    found = verdict(
        target("none", about(0.9), [attack(about(0.51))]),
        target("facebone", about(0.9), [attack(about(0.50))]),
    )
    assert found.finding is Finding.NONE_SEEN
    assert "no leak was proven either way" in found.second


@pytest.mark.parametrize(
    ("control", "baseline", "words"),
    [(False, True, "on people it never saw"), (True, False, "without asking it")],
)
def test_an_attack_that_beats_guessing_alone_proves_no_leak(
    control: bool, baseline: bool, words: str
) -> None:
    one = attack(about(0.62), control=control, baseline=baseline)
    found = verdict(target("none", about(0.9), [one]))
    assert found.finding is Finding.UNPROVEN
    assert f"not clearly more often than {words}, which proves no leak" in found.first


def test_a_control_that_is_missing_does_not_hide_a_leak() -> None:
    found = verdict(target("none", about(0.9), [attack(about(0.62), control=None, baseline=None)]))
    assert found.finding is Finding.LEAK


def test_a_weaker_attack_that_proves_a_leak_decides() -> None:
    hollow = attack(about(0.70), "hollow", control=False)
    sound = attack(about(0.60), "sound")
    one = target("none", about(0.9), [hollow, sound])
    deciding = deciding_attack(one)
    assert deciding is not None
    assert deciding.name == "sound"
    found = verdict(one)
    assert found.finding is Finding.LEAK
    assert "60.0 % of the time (58.0 to 62.0) by sound, where" in plain(found)


def test_only_the_defended_verifier_leaks() -> None:
    found = verdict(
        target("none", about(0.9), [attack(about(0.51))]),
        target("facebone", about(0.9), [attack(about(0.60))]),
    )
    assert found.finding is Finding.ONLY_WITH_DEFENCE


def test_one_target_only() -> None:
    found = verdict(LEAKY)
    assert found.finding is Finding.LEAK
    assert found.first.startswith("The verifier is right")
    assert found.second.startswith("No defended verifier was audited beside it")


def test_one_defended_target_only() -> None:
    found = verdict(target("facebone", about(0.9), [attack(about(0.6))]))
    assert found.second.startswith("No undefended verifier was audited beside it")


def test_a_verifier_that_was_handed_in() -> None:
    found = verdict(target("scores", about(0.9), [attack(about(0.6))], mitigation="unknown"))
    assert found.first.startswith("The verifier is right")
    assert "what FaceBone would change is not known" in found.second


def test_of_several_defences_the_one_that_leaks_least() -> None:
    found = verdict(
        LEAKY,
        target("facebone:query=random", about(0.9), [attack(about(0.58))]),
        target("facebone:query=mean", about(0.9), [attack(about(0.55))]),
    )
    assert found.second.startswith("Of 2 defences \u201cFaceBone: mean\u201d leaks least: with it")


def test_a_defence_without_figures_never_leaks_least() -> None:
    found = verdict(
        LEAKY,
        target("facebone:query=random", about(0.9), [attack(REFUSED)]),
        target("facebone:query=mean", about(0.9), [attack(about(0.60))]),
    )
    assert "\u201cFaceBone: mean\u201d leaks least" in found.second


def test_refused_figures_give_the_reason() -> None:
    found = verdict(target("none", REFUSED, [attack(REFUSED)]))
    assert found.finding is Finding.UNMEASURED
    text = plain(found)
    assert text.count("(needs at least 3000 non-members, got 12)") == 2
    assert "its accuracy" in text
    assert "what it leaks could not be measured" in text


def test_a_refused_figure_of_the_defence() -> None:
    found = verdict(LEAKY, target("facebone", REFUSED, [attack(REFUSED)]))
    assert found.finding is Finding.LEAK
    assert "the leak could not be measured (needs" in found.second
    assert "accuracy could not be measured (needs" in found.second
    assert "clearly" not in found.second


def test_no_attack_was_run() -> None:
    found = verdict(target("none", about(0.9), []), target("facebone", about(0.9), []))
    assert found.finding is Finding.UNMEASURED
    assert "no attack was run" in found.first


def test_a_failed_self_test_comes_before_everything() -> None:
    found = verdict(LEAKY, passed=False)
    assert found.finding is Finding.FAILED
    assert "failed 1 of its 2 checks of itself (planted bits)" in found.first
    assert "%" not in plain(found)


@pytest.mark.parametrize(
    ("level", "item"), [("pair", "pair"), ("image", "picture"), ("identity", "person")]
)
def test_the_level_decides_what_is_told_apart(level: str, item: str) -> None:
    found = verdict(target("none", about(0.9), [attack(about(0.6), level=level)]))
    assert f"an attacker shown one {item} it was trained on" in found.first


def people(name: str, auc: E, **values: object) -> TargetResult:
    return target(name, about(0.9), [attack(auc, level="identity", **values)])  # type: ignore[arg-type]


def test_a_stronger_leak_at_another_level_is_named_besides() -> None:
    found = verdict(LEAKY, people("none @identity", about(0.771)))
    assert found.finding is Finding.LEAK
    assert found.first == verdict(LEAKY).first.replace("The verifier", "The undefended verifier")
    assert found.second == (
        "No defended verifier was audited beside it at the level of pairs, so what FaceBone would "
        "change is not known from this page."
    )
    assert found.besides.replace(NO_BREAK, " ") == (
        "About people more leaks than about pairs: against \u201cundefended (people)\u201d the "
        "attacker picks the person it was trained on 77.1 % of the time (75.1 to 79.1)."
    )


def test_of_several_the_largest_leak_is_named() -> None:
    others = [people("none @identity", about(0.7)), people("facebone @identity", about(0.8))]
    assert "\u201cFaceBone (people)\u201d" in verdict(LEAKY, *others).besides


@pytest.mark.parametrize("auc", [about(0.55), about(0.622), REFUSED])
def test_a_leak_at_another_level_that_is_no_larger_is_not_named(auc: E) -> None:
    assert verdict(LEAKY, people("none @identity", auc)).besides == ""


def test_a_leak_at_another_level_that_is_not_proven_is_not_named() -> None:
    other = people("none @identity", about(0.8), control=False)
    assert verdict(LEAKY, other).besides == ""


def test_targets_of_other_levels_are_no_defences_of_this_one() -> None:
    """A defended verifier of people that leaks little says nothing of pairs."""
    found = verdict(
        LEAKY,
        people("facebone @identity", about(0.50)),
        target("facebone", about(0.88), [attack(about(0.61))]),
    )
    assert found.finding is Finding.LEAK
    assert found.second.startswith("With FaceBone the attacker is right 61.0")
    assert "defences" not in found.second


def test_pairs_come_first_wherever_they_stand() -> None:
    found = verdict(people("none @identity", about(0.55)), LEAKY)
    assert "shown one pair" in found.first


def test_people_alone_are_judged_as_pairs_are() -> None:
    found = verdict(
        people("none @identity", about(0.77)), people("facebone @identity", about(0.55))
    )
    assert found.finding is Finding.REDUCED
    assert found.first.startswith("The verifier \u201cundefended (people)\u201d is right")
    assert found.second.startswith("With \u201cFaceBone (people)\u201d the attacker is right 55.0")
    assert found.besides == ""


@pytest.mark.parametrize("pairs", [about(0.51), REFUSED])
def test_no_leak_of_pairs_does_not_hide_one_of_people(pairs: E) -> None:
    found = verdict(
        target("none", about(0.9), [attack(pairs)]), people("none @identity", about(0.6))
    )
    assert found.finding is Finding.LEAK
    assert "60.0" in found.besides


@pytest.mark.parametrize("auc", [about(0.49), about(0.6), REFUSED])
@pytest.mark.parametrize("accuracy", [about(0.9), REFUSED])
@pytest.mark.parametrize("targets", [1, 2, 3])
def test_always_two_sentences(auc: E, accuracy: E, targets: int) -> None:
    names = ["none", "facebone:query=mean", "facebone:query=random"][:targets]
    found = verdict(*(target(name, accuracy, [attack(auc)]) for name in names))
    for sentence in (found.first, found.second):
        assert sentence.endswith(".")
        assert sentence[0].isupper()
        assert not re.search(r"[.!?]\s", sentence)
