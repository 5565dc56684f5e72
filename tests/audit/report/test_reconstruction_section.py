"""What the page says of rebuilt pictures."""

from __future__ import annotations

from typing import Any

import pytest

from facebone.audit.compare import Verdict, compare
from facebone.audit.report.prose import adversaries, limits
from facebone.audit.report.reconstruction import reconstruction_section
from facebone.audit.schema import ReconstructionResult


def figure(value: float, reach: float = 0.02) -> dict[str, float]:
    return {"value": value, "low": max(0.0, value - reach), "high": min(1.0, value + reach)}


def rebuilt(
    name: str = "template_ridge",
    access: str = "embedding",
    queries: float | None = None,
    **judged: Any,
) -> ReconstructionResult:
    seen = {
        "recogniser": "other", "threshold": 0.3, "far": 0.001, "type_i": figure(0.8),
        "type_ii": figure(0.5), "control": figure(0.0005, 0.0004), "genuine": figure(0.98),
    }  # fmt: skip
    return ReconstructionResult.model_validate(
        {
            "name": name, "summary": "draws", "goal": "reconstruction", "access": access,
            "queries": queries, "knowledge": "Faces.", "people": 200,
            "control_people": 200, "own_faces": 900,
            "attacked": seen | {"recogniser": "own"}, "judge": seen | judged,
            "ssim": figure(0.4), "ssim_control": figure(0.3), "seconds": 3.0,
        }
    )  # fmt: skip


def with_rebuilt(make_audit, **found: list[ReconstructionResult]):
    audit = make_audit({name: {"loss_threshold": 0.6} for name in found})
    targets = [
        target.model_copy(update={"reconstructions": found[target.name]})
        for target in audit.targets
    ]
    return audit.model_copy(update={"targets": targets})


def section(audit, sheets=None):
    called = {target.name: target.name for target in audit.targets}
    return reconstruction_section(audit, called, sheets or {})


def test_nothing_is_said_where_nothing_was_rebuilt(make_audit):
    assert section(make_audit()) is None


def test_the_strongest_attack_is_the_answer(make_audit):
    found = section(
        with_rebuilt(make_audit, none=[rebuilt(), rebuilt("strong", type_ii=figure(0.9))])
    )
    assert "strong rebuilt pictures that other takes" in found.sentence
    assert "90 %" in found.sentence.replace("\u00a0", " ")
    assert "0.05 %" in found.sentence.replace("\u00a0", " ")
    assert found.sentence.endswith("steals faces.")
    assert [row[0].below for row in found.table.rows] == ["template_ridge", "strong"]
    assert all(len(row) == len(found.table.heads) for row in found.table.rows)
    assert sum(width for _, width in found.table.groups) == len(found.table.heads)


@pytest.mark.parametrize(
    ("access", "queries", "source", "moral"),
    [
        ("embedding", None, "From one stored template each of 200", "steals these templates"),
        ("score", 500.0, "From 500 scores for each of 200", "may ask this often sees faces"),
        ("weights", 23.0, "From 23 gradients for each of 200", "steals this model"),
        ("weights", None, "From an identification model of 200", "steals this model"),
    ],
)
def test_the_answer_says_what_it_took(make_audit, access, queries, source, moral):
    found = section(with_rebuilt(make_audit, none=[rebuilt(access=access, queries=queries)]))
    assert source in found.sentence.replace("\u00a0", " ")
    assert moral in found.sentence
    asked = "-" if queries is None else f"{queries:.0f}"
    assert found.table.rows[0][1].text == asked


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({"type_ii": figure(0.0005, 0.001)}, "This shows nobody."),
        ({"type_ii": {"refused": "too few"}}, "Too few people to say"),
    ],
)
def test_what_shows_nobody_is_not_called_a_leak(make_audit, figures, words):
    found = section(with_rebuilt(make_audit, none=[rebuilt(**figures)]))
    assert words in found.sentence
    assert "steals faces" not in found.sentence


def test_a_sheet_is_shown_of_the_strongest_attack_on_each_target(make_audit):
    audit = with_rebuilt(
        make_audit,
        none=[rebuilt(), rebuilt("strong", type_ii=figure(0.9))],
        keyed=[rebuilt()],
    )
    sheets = {
        (target.name, one.name): b"\x89PNG\r\n\x1a\n"
        for target in audit.targets
        for one in target.reconstructions
    }
    found = section(audit, sheets)
    assert [sheet.title for sheet in found.sheets] == ["none: strong", "keyed: template_ridge"]
    assert all(sheet.source.startswith("data:image/png;base64,") for sheet in found.sheets)
    assert all("three rows" in sheet.alt for sheet in found.sheets)


def test_it_stands_among_the_threats_once(make_audit):
    asked = rebuilt("by_score", access="score", queries=500)
    found = adversaries(with_rebuilt(make_audit, none=[rebuilt(), asked], other=[rebuilt()]))
    assert [one.name for one in found] == ["loss_threshold", "template_ridge", "by_score"]
    stolen, by_score = found[1:]
    assert stolen.asks == by_score.asks == "what a person looks like"
    assert "stored templates" in stolen.sees
    assert (stolen.manner, by_score.manner) == ("", "500 questions about each person or picture")


def test_a_comparison_says_how_many_are_recognised(make_audit):
    before, after, other = (
        with_rebuilt(make_audit, none=[rebuilt(type_ii=figure(0.5)), one])
        for one in (rebuilt("gone"), rebuilt("new"), rebuilt("gone", recogniser="another"))
    )
    after.targets[0].reconstructions[0] = rebuilt(type_ii=figure(0.1))
    changes = compare(before, after).targets[0].changes
    (faces,) = [one for one in changes if one.figure.startswith("faces of")]
    assert faces.figure == "faces of template_ridge recognised by other"
    assert faces.difference == pytest.approx(-0.4)
    assert faces.verdict is Verdict.CHANGED
    # Two judges say different things.
    assert len([c for c in compare(before, other).targets[0].changes if "gone" in c.figure]) == 0


def test_one_seed_of_several_is_a_limit(make_audit):
    audit = with_rebuilt(make_audit, none=[rebuilt()])
    told = "were run on the targets of seed 0 alone"
    assert any(told in line for line in limits(audit))
    assert not any(told in line for line in limits(audit.model_copy(update={"seeds": [0]})))
    assert not any(told in line for line in limits(with_rebuilt(make_audit, none=[])))
