"""How well copies agree with the target they were made of, by the number of questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from facebone.audit.names import percent
from facebone.audit.report.charts.canvas import (
    COLOURS,
    DASHES,
    MARKERS,
    Chart,
    Key,
    add_axes,
    name_axes,
    paint,
    plain,
)
from facebone.audit.schema import Interval

WIDE, NARROW = (720, 380), (358, 360)

MOST_LINES = 6
"""More cannot be told apart; the table has all of them."""


@dataclass(frozen=True, slots=True)
class CopyLine:
    """The copies of one attack on one target.

    Args:
        name: for people.
        points: number of questions, rising, and agreement.
        before: agreement of what the attacker has without asking, if it is known.
    """

    name: str
    points: tuple[tuple[int, Interval], ...]
    before: float | None


def copies_chart(name: str, lines: Sequence[CopyLine]) -> Chart:
    """Agreement against questions of at least one attack, the first ones of many."""
    shown = lines[:MOST_LINES]

    def painter(figure: Figure, wide: bool) -> Sequence[Key]:
        return _paint(figure, wide, shown)

    said = "; ".join(
        f"{plain(line.name)}: {percent(line.points[-1][1].value)} after {line.points[-1][0]:,}"
        for line in shown
    )
    return paint(
        name,
        "Agreement of copies with their targets by the number of questions",
        f"Balanced agreement, logarithmic axis of questions. {said}.",
        painter,
        wide=WIDE,
        narrow=NARROW,
    )


def _paint(figure: Figure, wide: bool, lines: Sequence[CopyLine]) -> Sequence[Key]:
    axes = add_axes(figure, left=64 if wide else 58, right=22, top=14, bottom=48)
    axes.set_xscale("log")
    asked = [count for line in lines for count, _ in line.points]
    axes.set_xlim(min(asked) / 1.6, max(asked) * 1.6)
    axes.xaxis.set_major_locator(FixedLocator(sorted(set(asked))))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    lows = [figure.low for line in lines for _, figure in line.points]
    lows += [line.before for line in lines if line.before is not None]
    # From no less than a tenth below 1: copies that all agree should look so.
    axes.set_ylim(max(0.0, min(0.9, *lows) - 0.02), 1.005)
    name_axes(axes, "questions", "decides as the target does")
    keys = []
    for i, line in enumerate(lines):
        colour, marker = COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]
        counts = [count for count, _ in line.points]
        figures = [figure for _, figure in line.points]
        # Side by side, lest intervals at one number hide each other.
        shifted = [count * 1.05 ** (i - (len(lines) - 1) / 2) for count in counts]
        axes.vlines(
            shifted, [one.low for one in figures], [one.high for one in figures], color=colour
        )
        axes.plot(
            shifted,
            [one.value for one in figures],
            color=colour,
            linestyle=DASHES[i % len(DASHES)],
            marker=marker,
            markersize=6,
        )
        if line.before is not None:
            axes.axhline(line.before, color=colour, linewidth=1, dashes=(2, 3), alpha=0.7)
        keys.append(Key(_SHAPES[marker], colour, plain(line.name)))
    return keys


_SHAPES = {
    "o": "\u25cf",
    "s": "\u25a0",
    "D": "\u25c6",
    "^": "\u25b2",
    "v": "\u25bc",
    "P": "\u271a",
    "X": "\u2716",
}
"""Markers as letters, for the key."""
