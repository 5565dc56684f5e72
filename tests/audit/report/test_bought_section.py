"""What training bought is shown as the json holds it, and said no stronger than it holds."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest

from facebone.audit.names import NO_BREAK, display_names
from facebone.audit.report.bought import MINUS, bought_in_words, bought_section, points
from facebone.audit.report.page import render_report
from facebone.audit.report.tables import DASH
from facebone.audit.schema import (
    AttackResult,
    Audit,
    BoughtFigures,
    E,
    GainFigures,
    Interval,
    Refusal,
    TargetResult,
)

Simulated = tuple[Audit, pa.Table]
REFUSED = Refusal(refused="needs at least 10 matched and as many mismatched pairs, got 4")


def interval(value: float, low: float, high: float) -> Interval:
    return Interval(value=value, low=low, high=high)


def gain(change: E, before: E | None = None) -> GainFigures:
    return GainFigures(
        before=before or interval(0.942, 0.93, 0.95),
        after=interval(0.951, 0.94, 0.96),
        change=change,
        pairs=2000,
    )


def target_with(
    audit: Audit, change: E, *, level: str = "identity", **attack: object
) -> TargetResult:
    """The first target, with one attack that proves a leak unless something else is said."""
    first = audit.targets[0].attacks[0]
    values = {"auc": interval(0.772, 0.741, 0.803), "beats_control": True, "beats_baseline": True}
    one: AttackResult = first.model_copy(update={"name": "lira", **values, **attack})
    bought = BoughtFigures(
        unadapted="cosine of a",
        members=gain(interval(0.02, 0.01, 0.03)),
        strangers=gain(change),
        shifts={"blurred": gain(interval(0.0, -0.01, 0.01))},
    )
    return audit.targets[0].model_copy(
        update={"level": level, "bought": bought, "attacks": [one], "strongest": "lira"}
    )


def test_the_sentence(simulated: Simulated) -> None:
    target = target_with(simulated[0], interval(0.009, 0.002, 0.0161))
    assert bought_in_words(target).replace(NO_BREAK, " ") == (
        "Training on these people changed accuracy on strangers by +0.9 percentage points "
        "[+0.2, +1.6] and lets an attacker recognise members with AUC 0.772 [0.741, 0.803] (lira)."
    )


@pytest.mark.parametrize(
    ("level", "learnt", "others"),
    [("pair", "these pairs", "other pairs"), ("image", "these pictures", "other pictures")],
)
def test_pairs_and_pictures_are_called_so(
    simulated: Simulated, level: str, learnt: str, others: str
) -> None:
    target = target_with(simulated[0], interval(-0.0104, -0.02, -0.00001), level=level)
    said = bought_in_words(target)
    assert said.startswith(f"Training on {learnt} changed accuracy on {others} by {MINUS}1.0 ")
    assert f"[{MINUS}2.0,{NO_BREAK}0.0]" in said


def test_a_leak_that_is_not_proven_is_said_to_be_none(simulated: Simulated) -> None:
    audit, change = simulated[0], interval(0.0, -0.01, 0.01)
    guess = target_with(audit, change, auc=interval(0.51, 0.48, 0.54))
    assert bought_in_words(guess).endswith("(lira: not told from guessing).")
    blind = target_with(audit, change, beats_baseline=False)
    assert "(lira: does not beat the blind baseline: no proof of a leak)." in bought_in_words(blind)


def test_what_was_not_measured_is_said_to_be_so(simulated: Simulated) -> None:
    audit, known = simulated[0], interval(0.009, 0.002, 0.016)
    said = bought_in_words(target_with(audit, REFUSED))
    assert said.startswith(
        "How training on these people changed accuracy on strangers was not measured; it lets an "
        "attacker recognise members with AUC"
    )
    unknown = target_with(audit, known, auc=REFUSED)
    assert bought_in_words(unknown).endswith(
        "and lets an attacker recognise members by an AUC that was not measured."
    )
    nothing = audit.targets[0].model_copy(update={"bought": None})
    assert bought_in_words(nothing) == ""


def test_points_have_their_sign() -> None:
    assert [points(share) for share in (0.0123, -0.0123, 0.0004, -0.0004, 0.0, 1.0)] == [
        *("+1.2", f"{MINUS}1.2", "0.0", "0.0", "0.0", "+100.0")
    ]


def test_the_table_holds_the_figures_of_the_json(simulated: Simulated) -> None:
    audit = simulated[0]
    called = display_names(audit)
    section = bought_section(audit, called)
    assert section is not None
    assert section.domains
    table = section.table
    assert [head for head, _ in table.heads] == [
        *("target", "members", "strangers", "not aligned", "low resolution", "blurred", "occluded")
    ]
    assert sum(span for _, span in table.groups) == len(table.heads)
    tones = set()
    for row, target in zip(table.rows, audit.targets, strict=True):
        assert target.bought is not None
        assert (row[0].text, row[0].below) == (called[target.name], target.bought.unadapted)
        gains = [target.bought.members, target.bought.strangers, *target.bought.shifts.values()]
        for cell, one in zip(row[1:], gains, strict=True):
            before, after, change = one.before, one.after, one.change
            assert isinstance(before, Interval)
            assert isinstance(after, Interval)
            assert isinstance(change, Interval)
            shown = [float(word) for word in re.findall(r"\d+\.\d", cell.text)]
            assert shown == pytest.approx([100 * before.value, 100 * after.value], abs=0.051)
            span = [
                float(word.replace(MINUS, "-"))
                for word in re.findall(rf"[+{MINUS}]?\d+\.\d", cell.below)
            ]
            wanted = [100 * edge for edge in (change.value, change.low, change.high)]
            assert span == pytest.approx(wanted, abs=0.051)
            # Colour claims a change: only where zero lies outside its interval.
            assert cell.tone == ("good" if change.low > 0 else "bad" if change.high < 0 else "")
            tones.add(cell.tone)
    assert {"", "good"} <= tones


def test_changes_that_reach_zero_have_no_colour(simulated: Simulated) -> None:
    audit = simulated[0]
    for change, tone in (
        (interval(0.01, 0.001, 0.02), "good"),
        (interval(-0.01, -0.02, -0.001), "bad"),
        (interval(0.01, 0.0, 0.02), ""),
        (interval(-0.01, -0.03, 0.01), ""),
    ):
        one = audit.model_copy(update={"targets": [target_with(audit, change)]})
        section = bought_section(one, {audit.targets[0].name: "t"})
        assert section is not None
        assert section.table.rows[0][2].tone == tone


def test_a_refusal_and_a_domain_that_is_missing_are_dashes(simulated: Simulated) -> None:
    audit = simulated[0]
    refused = target_with(audit, REFUSED)
    full = audit.targets[1]
    some = audit.model_copy(
        update={"targets": [full, refused, audit.targets[2].model_copy(update={"bought": None})]}
    )
    called = {target.name: f"t{i}" for i, target in enumerate(some.targets)}
    section = bought_section(some, called)
    assert section is not None
    assert [(number, name) for number, name, _ in section.sentences] == [(0, "t0"), (1, "t1")]
    cells = section.table.rows[1]
    assert cells[2].text == DASH
    assert "needs at least 10 matched" in section.table.notes[cells[2].note]
    assert [cell.text == DASH for cell in cells[3:]] == [True, True, False, True]


def test_without_figures_there_is_no_section(simulated: Simulated) -> None:
    audit, scores = simulated
    bare = audit.model_copy(
        update={"targets": [t.model_copy(update={"bought": None}) for t in audit.targets]}
    )
    assert bought_section(bare, display_names(bare)) is None
    page = render_report(bare, scores)
    assert "What training bought" not in page
    assert 'id="bought"' not in page


def test_the_page_shows_sentences_table_and_colours(simulated: Simulated, page: str) -> None:
    audit = simulated[0]
    part = page.partition('<section id="bought">')[2].partition("</section>")[0]
    assert '<a href="#bought">' in page
    for target in audit.targets:
        assert bought_in_words(target) in part
    assert part.count('class="number good"') > 0
    assert "Shifted domains" in part
    unshifted = [
        target.model_copy(update={"bought": target.bought.model_copy(update={"shifts": {}})})
        for target in audit.targets
        if target.bought is not None
    ]
    shorter = render_report(audit.model_copy(update={"targets": unshifted}), simulated[1])
    part = shorter.partition('<section id="bought">')[2].partition("</section>")[0]
    assert "hifted domains" not in part
    assert "not aligned" not in part
