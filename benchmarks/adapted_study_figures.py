"""The figures of the page of adapted models: leak against epochs, and leak against what it helps.

Text is drawn as outlines, so that labels stand where they were placed, whatever fonts a reader has;
the same rows give the same file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np

from benchmarks.adapted_study_cells import LITTLE, NAMES, Row, asked, pairs_of, percent, strongest
from facebone.audit.report.charts.canvas import (
    COLOURS,
    DASHES,
    GRID,
    GROUND,
    INK,
    MARKERS,
    QUIET,
    add_axes,
    name_axes,
)
from facebone.audit.report.labels import Box, overlap

STANDING = ((COLOURS[0], "o"), (COLOURS[1], "s"))
"""Colour and marker of a recipe without defence, and of the same with FaceBone."""
ARROW = "#a3abb5"
FAR = 14.0
"""Pixels from a point beyond which a line ties its name to it."""
ACROSS = "change of accuracy on strangers, percentage points"
WIDTH = 760
"""Of both figures, in pixels: about what a page of documentation has."""

_STYLE = {
    "font.family": ["DejaVu Sans"],
    "font.size": 12.0,
    "text.color": INK,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.axisbelow": True,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": GRID,
    "grid.linewidth": 1.0,
}


@contextmanager
def _figure(height: int, path: Path) -> Iterator[Any]:
    """An empty figure, saved when it is filled."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    settings: Any = {**_STYLE, "svg.hashsalt": path.stem}
    with mpl.rc_context(settings):
        # At 72 dots an inch a point is a pixel, and a unit of the SVG.
        figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
        FigureCanvasAgg(figure)
        yield figure
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def draw_epochs(rows: Sequence[Row], path: Path) -> None:
    """AUC of each attack, and accuracy, against epochs."""
    rows = sorted(rows, key=lambda row: int(row["name"]))
    epochs = [int(row["name"]) for row in rows]
    with _figure(560, path) as figure:
        upper = add_axes(figure, left=62, right=176, top=30, bottom=238)
        lower = add_axes(figure, left=62, right=176, top=374, bottom=48)
        _head(upper, "Leak")
        _head(lower, "Accuracy on pictures not trained on")
        upper.axhline(0.5, color=QUIET, linewidth=1.2, dashes=(4, 3))
        found = [spec for spec in NAMES if all(asked(row, spec) for row in rows)]
        curves = [
            _curve(upper, epochs, [row["found"][f"{spec} all"] for row in rows], style)
            for style, spec in enumerate(found)
        ]
        names = [NAMES[spec] for spec in found]
        upper.set_ylim(bottom=min(0.48, upper.get_ylim()[0]))
        _name_curves(upper, epochs[-1], [*curves, (0.5, QUIET)], [*names, "guessing"])
        curves, names = [], []
        for colour, who in enumerate(("strangers", "members")):
            for also, style in (("", "-"), (" before", "--")):
                given = [percent(row["accuracy"][who + also]) for row in rows]
                curves.append(_curve(lower, epochs, given, colour, line=style))
                names.append(who + (", unadapted" if also else ""))
        _name_curves(lower, epochs[-1], curves, names)
        for axes in (upper, lower):
            axes.set_xscale("log", base=2)
            axes.set_xticks(epochs, [str(count) for count in epochs])
            axes.minorticks_off()
        name_axes(upper, "", "AUC, mean and 95 %")
        name_axes(lower, "epochs", "pairs right, %")


def _head(axes: Any, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=13, fontweight="bold", pad=9)


def _curve(
    axes: Any,
    across: Sequence[int],
    figures: Sequence[dict[str, float]],
    style: int,
    *,
    line: str | None = None,
) -> tuple[float, str]:
    """A line with a band as far as its mean may be off; returns its end and its colour."""
    mean = np.array([figure["mean"] for figure in figures])
    off = np.array([figure["off"] for figure in figures])
    colour = COLOURS[style % len(COLOURS)]
    axes.fill_between(across, mean - off, mean + off, color=colour, alpha=0.13, linewidth=0)
    axes.plot(
        across, mean, color=colour, linewidth=1.8, markersize=5,
        linestyle=line or DASHES[style % len(DASHES)],
        marker="" if line == "--" else MARKERS[style % len(MARKERS)],
    )  # fmt: skip
    return float(mean[-1]), colour


def _name_curves(
    axes: Any, last: int, ends: Sequence[tuple[float, str]], names: Sequence[str]
) -> None:
    """Write names to the right of the axes, each as near to the end of its line as others let."""
    from scipy.optimize import isotonic_regression

    order = sorted(range(len(ends)), key=lambda k: ends[k][0])
    frame = axes.get_window_extent()
    heights = axes.transData.transform([(1, ends[k][0]) for k in order])[:, 1] - frame.y0
    # Places at least a gap apart and nearest to where they should be: without the gaps, which are
    # taken off first and put on again, they need only not fall.
    gaps = 16.0 * np.arange(len(order))
    places = isotonic_regression(heights - gaps).x + gaps
    for k, place in zip(order, places, strict=True):
        axes.annotate(
            names[k], (last, ends[k][0]), (1 + 10 / frame.width, place / frame.height),
            textcoords="axes fraction", color=ends[k][1], fontsize=11.5,
            verticalalignment="center_baseline",
            arrowprops={
                "arrowstyle": "-", "color": ends[k][1], "linewidth": 0.7, "relpos": (0, 0.5),
                "shrinkA": 1, "shrinkB": 6,
            },
        )  # fmt: skip


def draw_trade(rows: Sequence[Row], path: Path) -> None:
    """Highest AUC against the change of accuracy on strangers, a panel for each kind of faces."""
    sides = [side for side in (False, True) if any(row["aligned"] == side for row in rows)]
    panel, top, between = 270, 62, 84
    height = top + len(sides) * (panel + between) - 34
    with _figure(height, path) as figure:
        for place, side in enumerate(sides):
            above = top + place * (panel + between)
            axes = add_axes(figure, left=62, right=20, top=above, bottom=height - above - panel)
            _head(axes, "Aligned faces" if side else "Whole pictures, not aligned")
            _trade(axes, pairs_of([row for row in rows if row["aligned"] == side]))
            name_axes(axes, ACROSS, "highest AUC")
            if not place:
                _legend(figure)


def _reach(row: Row) -> tuple[float, float, float, float]:
    """Where a recipe stands, and how far that may be off: change in points, AUC, and both again."""
    leak, change = strongest(row)[1], percent(row["change"])
    return change["mean"], leak["mean"], change["off"], leak["off"]


def _trade(axes: Any, pairs: Sequence[tuple[Row, Row | None]]) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    points = [[_reach(row) for row in pair if row is not None] for pair in pairs]
    every = np.array([point for pair in points for point in pair])
    left, right = (every[:, 0] - every[:, 2]).min(), (every[:, 0] + every[:, 2]).max()
    room = 0.10 * (max(right, 0) - min(left, 0))
    axes.set_xlim(min(left, 0) - room, max(right, 0) + 2 * room)
    axes.set_ylim(0.465, max(0.70, 1.02 * (every[:, 1] + every[:, 3]).max()))
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 2.5, 5, 10]))
    signed = FuncFormatter(
        lambda value, _: f"{value:+.3g}".replace("-", "\u2212") if value else "0"
    )
    axes.xaxis.set_major_formatter(signed)
    axes.axhspan(0, LITTLE, color=COLOURS[2], alpha=0.10, linewidth=0)
    axes.axhline(0.5, color=QUIET, linewidth=1.0, dashes=(4, 3))
    axes.axvline(0, color=QUIET, linewidth=1.0)
    for pair in points:
        if len(pair) > 1:
            axes.annotate(
                "", pair[1][:2], pair[0][:2],
                arrowprops={"arrowstyle": "-|>", "color": ARROW, "linewidth": 0.9, "shrinkB": 5},
            )  # fmt: skip
        for (x, y, x_off, y_off), (colour, marker) in zip(pair, STANDING, strict=False):
            axes.errorbar(x, y, y_off, x_off, fmt="none", color=colour, linewidth=1.1, alpha=0.7)
            axes.plot(x, y, marker, color=colour, markersize=8, markeredgecolor=GROUND, zorder=4)
    _name_recipes(axes, [row["name"] for row, _ in pairs], points)


def _legend(figure: Any) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    dots = [
        Line2D([], [], color=c, marker=m, linestyle="", markersize=8, markeredgecolor=GROUND)
        for c, m in STANDING
    ]
    shade = Patch(color=COLOURS[2], alpha=0.10, linewidth=0)
    guessing = Line2D([], [], color=QUIET, dashes=(4, 3), linewidth=1.0)
    figure.legend(
        [*dots, shade, guessing],
        ["no defence", "the same recipe with FaceBone", f"AUC {LITTLE} or less", "guessing"],
        loc="upper left", bbox_to_anchor=(54 / WIDTH, 1.0), ncols=4, frameon=False,
        columnspacing=1.6, handletextpad=0.5, fontsize=11.5,
    )  # fmt: skip


def _name_recipes(axes: Any, names: Sequence[str], points: Sequence[Sequence[Any]]) -> None:
    """Write each recipe beside its undefended point."""
    from matplotlib.patheffects import withStroke

    halo = [withStroke(linewidth=3, foreground=GROUND)]
    lines = ["\n".join(wrap(name.replace(" epochs", "\u00a0epochs"), 18)) for name in names]
    texts = [axes.text(0, 0, line, fontsize=11, linespacing=1.05, zorder=5) for line in lines]
    sizes = [text.get_window_extent().padded(2).size for text in texts]
    frame = axes.get_window_extent()
    bounds = (frame.x0 + 3, frame.y0 + 3, frame.x1 - 3, frame.y1 + 8)
    first = [tuple(axes.transData.transform(pair[0][:2]).tolist()) for pair in points]
    back = axes.transData.inverted()
    boxes = _place(first, sizes, *_taken(axes, points), bounds)
    for text, box, point in zip(texts, boxes, first, strict=True):
        text.set(position=back.transform(box[:2]).tolist(), path_effects=halo, va="bottom")
        if _apart(box, point) > FAR:
            near = np.clip(point, box[:2], box[2:])
            axes.plot(*back.transform([near, point]).T, color=INK, linewidth=0.7, zorder=3)


def _place(
    points: Sequence[Any],
    sizes: Sequence[Any],
    dots: Sequence[Box],
    lines: Sequence[Box],
    bounds: Box,
) -> list[Box]:
    """A box for each label: over no other and no dot, over few lines and near its point.

    Where all of that cannot be had, the least is given up: each label in turn takes the best place
    beside the others', until none moves.
    """
    choices = []
    for point, size in zip(points, sizes, strict=True):
        boxes = _around(point, size, bounds)
        costs = []
        for box in boxes:
            apart = _apart(box, point)
            # A reader takes a name to be that of the nearest point.
            nearer = sum(_apart(box, other) < 1.3 * apart for other in points) - 1
            crossed = 20 * _hits(box, dots) + _hits(box, lines)
            costs.append(crossed + 20 * nearer + apart / 4)
        choices.append(list(zip(boxes, costs, strict=True)))
    found = [min(options, key=lambda one: one[1])[0] for options in choices]
    for _ in range(20):
        before = list(found)
        for k, options in enumerate(choices):
            others = found[:k] + found[k + 1 :]
            found[k] = min(options, key=lambda one: one[1] + 100 * _hits(one[0], others))[0]
        if found == before:
            break
    return found


def _hits(box: Box, others: Sequence[Box]) -> int:
    return sum(overlap(box, other) for other in others)


def _apart(box: Box, point: Any) -> float:
    """How far a point is from a box, in pixels."""
    x = max(box[0] - point[0], point[0] - box[2], 0.0)
    y = max(box[1] - point[1], point[1] - box[3], 0.0)
    return float(np.hypot(x, y))


def _around(point: Any, size: Any, bounds: Box) -> list[Box]:
    """Places of a label all round a point, within bounds."""
    found = []
    for gap in (7, 12, 18, 26, 36, 48):
        for turn in range(16):
            x, y = np.cos(np.pi * turn / 8), np.sin(np.pi * turn / 8)
            # The label's centre lies where its near edge or corner is `gap` away from the point.
            left = point[0] + x * gap + (np.clip(1.6 * x, -1, 1) - 1) * size[0] / 2
            low = point[1] + y * gap + (np.clip(1.6 * y, -1, 1) - 1) * size[1] / 2
            left = min(max(left, bounds[0]), bounds[2] - size[0])
            low = min(max(low, bounds[1]), bounds[3] - size[1])
            found.append((float(left), float(low), left + size[0], low + size[1]))
    return found


def _taken(axes: Any, points: Sequence[Sequence[Any]]) -> tuple[list[Box], list[Box]]:
    """Boxes around points with their reach, and along the arrows, in pixels."""
    dots: list[Box] = []
    lines: list[Box] = []
    for pair in points:
        for x, y, x_off, y_off in pair:
            (x0, y0), (x1, y1) = axes.transData.transform(
                [(x - x_off, y - y_off), (x + x_off, y + y_off)]
            )
            at, up = axes.transData.transform((x, y))
            dots += [(x0 - 2, up - 5, x1 + 2, up + 5), (at - 5, y0 - 2, at + 5, y1 + 2)]
        begin, end = axes.transData.transform([pair[0][:2], pair[-1][:2]])
        steps = max(2, int(np.abs(end - begin).max() // 4))
        for part in np.linspace(0, 1, steps)[1:]:
            x, y = (begin + part * (end - begin)).tolist()
            lines.append((x - 1, y - 1, x + 1, y + 1))
    return dots, lines
