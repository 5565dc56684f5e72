"""Copies, links and attributes on the page: no stronger than the figures, and nothing hidden."""

from __future__ import annotations

import pyarrow as pa
import pytest

from facebone.audit.compare import Verdict, compare
from facebone.audit.names import display_names
from facebone.audit.report.attributes import attribute_section
from facebone.audit.report.extraction import extraction_section
from facebone.audit.report.linkage import finding, linkage_section
from facebone.audit.report.page import render_report
from facebone.audit.report.prose import not_tested
from facebone.audit.report.tables import DASH
from facebone.audit.schema import (
    AttributeResult,
    AucOnly,
    Audit,
    E,
    ExtractionResult,
    Interval,
    LinkageResult,
    Refusal,
)
from facebone.audit.schema_goals import AttributeFigure, CopyPoint
from facebone.commands.summary_further import print_further

Simulated = tuple[Audit, pa.Table]
FEW = Refusal(refused="needs at least 30 names that are not in the database, got 20")


def at(value: float, half: float = 0.02) -> Interval:
    return Interval(value=value, low=value - half, high=value + half)


def point(queries: int, agreement: E, gain: E, made_of: str = "logistic") -> CopyPoint:
    return CopyPoint(
        queries=queries,
        made_of=made_of,
        agreement=agreement,
        balanced_agreement=agreement,
        accuracy=at(0.9),
        rank_correlation=at(0.8),
        foretold=at(0.95),
        gain=gain,
    )


def common(name: str, goal: str, access: str = "score") -> dict[str, object]:
    return {
        "name": name, "summary": "s", "goal": goal, "access": access, "knowledge": "k",
        "seconds": 1.0,
    }  # fmt: skip


def copied(*points: CopyPoint, **values: object) -> ExtractionResult:
    given = {
        "far": 0.01,
        "pictures": 300,
        "people": 90,
        "pairs": 1000,
        "target_accuracy": at(0.92),
        "points": list(points),
        "control": point(1000, at(0.3), at(-0.4)),
        "baseline": point(0, at(0.8), at(0.0, 0.0), "public cosines alone"),
    }
    return ExtractionResult.model_validate({**common("copy_head", "extraction"), **given, **values})


def linked(auc: E, control: E, **values: object) -> LinkageResult:
    given = {
        "second": "another installation",
        "people": 200,
        "strangers": 0,
        "anchors": 0,
        "auc": auc,
        "tpr_at_fpr": {"0.01": at(0.7), "0.001": at(0.5)},
        "rank_one": at(0.6),
        "chance": 0.005,
        "found": {},
        "control": AucOnly(auc=control),
        "baseline": AucOnly(auc=at(0.5, 0.0)),
    }
    return LinkageResult.model_validate(
        {**common("direct", "linkage", "embedding"), **given, **values}
    )


def inferred(auc: E, control: E, *chances: float) -> AttributeResult:
    figures = [
        AttributeFigure(
            name=f"trait_{i}",
            kind="binary",
            unit="person",
            candidates=200,
            positive=90,
            auc=at(0.9 - i / 10),
            correlation=Refusal(refused="yes and no have an AUC"),
            control=AucOnly(auc=control),
            chance=chance,
        )
        for i, chance in enumerate(chances)
    ]
    return AttributeResult.model_validate(
        {
            **common("score_vote", "attributes"),
            "people": 200,
            "known_people": 100,
            "queries": 64,
            "attributes": figures,
            "auc": auc,
            "control": AucOnly(auc=control),
            "baseline": AucOnly(auc=at(0.5, 0.0)),
        }
    )


def with_results(audit: Audit, *per_target: dict[str, object]) -> Audit:
    targets = [
        target.model_copy(update=update)
        for target, update in zip(audit.targets, per_target, strict=False)
    ]
    return audit.model_copy(update={"targets": targets + audit.targets[len(per_target) :]})


def words(table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def test_nothing_is_said_where_nothing_was_asked(simulated: Simulated) -> None:
    audit, called = simulated[0], display_names(simulated[0])
    for make in (extraction_section, linkage_section, attribute_section):
        assert make(audit, called) is None


@pytest.fixture
def full(simulated: Simulated) -> Audit:
    few = copied(target_accuracy=None, control=None, baseline=None, refused="too few pictures")
    return with_results(
        simulated[0],
        {
            "extractions": [copied(point(100, at(0.7), at(0.0)), point(1000, at(0.9), at(0.03)))],
            "linkages": [linked(at(0.9), at(0.5)), linked(at(0.6), FEW, rank_one=None,
                         chance=None, strangers=20, tpr_at_fpr={}, found={"0.1": FEW})],
            "attributes": [inferred(at(0.7), at(0.5), 0.02, 0.5)],
        },
        {
            "extractions": [few],
            "linkages": [linked(at(0.51), at(0.5))],
            "attributes": [inferred(at(0.6), at(0.5), 0.02, 0.02)],
        },
    )  # fmt: skip


def test_the_best_copy_is_told_beside_what_needs_no_question(full: Audit) -> None:
    called = display_names(full)
    section = extraction_section(full, called)
    first = called[full.targets[0].name]
    assert section.sentence.startswith(f"{first}: after 1,000\u00a0questions copy_head")
    assert "in 90.0\u00a0% of the cases" in section.sentence
    assert "without asking it would be 80.0\u00a0%" in section.sentence
    assert "not told apart" not in section.sentence
    rows = words(section.table)
    assert [row[2] for row in rows] == ["0", "100", "1,000", "1,000", DASH]
    assert [row[-1] for row in rows] == [
        "",
        "not told from not asking",
        "learnt what public backbones do not tell",
        "",
        "not measured",
    ]
    assert "too few pictures" in section.table.notes.values()
    assert "90.0\u00a0% after 1,000" in section.chart.description


def test_a_copy_that_learnt_nothing_is_called_so(simulated: Simulated) -> None:
    audit = with_results(simulated[0], {"extractions": [copied(point(100, at(0.81), at(0.0)))]})
    section = extraction_section(audit, display_names(audit))
    assert "which is not told apart from it" in section.sentence
    line = copied(point(100, at(0.9), at(0.0)))
    audit = with_results(simulated[0], {"extractions": [line]})
    section = extraction_section(audit, display_names(audit))
    assert "not told apart" not in section.sentence
    assert words(section.table)[1][-1] == "learnt where the target draws the line"


def test_refused_copies_leave_no_chart(simulated: Simulated) -> None:
    few = copied(target_accuracy=None, control=None, baseline=None, refused="too few pictures")
    audit = with_results(simulated[0], {"extractions": [few]})
    section = extraction_section(audit, display_names(audit))
    assert section.chart is None
    assert "too few" in section.sentence


def test_links_are_told_with_guessing_and_who_resists(full: Audit) -> None:
    called = display_names(full)
    section = linkage_section(full, called)
    first, second = (called[target.name] for target in full.targets[:2])
    assert section.sentence.startswith(f"{first}: direct finds 60.0\u00a0% of its people")
    assert "guessing finds 0.5\u00a0%" in section.sentence
    assert f"{second}: no attack links records beyond guessing." in section.sentence
    rows = words(section.table)
    assert [row[-1] for row in rows] == [
        "beats guessing and control",
        "beats guessing and control",
        "not told from guessing",
    ]
    assert rows[1][6] == rows[1][8] == DASH
    assert any("30 names" in reason for reason in section.table.notes.values())


def test_a_link_must_beat_its_control() -> None:
    assert finding(linked(at(0.6), at(0.6))).startswith("does not beat its control")
    assert finding(linked(FEW, at(0.5))) == "not measured"
    assert finding(linked(at(0.51), at(0.5))) == "not told from guessing"


def test_no_link_is_said_to_be_none(simulated: Simulated) -> None:
    audit = with_results(simulated[0], {"linkages": [linked(at(0.5), at(0.5))]})
    section = linkage_section(audit, display_names(audit))
    assert section.sentence == "No attack links records of a person beyond guessing."


def test_attributes_are_named_where_chance_does_not_explain_them(full: Audit) -> None:
    called = display_names(full)
    section = attribute_section(full, called)
    first = called[full.targets[0].name]
    assert section.sentence.startswith(f"{first}: score_vote infers attributes of 200\u00a0people")
    assert "mean AUC of 0.700 (0.680 to 0.720), best trait 0." in section.sentence
    assert [row[-1] for row in words(section.table)] == ["1 of 2", "2 of 2"]
    (every,) = section.more
    assert [row[0] for row in words(every)] == ["trait 0", "trait 1"]
    none = with_results(full, {"attributes": [inferred(at(0.51), at(0.5), 0.4)]},
                        {"attributes": []})  # fmt: skip
    assert attribute_section(none, called).sentence == (
        "No attack infers attributes of people beyond guessing."
    )


def test_the_page_has_all_three_and_names_stay_text(simulation, full: Audit) -> None:
    bad = "<script>alert(1)</script>"
    one = full.targets[0].extractions[0].model_copy(update={"name": bad})
    link = full.targets[0].linkages[0].model_copy(update={"second": bad, "name": bad})
    targets = simulation.TARGETS[:1]
    small, table = simulation.simulated_audit(targets=targets, pairs=200, seeds=(0,))
    first = full.targets[0]
    audit = with_results(
        small, {"extractions": [one], "linkages": [link], "attributes": first.attributes}
    )
    page = render_report(audit, table)
    for anchor in ("copied", "linked", "inferred"):
        assert f'<section id="{anchor}">' in page
        assert f'href="#{anchor}"' in page
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_what_was_tried_is_no_longer_among_what_was_not(simulated: Simulated, full: Audit) -> None:
    called = display_names(full)
    before = " ".join(not_tested(simulated[0], called))
    after = " ".join(not_tested(full, called))
    for what in ("model extraction", "linkability", "attribute inference"):
        assert what in before
        assert what not in after


def test_the_terminal_has_a_table_each(full: Audit, capsys: pytest.CaptureFixture[str]) -> None:
    print_further(full)
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert sum(line.startswith(("copied ", "linked ", "told by ")) for line in lines) == 3
    assert any("1,000" in line and "0.900 [0.880, 0.920]" in line for line in lines)
    assert "copied nothing: too few pictures" in shown.err
    print_further(full.model_copy(update={"targets": []}))
    assert capsys.readouterr().out == ""


def test_audits_are_compared_by_them_too(full: Audit) -> None:
    first = full.targets[0]
    better = copied(point(100, at(0.7), at(0.0)), point(2000, at(0.95), at(0.03)))
    after = with_results(
        full,
        {
            "extractions": [better],
            "linkages": [linked(at(0.5), at(0.5))],
            "attributes": first.attributes,
        },
    )
    changes = {one.figure: one for one in compare(full, after).targets[0].changes}
    assert changes["AUC of direct"].verdict is Verdict.CHANGED
    assert changes["AUC of score_vote"].verdict is Verdict.NOT_TOLD_APART
    # Copies are compared after as many questions.
    named = [name for name in changes if name.startswith("agreement of copy_head")]
    assert named == ["agreement of copy_head after 100 questions"]
