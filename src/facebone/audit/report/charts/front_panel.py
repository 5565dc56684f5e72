"""The Pareto front: quality over leak, a cross of two intervals for every target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from facebone.audit.names import percent
from facebone.audit.report.charts.canvas import (
    COLOURS,
    GROUND,
    INK,
    MARKERS,
    QUIET,
    Chart,
    Key,
    Size,
    add_axes,
    name_axes,
    paint,
    plain,
)
from facebone.audit.report.charts.front_labels import DIM, Mark, label_marks
from facebone.audit.report.front import Place, Ranked, stairs
from facebone.audit.report.labels import Box
from facebone.audit.schema import Interval

_BEHIND, _LINE = "#f4f6f8", "#7b8591"
"""Of the ground that is dominated, and of the line around it."""

_LEAST = 1e-4
"""Where a logarithmic axis begins: rates below it, 0 too, stand at its edge."""

_WORD = 68
"""Pixels that the name of the line of guessing takes."""

_CROWD = 6
"""With more targets than that lines are thinner."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture of the front.

    Args:
        name: unique on the page.
        title: what it shows.
        heading: over the picture, and on a phone.
        across: what the leak is, and on a phone.
        up: what the quality is, and on a phone.
        spoken: the leak and the quality in the text alternative.
        guessing: the leak that guessing finds.
        rates: whether leaks are rates on a logarithmic axis instead of areas.
        wide: width and height in CSS pixels.
        narrow: the same for a phone.
    """

    name: str
    title: str
    heading: tuple[str, str]
    across: tuple[str, str]
    up: tuple[str, str]
    spoken: tuple[str, str]
    guessing: float
    rates: bool
    wide: Size
    narrow: Size


def front_chart(panel: Panel, ranked: Sequence[Ranked], span: tuple[float, float]) -> Chart:
    """The picture of at least one target.

    Args:
        panel: what it shows.
        ranked: targets and their places.
        span: the lowest and the highest quality that any picture beside this one shows.
    """

    def painter(figure: Figure, wide: bool) -> Sequence[Key]:
        return paint_panel(figure, wide, panel, ranked, span)

    return paint(
        panel.name,
        panel.title,
        f"Up is better, left leaks less, {_leak(panel, panel.guessing)} is guessing. "
        f"{'; '.join(_said(panel, one) for one in ranked)}.",
        painter,
        wide=panel.wide,
        narrow=panel.narrow,
    )


def paint_panel(
    figure: Figure, wide: bool, panel: Panel, ranked: Sequence[Ranked], span: tuple[float, float]
) -> Sequence[Key]:
    """Paint a figure; the key of the numbers that stand for names, if any do."""
    axes = add_axes(figure, left=74 if wide else 70, right=14, top=30, bottom=50 if wide else 46)
    _scale_up(axes, span)
    if panel.rates:
        _scale_rates(axes, ranked)
    else:
        _scale_areas(axes, ranked)
    phone = 0 if wide else 1
    name_axes(axes, panel.across[phone], panel.up[phone])
    guessing, dashes = _draw_guessing(axes, panel.guessing)
    axes.annotate(
        panel.heading[phone],
        (0, 1),
        (0, 11),
        xycoords="axes fraction",
        textcoords="offset pixels",
        color=INK,
        fontsize=12,
        fontweight="bold",
    )
    line = _draw_line(axes, panel, ranked) if len(ranked) > 1 else []
    # The front lies over what is behind it.
    marks = {
        one.standing.number: _draw(axes, one, len(ranked) > _CROWD)
        for one in sorted(ranked, key=lambda one: one.place is Place.FRONT)
    }
    return label_marks(
        axes, [marks[one.standing.number] for one in ranked], [guessing], [dashes, *line], wide
    )


def _draw_guessing(axes: Axes, leak: float) -> tuple[Box, Box]:
    """The line of guessing and its name on the left, upright where that is narrow; their boxes.

    On its right the line of the front would often run through the name.
    """
    axes.axvline(leak, color=QUIET, linewidth=1.2, dashes=(4, 3), zorder=1.5)
    frame = axes.get_window_extent()
    x = float(axes.transData.transform((leak, axes.get_ylim()[0]))[0])
    upright = x - frame.x0 < _WORD
    written = axes.annotate(
        "guessing",
        (leak, 0),
        (-5, 6),
        xycoords=("data", "axes fraction"),
        textcoords="offset pixels",
        rotation=90 if upright else 0,
        horizontalalignment="right",
        verticalalignment="bottom",
        color=QUIET,
        fontsize=11,
    )
    box = written.get_window_extent()
    return (box.x0, box.y0, box.x1, box.y1), (x, frame.y0, x, frame.y1)


def _draw(axes: Axes, one: Ranked, crowded: bool) -> Mark:
    """A cross and a point; grey behind the front, hollow where that is not sure."""
    leak, quality, number = one.standing.leak, one.standing.quality, one.standing.number
    front = one.place is Place.FRONT
    colour = COLOURS[number % len(COLOURS)] if front else DIM
    width = (1.4 if crowded else 2.2) if front else 1.1
    edge = axes.get_xlim()[0]
    x, low, high = (max(value, _edge(axes)) for value in (leak.value, leak.low, leak.high))
    low = edge if leak.low < low else low
    over = 3.0 if front else 2.0
    axes.plot([low, high], [quality.value] * 2, color=colour, linewidth=width, zorder=over)
    axes.plot([x, x], [quality.low, quality.high], color=colour, linewidth=width, zorder=over)
    axes.plot(
        [x],
        [quality.value],
        MARKERS[number % len(MARKERS)],
        color=colour,
        markersize=9 if front else 7,
        markerfacecolor=GROUND if one.place is Place.CLOSE else colour,
        markeredgecolor=GROUND if one.place is not Place.CLOSE else colour,
        markeredgewidth=1.0 if one.place is not Place.CLOSE else 1.4,
        zorder=over + 0.5,
        clip_on=False,
    )
    (x0, y0), (x1, y1), (at, up) = (
        (float(a), float(b))
        for a, b in axes.transData.transform(
            [(low, quality.low), (high, quality.high), (x, quality.value)]
        )
    )
    return Mark(number, one.standing.name, colour, front, (at, up), (x0, x1), (y0, y1))


def _draw_line(axes: Axes, panel: Panel, ranked: Sequence[Ranked]) -> list[Box]:
    """The line through the front, over a ground of what is dominated; where it lies, in pixels."""
    (left, right), (bottom, _) = axes.get_xlim(), axes.get_ylim()
    corners = [
        (max(x, _edge(axes)) if x != left else left, y)
        for x, y in stairs(ranked, guessing=panel.guessing, left=left, right=right, bottom=bottom)
    ]
    across, up = [x for x, _ in corners], [y for _, y in corners]
    axes.fill_between(across, up, bottom, color=_BEHIND, linewidth=0, zorder=0.2)
    axes.plot(across, up, color=_LINE, linewidth=1.2, zorder=1.8)
    pixels = axes.transData.transform(corners)
    return [
        (float(a[0]), float(a[1]), float(b[0]), float(b[1]))  # it only goes right and up
        for a, b in pairwise(pixels)
    ]


def _edge(axes: Axes) -> float:
    """The least leak that is shown at its place."""
    return _LEAST if axes.get_xscale() == "log" else -inf


def _scale_up(axes: Axes, span: tuple[float, float]) -> None:
    low, high = span
    room = max(high - low, 0.03)
    axes.set_ylim(low - 0.22 * room, min(high + 0.10 * room, 1.0 + 0.05 * room))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g} %"))


def _scale_areas(axes: Axes, ranked: Sequence[Ranked]) -> None:
    """Limits that hold every interval and the line of guessing, with room for labels."""
    right = max(0.60, *(one.standing.leak.high for one in ranked))
    # At least so much that the name of the line of guessing has room on its left.
    guessing = 0.5 - 0.1 * (right - 0.5)
    left = min(0.48, guessing, *(one.standing.leak.low - 0.01 for one in ranked))
    axes.set_xlim(left, min(1.0, right + 0.12 * (right - left)) + 0.004)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))


def _scale_rates(axes: Axes, ranked: Sequence[Ranked]) -> None:
    high = max(0.01, *(one.standing.leak.high for one in ranked))
    axes.set_xscale("log")
    axes.set_xlim(0.7 * _LEAST, 1.25 * min(1.0, 1.6 * high))
    ticks = [tick for tick in (_LEAST, 1e-3, 1e-2, 1e-1, 1.0) if tick <= 1.05 * axes.get_xlim()[1]]
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(
        ticks, [("\u2264 " if tick <= _LEAST else "") + f"{100 * tick:g} %" for tick in ticks]
    )


def _leak(panel: Panel, value: float) -> str:
    return _rate(value) if panel.rates else f"{value:.3g}"


def _said(panel: Panel, one: Ranked) -> str:
    leak, quality = panel.spoken
    write = _rate if panel.rates else _area
    place = str(one.place) + (f": {plain(one.behind)} is at least as good" if one.behind else "")
    return (
        f"{plain(one.standing.name)}: {leak} {_figure(one.standing.leak, write)}, {quality} "
        f"{_figure(one.standing.quality, percent)}, {place}"
    )


def _figure(figure: Interval, write: Callable[[float], str]) -> str:
    return f"{write(figure.value)} ({write(figure.low)} to {write(figure.high)})"


def _area(value: float) -> str:
    return f"{value:.3f}"


def _rate(value: float) -> str:
    return percent(value, 2 if value < 0.01 else 1)
