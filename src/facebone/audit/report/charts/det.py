"""DET curves: both errors of verification on normal-deviate axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from facebone.audit.names import percent
from facebone.audit.report.bands import Floats
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
from facebone.audit.report.charts.roc import Line

WIDE, NARROW = (600, 460), (358, 360)

_TICKS = (0.0001, 0.001, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
_MOST = 0.6
"""Of either error; beyond lies nothing that anyone would use."""


def det_chart(lines: Sequence[Line]) -> Chart:
    """False rejects against false accepts of at least one target.

    Args:
        lines: true accept rates over false accept rates.
    """

    def painter(figure: Figure, wide: bool) -> Sequence[Key]:
        return _paint(figure, wide, lines)

    said = "; ".join(
        f"{plain(line.name)}: {percent(1 - float(np.interp(0.01, line.band.fpr, line.band.tpr)))}"
        for line in lines
    )
    return paint(
        "det",
        "DET: errors of verification on pairs not trained on",
        "Same person refused against another person accepted, on normal-deviate axes. "
        f"Same person refused when 1 % of others are accepted: {said}.",
        painter,
        wide=WIDE,
        narrow=NARROW,
    )


def _paint(figure: Figure, wide: bool, lines: Sequence[Line]) -> Sequence[Key]:
    axes = add_axes(figure, left=64 if wide else 58, right=22, top=14, bottom=48)
    least = min(float(line.band.fpr[0]) for line in lines)
    edges = _deviate(np.array([least, _MOST]))
    axes.set_xlim(*edges)
    axes.set_ylim(*edges)
    shown = [tick for tick in _TICKS if least <= tick <= _MOST]
    places = _deviate(np.array(shown))
    words = [f"{100 * tick:g} %" for tick in shown]
    axes.set_xticks(places, words)
    axes.set_yticks(places, words)
    name_axes(axes, "other person accepted (FAR)", "same person refused (FRR)")
    axes.plot(edges, edges, color=QUIET, linewidth=1.2, dashes=(4, 3))
    axes.annotate(
        "equal errors",
        (edges[0], edges[0]),
        (38, 16),
        textcoords="offset pixels",
        rotation=45,
        rotation_mode="anchor",
        transform_rotates_text=True,
        horizontalalignment="left",
        verticalalignment="top",
        color=QUIET,
        fontsize=11,
    )
    for line in lines:
        i, band = line.number, line.band
        colour = COLOURS[i % len(COLOURS)]
        x = _deviate(band.fpr)
        axes.fill_between(
            x,
            _deviate(1 - band.high),
            _deviate(1 - band.low),
            color=colour,
            alpha=0.14,
            linewidth=0,
        )
        axes.plot(
            x,
            _deviate(1 - band.tpr),
            color=colour,
            linewidth=2.2,
            linestyle=DASHES[i % len(DASHES)],
            label=plain(line.name, 34 if wide else 26),
        )
    axes.legend(
        loc="upper right",
        fontsize=11,
        frameon=True,
        framealpha=0.85,
        edgecolor="none",
        borderpad=0.3,
        handlelength=2.6,
    )
    return ()


def _deviate(rate: Floats) -> Floats:
    """The normal deviate of rates, finite at 0 and 1."""
    from scipy.special import ndtri

    found: Floats = ndtri(np.clip(rate, 1e-6, 1 - 1e-6))
    return found
