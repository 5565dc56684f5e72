"""What claims are worth is shown as the json holds it, and said no stronger than it holds."""

from __future__ import annotations

import pyarrow as pa
import pytest

from facebone.audit.names import NO_BREAK
from facebone.audit.report.claims import claims_of
from facebone.audit.report.fidelity import fidelity_in_words
from facebone.audit.report.tables import DASH
from facebone.audit.schema import (
    Audit,
    DisclosureFigures,
    EpsilonFigure,
    Interval,
    SeedFigure,
    TargetResult,
)
from facebone.audit.verdict import deciding_attack

Simulated = tuple[Audit, pa.Table]


def with_disclosure(target: TargetResult, found: DisclosureFigures | None) -> TargetResult:
    attacks = [attack.model_copy(update={"disclosure": found}) for attack in target.attacks]
    return target.model_copy(update={"attacks": attacks})


def test_the_table_holds_the_figures_of_the_deciding_attack(simulated: Simulated) -> None:
    target = simulated[0].targets[0]
    attack = deciding_attack(target)
    assert attack is not None
    assert attack.disclosure is not None
    found = claims_of(target)
    assert found is not None
    assert attack.name in found.table.caption
    assert [row[0].text for row in found.table.rows] == [
        f"{rate}{NO_BREAK}%" for rate in ("10", "1", "0.1")
    ]
    assert [remark for _, remark in found.table.heads[3:]] == [
        f"if {prior}{NO_BREAK}% are members" for prior in ("1", "10")
    ]
    claims = attack.disclosure.at_fpr["0.1"]
    wanted = [claims.tpr, claims.fpr, *(claims.precision_at_prior[p] for p in ("0.01", "0.1"))]
    for cell, figure in zip(found.table.rows[0][1:], wanted, strict=True):
        assert isinstance(figure, Interval)
        assert cell.text == f"{100 * figure.value:.1f}{NO_BREAK}%"
    # Too few to set a threshold for 0.1 %: a dash and the reason.
    last = found.table.rows[2][1:]
    assert {cell.text for cell in last} == {DASH}
    assert "FPR 0.001 needs" in found.table.notes[last[0].note]
    assert "the attacker knows" in found.source


def test_thresholds_from_shadows_say_so(simulated: Simulated) -> None:
    target = simulated[0].targets[0]
    found = target.attacks[0].disclosure
    assert found is not None
    shadows = with_disclosure(target, found.model_copy(update={"chosen_on": "shadows"}))
    claims = claims_of(shadows)
    assert claims is not None
    assert "shadows in this target" in claims.source


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([0.0, 0.0], ""),
        ([0.5], f"\u03b5 below 0.50: with 95{NO_BREAK}% confidence, \u03b4 = 1e-05, and"),
        ([0.5, 0.7], "below 0.60 in the mean over 2 seeds (0.50 to 0.70): with"),
    ],
)
def test_epsilon_is_said_only_where_the_claims_bound_it(
    simulated: Simulated, values: list[float], words: str
) -> None:
    target = simulated[0].targets[0]
    found = target.attacks[0].disclosure
    assert found is not None
    epsilon = EpsilonFigure(
        lower_bound=sum(values) / len(values),
        confidence=0.95,
        delta=1e-5,
        by_seed=[SeedFigure(seed=i, value=value) for i, value in enumerate(values)],
    )
    claims = claims_of(with_disclosure(target, found.model_copy(update={"epsilon": epsilon})))
    assert claims is not None
    assert words in claims.epsilon
    assert bool(claims.epsilon) == bool(words)


def test_no_disclosure_no_table(simulated: Simulated) -> None:
    target = simulated[0].targets[0]
    assert claims_of(with_disclosure(target, None)) is None
    assert claims_of(target.model_copy(update={"attacks": []})) is None


def test_shadows_in_words(simulated: Simulated) -> None:
    target = simulated[0].targets[0]
    shadows = target.shadow_fidelity
    assert shadows is not None
    words = fidelity_in_words(target)
    assert words.startswith("8 shadows trained by the same recipe are like this target. ")
    assert "differs from them by 0.04 on members and 0.03 on others" in words
    assert "by up to 0.07 and 0.06" in words
    unlike = shadows.model_copy(update={"alike": False})
    doubted = fidelity_in_words(target.model_copy(update={"shadow_fidelity": unlike}))
    assert "are not like this target, so that attacks" in doubted
    assert fidelity_in_words(target.model_copy(update={"shadow_fidelity": None})) == ""
