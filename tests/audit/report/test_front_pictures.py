"""The main pictures: what is drawn, how it is told apart, and that labels can be read."""

from __future__ import annotations

import json
import re
from itertools import combinations
from types import ModuleType

import numpy as np
import pyarrow as pa
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from facebone.audit.names import display_names
from facebone.audit.report.charts.canvas import COLOURS, Key
from facebone.audit.report.charts.front_labels import DIM
from facebone.audit.report.charts.front_panel import Panel, front_chart, paint_panel
from facebone.audit.report.front import Place, Standing, rank
from facebone.audit.report.front_pictures import LevelFront, level_fronts
from facebone.audit.report.labels import overlap
from facebone.audit.report.page import render_report
from facebone.audit.schema import Audit, Interval
from facebone.seeding import make_rng

REFUSED = {"refused": "TPR at FPR 0.001 needs at least 3000 non-members, got 12"}


def panel(*, rates: bool = False) -> Panel:
    return Panel(
        name="trade-off",
        title="A title of some length",
        heading=("better", "better"),
        across=("leak", "leak"),
        up=("accuracy on pairs not trained on", "accuracy"),
        spoken=("TPR" if rates else "AUC", "accuracy"),
        guessing=0.001 if rates else 0.5,
        rates=rates,
        wide=(700, 370),
        narrow=(358, 318),
    )


def standings(count: int, seed: int = 0, *, rates: bool = False) -> list[Standing]:
    """Targets of a random audit, with names as long as they come."""
    rng = make_rng(seed, "front")
    found = []
    for i in range(count):
        quality = float(rng.uniform(0.93, 0.97))
        leak = float(10 ** rng.uniform(-4, -1)) if rates else float(rng.uniform(0.49, 0.66))
        low, high = (0.0, 2 * leak) if rates else (leak - 0.02, leak + 0.02)
        found.append(
            Standing(
                i,
                f"defence_{i}:strength={i}",
                Interval(value=leak, low=low, high=high),
                Interval(value=quality, low=quality - 0.004, high=quality + 0.004),
            )
        )
    return found


def span(targets: list[Standing]) -> tuple[float, float]:
    return min(one.quality.low for one in targets), max(one.quality.high for one in targets)


def painted(targets: list[Standing], *, wide: bool, rates: bool) -> tuple[Figure, list[Key]]:
    shown = panel(rates=rates)
    size = shown.wide if wide else shown.narrow
    figure = Figure(figsize=(size[0] / 72, size[1] / 72), dpi=72)
    FigureCanvasAgg(figure)
    ranked = rank(targets, guessing=shown.guessing)
    return figure, list(paint_panel(figure, wide, shown, ranked, span(targets)))


@pytest.mark.parametrize("rates", [False, True])
@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize(("count", "seed"), [(1, 0), (2, 1), (3, 2), (7, 3), (15, 4), (15, 5)])
def test_labels_lie_over_nothing_that_is_read(
    count: int, seed: int, wide: bool, rates: bool
) -> None:
    figure, key = painted(standings(count, seed, rates=rates), wide=wide, rates=rates)
    texts = [text for text in figure.axes[0].texts if text.get_text() != "better"]
    boxes = []
    for text in texts:
        extent = text.get_window_extent()
        boxes.append((extent.x0, extent.y0, extent.x1, extent.y1))
    # One for each target, and the name of the line of guessing.
    assert len(boxes) == count + 1
    for one, other in combinations(boxes, 2):
        assert not overlap(one, other)
    width, height = figure.get_size_inches() * 72
    assert all(b[0] >= 0 and b[1] >= 0 and b[2] <= width and b[3] <= height for b in boxes)
    points = [line for line in figure.axes[0].lines if line.get_marker() not in ("None", "")]
    assert len(points) == count
    for line in points:
        x, y = figure.axes[0].transData.transform(np.column_stack(line.get_data()))[0]
        assert not any(overlap((x - 3, y - 3, x + 3, y + 3), box) for box in boxes)
    # Every name is written or explained.
    written = [" ".join(text.get_text().split()) for text in texts]
    numbers = {entry.mark: entry.name for entry in key}
    said = {numbers.get(words, words).replace(" ", "") for words in written}
    assert {f"defence_{i}:strength={i}" for i in range(count)} <= said


def test_few_targets_need_no_key() -> None:
    for wide in (True, False):
        assert painted(standings(2), wide=wide, rates=False)[1] == []


def test_the_front_is_told_apart_without_colour() -> None:
    """By the size of a point, by lines and letters; what is not sure is hollow."""
    both = [
        Standing(
            i,
            name,
            Interval(value=leak, low=leak - 0.01, high=leak + 0.01),
            Interval(value=quality, low=quality - 0.01, high=quality + 0.01),
        )
        for i, (name, leak, quality) in enumerate(
            [("best", 0.55, 0.96), ("close", 0.56, 0.955), ("behind", 0.62, 0.90)]
        )
    ]
    figure, _ = painted(both, wide=True, rates=False)
    axes = figure.axes[0]
    points = {
        round(float(line.get_xdata()[0]), 2): line
        for line in axes.lines
        if line.get_marker() not in ("None", "")
    }
    best, close, behind = (points[x] for x in (0.55, 0.56, 0.62))
    assert best.get_markersize() > close.get_markersize() == behind.get_markersize()
    assert best.get_color() == COLOURS[0]
    assert close.get_color() == behind.get_color() == DIM
    assert close.get_markerfacecolor() == "#ffffff"
    assert behind.get_markerfacecolor() == DIM
    weights = {text.get_text(): text.get_fontweight() for text in axes.texts}
    assert (weights["best"], weights["close"], weights["behind"]) == ("bold", "normal", "normal")


def test_rates_of_nothing_stand_at_the_edge() -> None:
    one = Standing(
        0, "silent", Interval(value=0, low=0, high=0.004), Interval(value=0.9, low=0.8, high=0.95)
    )
    figure, _ = painted([one], wide=True, rates=True)
    axes = figure.axes[0]
    assert axes.get_xscale() == "log"
    point = next(line for line in axes.lines if line.get_marker() not in ("None", ""))
    assert point.get_xdata()[0] == 1e-4
    assert axes.get_xticklabels()[0].get_text() == "\u2264 0.01 %"


def test_the_words_say_what_is_seen_and_repeat() -> None:
    targets = standings(3, 7)
    ranked = rank(targets, guessing=0.5)
    chart = front_chart(panel(), ranked, span(targets))
    assert chart == front_chart(panel(), ranked, span(targets))
    for one in ranked:
        leak = one.standing.leak
        figures = f"AUC {leak.value:.3f} ({leak.low:.3f} to {leak.high:.3f})"
        assert re.search(
            f"{re.escape(one.standing.name)}: {re.escape(figures)}, accuracy [^;]*, {one.place}",
            chart.description,
        )
    assert any(one.place is not Place.FRONT for one in ranked)


def levels_of(audit: Audit) -> list[LevelFront]:
    return level_fronts(audit, display_names(audit))


def changed(audit: Audit, **targets: dict[str, object]) -> Audit:
    """An audit whose named targets' figures are set: ``tpr``, ``tar`` or ``accuracy``."""
    raw = json.loads(audit.model_dump_json())
    for target in raw["targets"]:
        for kind, figure in (targets.get("every", {}) | targets.get(target["name"], {})).items():
            if kind == "tpr":
                for attack in target["attacks"]:
                    attack["tpr_at_fpr"]["0.001"] = figure
            elif kind == "tar":
                target["utility"]["tar_at_far"]["0.001"] = figure
            else:
                target["utility"][kind] = figure
    return Audit.model_validate(raw)


@pytest.fixture(scope="module")
def small(simulation: ModuleType) -> tuple[Audit, pa.Table]:
    """Two targets by two attacks in one seed."""
    audit, table = simulation.simulated_audit(
        targets=simulation.TARGETS[:3:2], attacks=["loss_threshold", "gap"], pairs=300, seeds=(0,)
    )
    return audit, table


FIGURE = {"value": 0.02, "low": 0.01, "high": 0.05}


def test_levels_have_pictures_of_their_own(simulated: tuple[Audit, pa.Table]) -> None:
    pairs, people = levels_of(simulated[0])
    assert (pairs.members, people.members) == ("pairs", "people")
    assert pairs.main.accuracy is not None
    assert people.main.accuracy is not None
    assert pairs.main.accuracy.name == "trade-off"
    assert people.main.accuracy.name == "trade-off-identity"
    assert "undefended (people)" not in pairs.main.accuracy.wide
    assert "undefended (people)" in people.main.accuracy.wide
    assert (pairs.drawn, people.drawn) == (3, 1)
    assert pairs.front == ["FaceBone: fusion"]
    assert people.front == ["undefended (people)"]


def test_refused_rates_leave_a_note(small: tuple[Audit, pa.Table]) -> None:
    audit, table = small
    (level,) = levels_of(changed(audit, every={"tpr": REFUSED}))
    assert level.main.accuracy is not None
    assert level.few.accuracy is None
    assert len(level.few.missing) == 2
    page = render_report(changed(audit, every={"tpr": REFUSED}), table)
    assert "There is no picture of members found with one false alarm in 1,000." in page
    assert "needs at least 3000 non-members, got 12." in page


def test_one_refused_rate_is_named_beside_the_others(small: tuple[Audit, pa.Table]) -> None:
    audit, _ = small
    first, second = (target.name for target in audit.targets)
    (level,) = levels_of(changed(audit, **{first: {"tpr": REFUSED}, second: {"tpr": FIGURE}}))
    assert level.few.accuracy is not None
    assert level.few.missing == ["undefended"]
    assert level.few.reason == REFUSED["refused"]
    assert level.main.missing == []


def test_the_attack_that_finds_most_counts(small: tuple[Audit, pa.Table]) -> None:
    audit, _ = small
    raw = json.loads(changed(audit, every={"tpr": FIGURE}).model_dump_json())
    weak = next(
        attack
        for attack in raw["targets"][0]["attacks"]
        if attack["name"] != raw["targets"][0]["strongest"]
    )
    weak["tpr_at_fpr"]["0.001"] = {"value": 0.31, "low": 0.3, "high": 0.32}
    (level,) = levels_of(Audit.model_validate(raw))
    assert level.few.accuracy is not None
    assert "TPR at FPR 0.1\u00a0% 31.0\u00a0% (30.0\u00a0% to 32.0\u00a0%)" in (
        level.few.accuracy.description
    )


def test_tar_is_offered_only_if_every_target_has_it(small: tuple[Audit, pa.Table]) -> None:
    audit, table = small
    tar = {"value": 0.5, "low": 0.4, "high": 0.6}
    known = changed(audit, every={"tpr": FIGURE, "tar": tar})
    (level,) = levels_of(known)
    assert level.main.tar is not None
    assert level.few.tar is not None
    assert level.main.tar.name == "trade-off-tar"
    page = render_report(known, table)
    assert page.count('type="radio"') == 2
    assert "TAR at FAR 0.1\u00a0%, on pairs not trained on" in page
    some = changed(known, **{audit.targets[0].name: {"tar": {"refused": "too few"}}})
    (level,) = levels_of(some)
    assert level.main.tar is None
    assert 'type="radio"' not in render_report(some, table)


def test_a_lone_target_has_a_cross_and_no_line(simulation: ModuleType) -> None:
    figure, _ = painted(standings(1), wide=True, rates=False)
    # The line of guessing, two of the cross, and the point.
    assert len(figure.axes[0].lines) == 4
    figure, _ = painted(standings(2), wide=True, rates=False)
    assert len(figure.axes[0].lines) == 1 + 3 + 3 + 1


def test_an_audit_without_targets_has_no_front(small: tuple[Audit, pa.Table]) -> None:
    raw = json.loads(small[0].model_dump_json())
    assert levels_of(Audit.model_validate({**raw, "targets": []})) == []
