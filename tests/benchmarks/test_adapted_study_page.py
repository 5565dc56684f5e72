"""The page of adapted models says what its results say, and its figures are drawn from them."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from benchmarks.adapted_study_cells import between, pairs_of, points, strongest
from benchmarks.adapted_study_figures import draw_epochs, draw_trade
from benchmarks.adapted_study_page import PAGE, render
from benchmarks.adapted_subjects import A, B, Subject
from benchmarks.results_file import RESULTS

Row = dict[str, Any]


def figure(mean: float, off: float = 0.001) -> dict[str, float]:
    return {"mean": mean, "deviation": 2 * off, "off": off}


def row(subject: Subject, found: dict[str, float], after: float = 0.984) -> Row:
    """What the study writes of a subject whose unadapted verifier has accuracy 0.8 on strangers."""
    kinds = {"strangers before": 0.8, "strangers": after, "members before": 0.81, "members": 0.995}
    return {
        **asdict(subject),
        "people": 542,
        "accuracy": {name: figure(value) for name, value in kinds.items()},
        "change": figure(after - 0.8),
        "found": {name: figure(value) for name, value in found.items()},
    }


def trade(name: str, leak: float, after: float, *, aligned: bool, facebone: bool = False) -> Row:
    subject = Subject(
        "trade",
        name + ", FaceBone" * facebone,
        (A, B),
        aligned,
        settings={"recipe": name},
        mitigation="facebone" if facebone else "none",
    )
    found = {"lira all": leak - 0.02, "set_classifier all": leak, "white_box all": 0.97}
    return row(subject, found, after)


def rows() -> list[Row]:
    asked = {
        **{"lira 1": 0.6, "lira 2": 0.65, "lira all": 0.7},
        **{"lira 1 tpr": 0.04, "lira 2 tpr": 0.05, "lira all tpr": 0.11},
        **{"lira:ask=among 2": 0.71, "lira:ask=among all": 0.75, "lira:ask=among all tpr": 0.123},
        **{"lira:ask=among 2 tpr": 0.06},
        **{"lira all control": 0.48, "lira:ask=among all control": 0.52},
    }
    few = {"lira all": 0.61, "lira:ask=among all": 0.62}
    others = {"lira all": 0.501, "set_likelihood all": 0.499}
    centres = Subject("many", "centres", settings={"keep_centres": True})
    return [
        row(Subject("table", "b", training=10, probes=(1, 2, None)), asked),
        row(Subject("table", "a", (A,), training=2), few),
        row(Subject("many", "other people", null=True), others),
        row(centres, {"lira all": 0.7, "white_box all": 0.999}),
        row(Subject("epochs", "10"), {"lira all": 0.66, "loss_threshold all": 0.6}, after=0.97),
        row(Subject("epochs", "5"), {"lira all": 0.55, "loss_threshold all": 0.56}),
        trade("plain", 0.8, 0.85, aligned=False),
        trade("better", 0.7, 0.9, aligned=False),
        trade("plain", 0.51, 0.84, aligned=False, facebone=True),
        trade("plain", 0.9, 0.79, aligned=True),
    ]  # fmt: skip


def tables(page: str, heading: str) -> list[list[list[str]]]:
    """The cells of each table under a heading."""
    section = page.split(f"\n## {heading}\n")[1].split("\n## ", maxsplit=1)[0]
    found = re.findall(r"(?:^\|.*\|\n)+", section, flags=re.MULTILINE)
    return [
        [[cell.strip() for cell in line.split("|")[1:-1]] for line in block.splitlines()]
        for block in found
    ]


def test_leaks_stand_in_their_columns() -> None:
    page = render(rows(), {}, {})
    ((heads, _, first, second),) = tables(page, "Who leaks how much")
    assert dict(zip(heads, first, strict=True)) == {
        "faces": "aligned",
        "backbone": "b",
        "pictures of each": "10",
        "strangers": "0.800 → 0.984",
        "members": "0.995",
        "LiRA, AUC": "0.700 ± 0.001",
        "LiRA among probes, AUC": "0.750 ± 0.001",
        "its TPR at FPR 1 %": "12.3%",
    }
    assert second[-3:] == ["0.610 ± 0.001", "0.620 ± 0.001", ""]
    said = " ".join(page.split())
    assert "with AUC 0.620 to 0.750" in said
    assert "the attacks find AUC 0.480 to 0.520" in said
    assert "542 people" in said


def test_a_single_probe_is_never_asked_among() -> None:
    page = render(rows(), {}, {})
    ((heads, _, lira, among),) = tables(page, "One picture or many")
    assert heads[3:] == ["1 probe", "2 probes", "all probes"]
    assert lira[2:] == [
        "LiRA",
        "0.600 ± 0.001 (4.0%)",
        "0.650 ± 0.001 (5.0%)",
        "0.700 ± 0.001 (11.0%)",
    ]
    assert among[2:] == ["LiRA among probes", "", "0.710 ± 0.001 (6.0%)", "0.750 ± 0.001 (12.3%)"]
    # 0.6 is half as far above 0.5 as 0.7.
    assert "lies 50 % as far" in " ".join(page.split())


def test_other_people_and_the_model_itself() -> None:
    page = render(rows(), {}, {})
    ((heads, _, usual, others, centres),) = tables(
        page, "More shadows, other people, the model itself"
    )
    assert usual[:2] == ["16 models", "0.700 ± 0.001"]
    assert others[:3] == ["other people", "0.501 ± 0.001", ""]
    assert centres[heads.index("`white_box`, AUC")] == "0.999 ± 0.001"
    assert "the attacks find AUC 0.499 to 0.501" in " ".join(page.split())


def test_epochs_are_in_order() -> None:
    page = render(rows(), {}, {})
    ((heads, _, five, ten),) = tables(page, "The longer, the more")
    assert heads[3:] == ["loss threshold, AUC", "LiRA, AUC"]
    assert five == ["5", "0.800 → 0.984", "0.995", "0.560 ± 0.001", "0.550 ± 0.001"]
    assert ten[0] == "10"
    # The highest of five epochs is the threshold's, of ten LiRA's.
    said = "the highest AUC goes from 0.560 to 0.660, accuracy on strangers from 0.984 to 0.970"
    assert said in " ".join(page.split())


def test_facebone_stands_under_its_recipe() -> None:
    page = render(rows(), {}, {})
    whole, aligned = tables(page, "What helps, and what it costs")
    assert [line[0] for line in whole[2:]] == ["plain", "the same with FaceBone", "better"]
    assert whole[3][1:5] == ["0.800 → 0.840", "+4.00 ± 0.10", "0.510 ± 0.001", "set classifier"]
    assert [line[0] for line in aligned[2:]] == ["plain"]
    assert aligned[2][2] == "-1.00 ± 0.10"
    said = " ".join(page.split())
    assert (
        'without defence, by "better", +10.00 ± 0.10 percentage points, highest AUC 0.700' in said
    )
    assert "highest AUCs are 0.510, 1 of 1 no more than 0.55" in said
    assert "FaceBone keeps 80 % of it" in said


def test_the_strongest_has_scores_alone() -> None:
    one = trade("plain", 0.6, 0.9, aligned=True)
    assert strongest(one)[0] == "set_classifier"
    one["found"]["lira all"] = figure(0.61)
    assert strongest(one) == ("lira", figure(0.61))


def test_defended_rows_find_their_recipe_on_the_same_faces() -> None:
    given = rows()[6:]
    assert [(a["name"], a["aligned"], bool(b)) for a, b in pairs_of(given)] == [
        ("plain", False, True),
        ("better", False, False),
        ("plain", True, False),
    ]


def test_fine_tuning_and_speed() -> None:
    fine = {
        "models": 16, "people": 542, "pictures": 1046, "seconds": 94,
        "recipe": {"blocks": 6, "epochs": 20},
        "accuracy": dict.fromkeys(["strangers before", "members before", "members"], figure(0.99))
        | {"strangers": figure(0.9876)},
        "change": {"strangers": figure(-0.0024), "members": figure(0.0)},
        "auc": {"lira": figure(0.75)},
        "tpr_at_1_percent": {"lira": figure(0.25)},
    }  # fmt: skip
    engine = {"seconds": 2.5, "times the loop": 4.0, "most that any engine can gain": 5.0}
    way = {"loop, seconds": 10.0, "the same adapters to the last bit": True} | {
        f"8 at once, {name}": value for name, value in engine.items()
    }
    race = {"adapters": 32, "epochs": 40, "rounds": 3, "pictures each, about": 1112}
    record = {
        "machine": {"cores": 2, "processor": "some"},
        "figures": race | {"1 core": way, "as audits train": way},
    }
    page = render([], fine, record)
    assert "from 0.9900 to 0.9876 (-0.24 ± 0.10" in " ".join(page.split())
    assert tables(page, "From pixels")[0][2] == ["LiRA", "0.750 ± 0.001", "25.0%"]
    (race_table,) = tables(page, "How fast")
    assert race_table[3] == ["as audits train", "10.0 s", "2.5 s, 4.00 times", "5.0 times"]


def test_a_section_without_figures_is_left_out() -> None:
    headings = re.findall("^## (.*)$", render([], {}, {}), flags=re.MULTILINE)
    assert headings == ["How FaceBone works on adaptations, and why"]
    headings = re.findall("^## (.*)$", render(rows()[:2], {}, {}), flags=re.MULTILINE)
    assert headings[:2] == ["Who leaks how much", "One picture or many"]


def test_words_of_numbers() -> None:
    assert between([0.5, 0.7, 0.6]) == "0.500 to 0.700"
    assert between([0.5001, 0.5002]) == "0.500"
    assert points(figure(-0.00001)) == "+0.00 ± 0.10"


@pytest.mark.parametrize(("part", "draw"), [("epochs", draw_epochs), ("trade", draw_trade)])
def test_figures_are_the_same_twice_and_follow_the_figures(
    part: str, draw: Any, tmp_path: Path
) -> None:
    given = [one for one in rows() if one["part"] == part]
    first, second, other = (tmp_path / name / "figure.svg" for name in "abc")
    draw(given, first)
    draw(given, second)
    given[0]["found"]["lira all"] = figure(0.97)
    draw(given, other)
    assert first.read_bytes() == second.read_bytes() != other.read_bytes()
    assert ElementTree.parse(first).getroot().get("viewBox", "").startswith("0 0 760 ")


@pytest.mark.skipif(not PAGE.exists(), reason="the study has not been run yet")
def test_the_page_is_what_its_results_make() -> None:
    found = {
        name: json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
        for name in ("adapted_study", "fine_tune_lfw", "adapters")
    }
    fine_tuned = found["fine_tune_lfw"]["figures"]
    page = render(found["adapted_study"]["figures"]["rows"], fine_tuned, found["adapters"])
    assert PAGE.read_text("utf-8") == page, "python -m benchmarks.adapted_study_page"
