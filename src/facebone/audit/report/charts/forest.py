"""Attacks in a row each: AUC with interval, beside its control and its blind baseline."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from facebone.audit.report.charts.canvas import (
    COLOURS,
    GRID,
    GROUND,
    INK,
    QUIET,
    Chart,
    Key,
    add_axes,
    paint,
    plain,
)
from facebone.audit.schema import AttackResult, E, Interval

_ROW, _ABOVE, _BELOW = 46, 40, 48
_ATTACK, _CONTROL, _BASELINE = COLOURS[0], QUIET, COLOURS[1]
_PLACES = ((0.2, _ATTACK, "o", True), (0.0, _CONTROL, "o", False), (-0.2, _BASELINE, "D", False))
_NAMES = ("attack", "control", "blind baseline")


def forest_chart(name: str, target: str, attacks: Sequence[AttackResult]) -> Chart:
    """AUC of at least one attack on a target, the strongest first."""

    def painter(figure: Figure, wide: bool) -> Sequence[Key]:
        return _paint(figure, wide, attacks)

    height = _ABOVE + _BELOW + _ROW * len(attacks)
    said = "; ".join(f"{plain(attack.name)} {_said(attack.auc)}" for attack in attacks)
    return paint(
        name,
        f"AUC of each attack on {plain(target)}, its control and its blind baseline",
        f"With 95 % intervals; 0.5 is guessing. {said}.",
        painter,
        wide=(1060, height),
        narrow=(358, height),
    )


def _paint(figure: Figure, wide: bool, attacks: Sequence[AttackResult]) -> Sequence[Key]:
    axes = add_axes(figure, left=170 if wide else 122, right=22, top=_ABOVE, bottom=_BELOW)
    axes.grid(False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-0.5, len(attacks) - 0.5)
    rows = [len(attacks) - 1 - i for i in range(len(attacks))]
    limit = 20 if wide else 16
    axes.set_yticks(rows, [_label(attack.name, limit) for attack in attacks])
    axes.tick_params(axis="y", length=0, labelsize=12)
    axes.axvline(0.5, color=QUIET, linewidth=1.2, dashes=(4, 3))
    _scale(axes, attacks)
    for row, attack in zip(rows, attacks, strict=True):
        if row:
            axes.axhline(row - 0.5, color=GRID, linewidth=1)
        figures = (attack.auc, attack.control.auc, attack.baseline.auc)
        for figure_, (shift, colour, marker, filled) in zip(figures, _PLACES, strict=True):
            if not isinstance(figure_, Interval):
                continue
            y = row + shift
            axes.plot(
                [figure_.low, figure_.high], [y, y], color=colour, linewidth=2.4 if filled else 1.4
            )
            axes.plot(
                [figure_.value],
                [y],
                marker,
                color=colour,
                markersize=8 if filled else 6,
                markerfacecolor=colour if filled else GROUND,
                markeredgewidth=1.4,
            )
        if not isinstance(attack.auc, Interval):
            axes.annotate(
                "refused, see the table",
                (0.5, row + 0.16),
                (6, -4),
                textcoords="offset pixels",
                color=INK,
                fontsize=11,
            )
    axes.set_xlabel("AUC (0.5 = guessing)")
    handles = [
        Line2D(
            [],
            [],
            color=colour,
            marker=marker,
            markerfacecolor=colour if filled else GROUND,
            markersize=7,
            linewidth=2,
        )
        for _, colour, marker, filled in _PLACES
    ]
    axes.legend(
        handles,
        _NAMES,
        ncols=3,
        loc="lower left",
        bbox_to_anchor=(0 if wide else -0.48, 1.0),
        frameon=False,
        fontsize=11,
        borderaxespad=0.2,
        columnspacing=1.4,
        handlelength=1.8,
    )
    return ()


def _label(name: str, limit: int) -> str:
    """A name in one line, or in two where it is long and can be parted."""
    words = plain(name)
    if len(words) <= limit:
        return words
    place = max(words.rfind(mark, 0, limit + 1) for mark in " :,")
    if place <= 0:
        return plain(words, limit)
    end = place if words[place] == " " else place + 1
    return f"{words[:end]}\n{plain(words[end:].strip(), limit)}"


def _scale(axes: Axes, attacks: Sequence[AttackResult]) -> None:
    known = [
        figure
        for attack in attacks
        for figure in (attack.auc, attack.control.auc, attack.baseline.auc)
        if isinstance(figure, Interval)
    ]
    low = min([0.47, *(figure.low for figure in known)])
    high = max([0.60, *(figure.high for figure in known)])
    axes.set_xlim(max(low - 0.01, -0.02), min(high + 0.02, 1.02))
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))


def _said(figure: E) -> str:
    if isinstance(figure, Interval):
        return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"
    return "refused"
