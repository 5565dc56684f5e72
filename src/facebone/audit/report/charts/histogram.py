"""Scores of members and non-members: the further apart, the more a score gives away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from facebone.audit.names import MEMBERS
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
WIDE_ALONE, NARROW_ALONE = (520, 300), (358, 250)
"""Of two panels, and of one."""

BINS = 40
Panel = tuple[str, Mask]
"""Title, and the rows it shows."""

_MEMBER, _OTHER = COLOURS[0], COLOURS[1]
_MOST_LOG_ODDS = 36.0
"""A probability any nearer to 1 is 1 in float64."""


def histogram_chart(
    name: str, target: str, scores: Floats, same: Mask, member: Mask, *, level: str = "pair"
) -> Chart:
    """Scores of a target, members against non-members, matched above and mismatched below.

    Pictures and people are neither matched nor mismatched: at their levels there is one panel.

    Scores that are probabilities are shown as log odds, which spread what crowds at 0 and 1.

    Args:
        name: of the chart.
        target: for people.
        scores: (n,) at least one.
        same: (n,) bool.
        member: (n,) bool.
        level: what a member is.
    """
    values, unit = spread(scores)
    edges = _edges(values)
    clipped = np.clip(values, edges[0], edges[-1])

    def painter(figure: Figure, wide: bool) -> Sequence[Key]:
        return _paint(figure, wide, clipped, unit, edges, panels, member)

    panels: list[Panel] = [(MEMBERS[level], np.ones_like(same))]
    if level == "pair":
        panels = [("pairs of one person", same), ("pairs of two people", ~same)]
    said = "; ".join(
        f"{kind}: mean score of members {values[rows & member].mean():.2f}, of others "
        f"{values[rows & ~member].mean():.2f}"
        for kind, rows in panels
        if (rows & member).any() and (rows & ~member).any()
    )
    alone = len(panels) == 1
    return paint(
        name,
        f"Scores that {plain(target)} gives to members and non-members",
        f"{'A histogram' if alone else 'Two histograms'} over the {unit}. {said}.",
        painter,
        wide=WIDE_ALONE if alone else WIDE,
        narrow=NARROW_ALONE if alone else NARROW,
    )


def _paint(
    figure: Figure,
    wide: bool,
    values: Floats,
    unit: str,
    edges: Floats,
    panels: Sequence[Panel],
    member: Mask,
) -> Sequence[Key]:
    left, top, bottom, between = (64 if wide else 58), 26, 48, 40
    last = len(panels) - 1
    height = (figure.get_figheight() * 72 - top - bottom - between * last) / len(panels)
    for i, (title, rows) in enumerate(panels):
        above = top + i * (height + between)
        below = bottom + (last - i) * (height + between)
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
        name_axes(axes, unit if i == last else "", f"share of {title.partition(' ')[0]}")
        axes.legend(
            loc="upper left" if i == 0 else "upper right",
            fontsize=11,
            frameon=True,
            framealpha=0.85,
            edgecolor="none",
            borderpad=0.3,
            handlelength=1.6,
        )
    return ()


def spread(scores: Floats) -> tuple[Floats, str]:
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
