"""ROC of attacks on logarithmic axes, with bands: what an attacker gains at few false alarms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from facebone.audit.names import percent
from facebone.audit.report.bands import Band
from facebone.audit.report.charts.canvas import (
    COLOURS,
    DASHES,
    QUIET,
    Chart,
    Key,
    add_axes,
    name_axes,
    paint,
    plain,
)

WIDE, NARROW = (520, 440), (358, 360)

MOST_CURVES = 6
"""More cannot be told apart; the table has all attacks."""


@dataclass(frozen=True, slots=True)
class Line:
    """One curve.

    Args:
        name: for people.
        band: curve and band.
        number: 0 and up, decides colour and dashes.
    """

    name: str
    band: Band
    number: int


def roc_chart(name: str, target: str, lines: Sequence[Line]) -> Chart:
    """ROC of at least one attack on a target; the first line is the one to be seen first."""
    shown = lines[:MOST_CURVES]

    def painter(figure: Figure, wide: bool) -> Sequence[Key]:
        return _paint(figure, wide, shown)

    said = "; ".join(
        f"{plain(line.name)}: {percent(float(np.interp(0.01, line.band.fpr, line.band.tpr)))}"
        for line in shown
    )
    return paint(
        name,
        f"ROC of attacks on {plain(target)}, logarithmic axes",
        "Share of members found against share of non-members accused. "
        f"Members found when 1 % of non-members are accused: {said}. Guessing finds 1 %.",
        painter,
        wide=WIDE,
        narrow=NARROW,
    )


def _paint(figure: Figure, wide: bool, lines: Sequence[Line]) -> Sequence[Key]:
    axes = add_axes(figure, left=64 if wide else 58, right=22, top=14, bottom=48)
    axes.set_xscale("log")
    axes.set_yscale("log")
    least = min(float(line.band.fpr[0]) for line in lines)
    axes.set_xlim(least, 1)
    axes.set_ylim(least, 1.15)
    rate_axis(axes)
    name_axes(
        axes,
        "non-members accused (false positives)" if wide else "false positive rate",
        "members found (true positives)" if wide else "true positive rate",
    )
    axes.plot([least, 1], [least, 1], color=QUIET, linewidth=1.2, dashes=(4, 3))
    middle = least**0.5
    axes.annotate(
        "guessing",
        (middle, middle),
        (5, -7),
        textcoords="offset pixels",
        rotation=45,
        rotation_mode="anchor",
        transform_rotates_text=True,
        horizontalalignment="center",
        verticalalignment="top",
        color=QUIET,
        fontsize=11,
    )
    # The first last, so that it lies on top.
    for line in reversed(lines):
        i, band = line.number, line.band
        colour = COLOURS[i % len(COLOURS)]
        floor = least / 2
        axes.fill_between(
            band.fpr,
            np.maximum(band.low, floor),
            np.maximum(band.high, floor),
            color=colour,
            alpha=0.20 if i == 0 else 0.10,
            linewidth=0,
        )
        axes.plot(
            band.fpr,
            np.maximum(band.tpr, floor),
            color=colour,
            linewidth=2.4 if i == 0 else 1.6,
            linestyle=DASHES[i % len(DASHES)],
            label=plain(line.name, 28),
            zorder=3 + (i == 0),
        )
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        handles[::-1],
        labels[::-1],
        loc="lower right",
        fontsize=11,
        frameon=True,
        framealpha=0.85,
        edgecolor="none",
        borderpad=0.3,
        handlelength=2.6,
    )
    return ()


def rate_axis(axes: Axes) -> None:
    """Decades of rates, written as per cent, on both axes."""
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(10))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
