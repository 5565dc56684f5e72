"""The picture to look at: accuracy against leak, a cross of two intervals for every target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from facebone.audit.names import percent
from facebone.audit.report.charts.canvas import (
    COLOURS,
    GROUND,
    INK,
    MARKERS,
    QUIET,
    Chart,
    Key,
    add_axes,
    name_axes,
    paint,
    plain,
)
from facebone.audit.report.labels import Box, place_labels
from facebone.audit.schema import Interval

WIDE, NARROW = (600, 540), (358, 318)

MOST_NAMES = 6
"""Beyond that many, names hide the points they belong to."""

_CLEAR = 5.0
"""Pixels around a point and an interval that labels keep free."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a target stands.

    Args:
        name: for people.
        accuracy: on non-members.
        leak: AUC of its strongest attack.
    """

    name: str
    accuracy: Interval
    leak: Interval


def trade_off_chart(standings: Sequence[Standing]) -> Chart:
    """Accuracy over the leak of at least one target."""

    def painter(figure: Figure, wide: bool) -> Sequence[Key]:
        return _paint(figure, wide, standings)

    said = "; ".join(
        f"{plain(one.name)}: AUC {one.leak.value:.3f} ({one.leak.low:.3f} to {one.leak.high:.3f}), "
        f"accuracy {percent(one.accuracy.value)} ({percent(one.accuracy.low)} to "
        f"{percent(one.accuracy.high)})"
        for one in standings
    )
    return paint(
        "trade-off",
        "Accuracy against leak, with 95 % intervals",
        f"Up is more accurate, left leaks less, an AUC of 0.5 is guessing. {said}.",
        painter,
        wide=WIDE,
        narrow=NARROW,
    )


def _paint(figure: Figure, wide: bool, standings: Sequence[Standing]) -> Sequence[Key]:
    axes = add_axes(figure, left=62 if wide else 60, right=14, top=30, bottom=50 if wide else 46)
    _scale(axes, standings)
    name_axes(
        axes,
        "AUC of the strongest attack: more is more leak" if wide else "AUC of the strongest attack",
        "accuracy on pairs not trained on" if wide else "accuracy",
    )
    axes.axvline(0.5, color=QUIET, linewidth=1.2, dashes=(4, 3))
    guessing = axes.annotate(
        "guessing",
        (0.5, 0),
        (5, 5),
        xycoords=("data", "axes fraction"),
        textcoords="offset pixels",
        color=QUIET,
        fontsize=11,
    )
    axes.annotate(
        "\u2196 better: leaks less, recognises more",
        (0, 1),
        (0, 11),
        xycoords="axes fraction",
        textcoords="offset pixels",
        color=INK,
        fontsize=12,
        fontweight="bold",
    )
    for i, one in enumerate(standings):
        colour = COLOURS[i % len(COLOURS)]
        x, y = one.leak.value, one.accuracy.value
        width = 2.2 if len(standings) <= MOST_NAMES else 1.2
        axes.plot([one.leak.low, one.leak.high], [y, y], color=colour, linewidth=width)
        axes.plot([x, x], [one.accuracy.low, one.accuracy.high], color=colour, linewidth=width)
        axes.plot(
            [x], [y], MARKERS[i % len(MARKERS)], color=colour, markersize=9, markeredgecolor=GROUND
        )
    box = guessing.get_window_extent()
    return _label(axes, standings, wide, [(box.x0, box.y0, box.x1, box.y1)])


def _scale(axes: Axes, standings: Sequence[Standing]) -> None:
    """Limits that hold every interval and the line of guessing, with room for labels."""
    left = min(0.48, *(one.leak.low - 0.01 for one in standings))
    right = max(0.60, *(one.leak.high for one in standings))
    axes.set_xlim(left, min(1.0, right + 0.12 * (right - left)) + 0.004)
    low = min(one.accuracy.low for one in standings)
    high = max(one.accuracy.high for one in standings)
    room = max(high - low, 0.03)
    axes.set_ylim(low - 0.28 * room, min(high + 0.10 * room, 1.0 + 0.05 * room))
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g} %"))


def _label(
    axes: Axes, standings: Sequence[Standing], wide: bool, taken: list[Box]
) -> Sequence[Key]:
    """Write the names beside the points; numbers and a key where there is no room for names."""
    if len(standings) <= MOST_NAMES:
        for letters in (30, 16, 12) if wide else (16, 12):
            names = ["\n".join(wrap(plain(one.name), letters)) for one in standings]
            if _write(axes, standings, names, taken):
                return ()
    for i, one in enumerate(standings):
        place = (one.leak.value, one.accuracy.value)
        axes.plot(
            *place,
            "o",
            color=COLOURS[i % len(COLOURS)],
            markersize=18 if wide else 15,
            markeredgecolor=GROUND,
            zorder=5 + i,
        )
        axes.annotate(
            str(i + 1),
            place,
            (0, 0),
            textcoords="offset pixels",
            horizontalalignment="center",
            verticalalignment="center_baseline",
            color=GROUND,
            fontsize=11,
            fontweight="bold",
            zorder=5.5 + i,
        )
    return [Key(str(i + 1), COLOURS[i % len(COLOURS)], one.name) for i, one in enumerate(standings)]


def _write(
    axes: Axes, standings: Sequence[Standing], texts: Sequence[str], taken: Sequence[Box]
) -> bool:
    """Write texts beside the points, if all of them find room."""
    written = [
        axes.text(0, 0, text, color=COLOURS[i % len(COLOURS)], fontsize=13, fontweight="bold")
        for i, text in enumerate(texts)
    ]
    sizes = []
    for text in written:
        extent = text.get_window_extent()
        sizes.append((extent.width, extent.height))
    points, blocked = [], list(taken)
    for one in standings:
        corners = axes.transData.transform(
            [(one.leak.low, one.accuracy.low), (one.leak.high, one.accuracy.high)]
        )
        (x0, y0), (x1, y1) = corners
        x, y = axes.transData.transform((one.leak.value, one.accuracy.value))
        points.append((float(x), float(y)))
        blocked += [
            (x0, y - _CLEAR, x1, y + _CLEAR),
            (x - _CLEAR, y0, x + _CLEAR, y1),
        ]
    frame = axes.get_window_extent()
    places = place_labels(
        points, sizes, blocked, (frame.x0 + 3, frame.y0 + 3, frame.x1, frame.y1 + 3)
    )
    if places is None:
        for text in written:
            text.remove()
        return False
    for text, box in zip(written, places, strict=True):
        x, y = axes.transData.inverted().transform(box[:2])
        text.set_position((float(x), float(y)))
        text.set_verticalalignment("bottom")
    return True
