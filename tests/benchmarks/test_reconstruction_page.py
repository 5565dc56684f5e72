"""The page of attacks of other goals says what its results say."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.results_file import RESULTS

from benchmarks import reconstruction_page

Row = dict[str, Any]


def at(value: float, reach: float = 0.03) -> Row:
    return {"value": value, "low": max(0.0, value - reach), "high": min(1.0, value + reach)}


def rebuilt(target: str, name: str, share: float, people: int = 100) -> Row:
    judged = {"type_i": at(share), "type_ii": at(share), "control": at(0.0005, 0.0003)}
    return {
        "target": target,
        "name": name,
        "access": "score",
        "people": people,
        "queries": 500.0,
        "attacked": judged,
        "judge": judged,
    }


def figures() -> Row:
    copy = {"agreement": at(0.991), "queries": 1000}
    linked = {"target": "none", "rank_one": at(0.97), "auc": at(0.99)}
    return {
        "rebuilt": [
            rebuilt("none", "template_ridge", 0.5, 200),
            rebuilt("keyed_templates", "template_ridge:knows=networks", 0.0, 200),
            rebuilt("none", "score_regression", 0.31, 200),
            rebuilt("none", "score_regression", 0.29),
            rebuilt("keyed_templates", "score_regression", 0.29),
            rebuilt("mute", "score_regression", 0.02),
        ],
        "copied": [
            {
                "target": "mute",
                "name": "copy_head:queries=1000",
                "points": [copy],
                "baseline": {"agreement": at(0.98)},
            }
        ],
        "linked": [linked | {"name": "direct"}],
        "attributes": [{"target": "none", "name": "score_probe", "auc": {"refused": "too few"}}],
    }


def test_the_answer_names_what_helps() -> None:
    said = reconstruction_page.answer(figures())
    assert "From **stolen templates**: 50.0 %" in said
    assert "`keyed_templates` (0.0 %)" in said.splitlines()[0]
    # Of the 100 people whom all defences share.
    assert "scores**: 29.0 %; surely less under: `mute` (2.0 %)" in said.splitlines()[1]
    assert "`keyed_templates`" not in said.splitlines()[1]


def test_a_row_stands_for_the_people_that_all_defences_share() -> None:
    page = reconstruction_page.render(figures())
    lines = {line.split(" | ")[0]: line for line in page.splitlines()}
    none, mute = (lines[f"| `{name}`"].split(" | ") for name in ("none", "mute"))
    assert none[2] == "29.0 % [26.0, 32.0]"
    assert none[1] == "50.0 % [47.0, 53.0]"
    assert mute[1] == "as none"
    assert mute[4] == "99.1 % [96.1, 100.0] (98.0 %)"
    assert none[6] == "refused"
    assert none[7] == "97.0 % [94.0, 100.0]"
    # The table of all attacks has the row of most people.
    assert "| `score_regression` | score | 200 | 500 | 31.0 % [28.0, 34.0]" in page


def test_the_page_is_what_the_results_say() -> None:
    found = json.loads((RESULTS / "reconstruction_study.json").read_text("utf-8"))["figures"]
    assert reconstruction_page.PAGE.read_text("utf-8") == reconstruction_page.render(found)
