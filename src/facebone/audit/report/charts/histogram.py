"""Scores of members and non-members: the further apart, the more a score gives away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from facebone.audit.report.bands import Floats, Mask
from facebone.audit.report.charts.canvas import (
    COLOURS,
    INK,
    Chart,
    Key,
    add_axes,
    name_axes,
    paint,
    plain,
)

WIDE, NARROW = (520, 440), (358, 360)

BINS = 40
_MEMBER, _OTHER = COLOURS[0], COLOURS[1]
_MOST_LOG_ODDS = 36.0
"""A probability any nearer to 1 is 1 in float64."""


def histogram_chart(name: str, target: str, scores: Floats, same: Mask, member: Mask) -> Chart:
    """Scores of a target, members against non-members, matched above and mismatched below.

    Scores that are probabilities are shown as log odds, which spread what crowds at 0 and 1.

    Args:
        name: of the chart.
        target: for people.
        scores: (n,) at least one.
        same: (n,) bool.
        member: (n,) bool.
    """
    values, unit = _spread(scores)
    edges = _edges(values)
    clipped = np.clip(values, edges[0], edges[-1])

    def painter(figure: Figure, wide: bool) -> Sequence[Key]:
        return _paint(figure, wide, clipped, unit, edges, same, member)

    said = "; ".join(
        f"{kind}, mean score of members {values[rows & member].mean():.2f}, of others "
        f"{values[rows & ~member].mean():.2f}"
        for kind, rows in (("one person", same), ("two people", ~same))
        if (rows & member).any() and (rows & ~member).any()
    )
    return paint(
        name,
        f"Scores that {plain(target)} gives to members and non-members",
        f"Two histograms over the {unit}. Pairs of {said}.",
        painter,
        wide=WIDE,
        narrow=NARROW,
    )


def _paint(
    figure: Figure,
    wide: bool,
    values: Floats,
    unit: str,
    edges: Floats,
    same: Mask,
    member: Mask,
) -> Sequence[Key]:
    left, top, bottom, between = (64 if wide else 58), 26, 48, 40
    height = (figure.get_figheight() * 72 - top - bottom - between) / 2
    panels = (
        ("pairs of one person", same, top, bottom + height + between),
        ("pairs of two people", ~same, top + height + between, bottom),
    )
    for title, rows, above, below in panels:
        axes = add_axes(figure, left=left, right=22, top=above, bottom=below)
        axes.grid(False, axis="x")
        axes.set_title(title, loc="left", fontsize=12, fontweight="bold", color=INK, pad=8)
        axes.set_xlim(edges[0], edges[-1])
        peak = 0.0
        for mask, colour, filled in ((member, _MEMBER, True), (~member, _OTHER, False)):
            chosen = values[rows & mask]
            shares = np.histogram(chosen, edges)[0] / max(len(chosen), 1)
            peak = max(peak, float(shares.max()))
            axes.stairs(
                shares,
                edges,
                fill=filled,
                color=colour,
                alpha=0.45 if filled else 1.0,
                linewidth=0 if filled else 1.8,
                label="members" if filled else "non-members",
            )
        axes.set_ylim(0, 1.12 * peak if peak else 1)
        axes.yaxis.set_major_locator(MaxNLocator(3))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
        axes.xaxis.set_major_locator(MaxNLocator(7))
        name_axes(axes, unit if rows is not same else "", "share of pairs")
        axes.legend(
            loc="upper left" if rows is same else "upper right",
            fontsize=11,
            frameon=True,
            framealpha=0.85,
            edgecolor="none",
            borderpad=0.3,
            handlelength=1.6,
        )
    return ()


def _spread(scores: Floats) -> tuple[Floats, str]:
    """Scores as they are shown, and what to call them."""
    if scores.min() < 0 or scores.max() > 1:
        return scores, "score of the verifier"
    with np.errstate(divide="ignore"):
        odds = np.log(scores) - np.log1p(-scores)
    return np.clip(odds, -_MOST_LOG_ODDS, _MOST_LOG_ODDS), "score of the verifier, as log odds"


def _edges(values: Floats) -> Floats:
    """Of the bins: all but the outermost half per cent of scores, which stand in the last bins."""
    low, high = np.percentile(values, [0.5, 99.5])
    if low == high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, BINS + 1)
