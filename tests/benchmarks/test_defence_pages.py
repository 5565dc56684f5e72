"""The pages of FaceBone and of all defences say what their results say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from benchmarks.results_file import RESULTS

from benchmarks import defence_page, facebone_page

Figures = dict[str, Any]


def mean(value: float, off: float = 0.002) -> Figures:
    return {"mean": value, "deviation": 2 * off, "off": off}


def attack(auc: float) -> list[Figures]:
    return [mean(auc), mean(auc / 10), mean(auc / 100)]


def defence(name: str, aucs: dict[str, float], **changes: Any) -> Figures:
    return {
        "name": name,
        "target": name,
        "models": 64,
        "part": "defences",
        "aligned": False,
        "epsilon": None,
        "attacks": {attacked: attack(auc) for attacked, auc in aucs.items()},
        "hidden": ["gap"],
        "accuracy": mean(0.7812),
        "eer": mean(0.2189),
        "training_seconds": 2.0,
        "query_seconds": 0.01,
        "epsilon_bounds": {},
        **changes,
    }


def test_the_table_names_the_strongest_attack_and_what_decisions_tell() -> None:
    rows = [
        defence("none", {"lira": 0.81, "gap": 0.61}),
        defence(
            "mute",
            {"lira": 0.5, "gap": 0.605},
            models=16,
            training_seconds=25.0,
            query_seconds=0.02,
        ),
        defence(
            "MLP, whole, 2",
            {"lira": 0.51, "gap": 0.5},
            part="dp",
            epsilon=2,
            models=16,
            epsilon_bounds={"lira": {"mean": 0.1, "most": 0.3}, "gap": {"mean": 0.2, "most": 0.25}},
        ),
    ]
    page = defence_page.render({"few": 8, "rows": rows})
    assert (
        "| none | 0.781 ± 0.002 | 0.219 | `lira` | 0.810 ± 0.002 | 8.1 % / 0.8 % | 0.610 | 1 times "
        "| 1 times |" in page
    )
    assert "| mute * | 0.781 ± 0.002 | 0.219 | `gap` | 0.605 ± 0.002 |" in page
    assert "| 0.605 | 12 times | 2 times |" in page
    assert "| whole | MLP | 2 | 0.781 ± 0.002 | 0.510 ± 0.002 | 0.20 / 0.30 |" in page


def tried(name: str, aucs: dict[str, float], **changes: Any) -> Figures:
    return {
        "name": name,
        "way": name,
        "backbones": ["one", "two"],
        "aligned": False,
        "data": "lfw",
        "figures": {
            "accuracy": [mean(0.81)],
            **{attacked: attack(auc) for attacked, auc in aucs.items()},
        },
        **changes,
    }


AUCS = {"loss_threshold": 0.5, "lira": 0.62, "rmia": 0.6, "shadow_boosting": 0.55}


def test_what_was_tried_stands_by_alignment_and_counts_are_drawn(tmp_path: Path) -> None:
    figures = {
        "models": 16,
        "few": 4,
        "tried": [tried("fusion", AUCS), tried("unseen", AUCS | {"rmia": 0.7}, aligned=True)],
        "counted": [
            tried(f"{way} {count}", AUCS, way=way, backbones=["b"] * count)
            for way in facebone_page.HEADS
            for count in (1, 2, 8)
        ],
    }
    page = facebone_page.render(figures)
    whole, aligned = page.index("### Whole pictures"), page.index("### Aligned faces")
    assert whole < page.index("| fusion | 0.8100 ± 0.0020 | 0.620 ± 0.002 | LiRA |") < aligned
    assert page.index("| unseen | 0.8100 ± 0.0020 | 0.700 ± 0.002 | RMIA |") > aligned
    assert "| FaceBone | 8 | 0.8100 ± 0.0020 | 0.620 ± 0.002 |" in page
    for name in ("one.svg", "two.svg"):
        facebone_page.draw_counts(figures["counted"], tmp_path / name)
    drawn = (tmp_path / "one.svg").read_text("utf-8")
    assert drawn == (tmp_path / "two.svg").read_text("utf-8")
    assert drawn.count("<path") > 20


@pytest.mark.parametrize(
    ("page", "result"), [(defence_page, "defence_study"), (facebone_page, "facebone_study")]
)
def test_the_page_is_the_one_of_its_results(page: Any, result: str) -> None:
    figures = json.loads((RESULTS / f"{result}.json").read_text("utf-8"))["figures"]
    assert page.PAGE.read_text("utf-8") == page.render(figures)


def test_no_bound_exceeds_the_epsilon_that_is_claimed() -> None:
    figures = json.loads((RESULTS / "defence_study.json").read_text("utf-8"))["figures"]
    claimed = [row for row in figures["rows"] if row["epsilon"] is not None]
    assert len(claimed) == 16
    for row in claimed:
        assert max(one["most"] for one in row["epsilon_bounds"].values()) <= row["epsilon"]
