"""Names beside the points of a picture, and numbers with a key where names find no room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

from matplotlib.axes import Axes
from matplotlib.text import Text

from facebone.audit.report.charts.canvas import GROUND, QUIET, Key, plain
from facebone.audit.report.labels import FAR, NEAR, Box, Point, nearest, place_labels

DIM = "#8b949e"
"""Of targets behind the front; what is written about them is darker, to be read."""

_CLEAR = 5.0
"""Pixels around a point and an interval that labels keep free."""

_LEAD = 12.0
"""A label further from its point than that has a line to it."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A point and its cross, in pixels.

    Args:
        number: of the target, from 0.
        name: for people.
        colour: of the cross.
        front: whether it stands on the front.
        point: where the point is.
        across: from where to where the interval of the leak goes.
        up: from where to where the interval of the quality goes.
    """

    number: int
    name: str
    colour: str
    front: bool
    point: Point
    across: tuple[float, float]
    up: tuple[float, float]

    @property
    def ink(self) -> str:
        """The colour of what is written about it."""
        return self.colour if self.front else QUIET


def label_marks(
    axes: Axes, marks: Sequence[Mark], texts: Sequence[Box], line: Sequence[Box], wide: bool
) -> Sequence[Key]:
    """Write the name of each target beside its point, or numbers and a key of them.

    Names of the front are tried with numbers for the others before all are numbers.

    Args:
        axes: that the points lie in.
        marks: of all targets.
        texts: boxes of what is already written.
        line: boxes of lines that are better not written over, without width.
        wide: whether it is the wide picture.
    """
    crosses = [box for mark in marks for box in _cross(mark)]
    lines = [_grown(box, 2.0) for box in line]
    points = [_grown((*mark.point, *mark.point), _CLEAR) for mark in marks]
    full = [*texts, *crosses, *lines]
    numbers = [str(mark.number + 1) for mark in marks]
    for letters in (30, 16, 12) if wide else (16, 12):
        names = ["\n".join(wrap(plain(mark.name), letters)) for mark in marks]
        if _write(axes, marks, names, full, NEAR):
            return ()
    for letters in (30, 16) if wide else (16,):
        names = [
            "\n".join(wrap(plain(mark.name), letters)) if mark.front else number
            for mark, number in zip(marks, numbers, strict=True)
        ]
        for blocked in (full, [*texts, *crosses]):
            if _write(axes, marks, names, blocked, FAR[:5]):
                return _key([mark for mark in marks if not mark.front])
    for blocked in (full, [*texts, *crosses], [*texts, *points]):
        if _write(axes, marks, numbers, blocked, FAR):
            return _key(marks)
    _fill(axes, marks, 18 if wide else 15)
    return _key(marks)


def _key(marks: Sequence[Mark]) -> list[Key]:
    return [Key(str(mark.number + 1), mark.ink, mark.name) for mark in marks]


def _cross(mark: Mark) -> list[Box]:
    x, y = mark.point
    return [
        (mark.across[0], y - _CLEAR, mark.across[1], y + _CLEAR),
        (x - _CLEAR, mark.up[0], x + _CLEAR, mark.up[1]),
    ]


def _grown(box: Box, by: float) -> Box:
    return box[0] - by, box[1] - by, box[2] + by, box[3] + by


def _write(
    axes: Axes,
    marks: Sequence[Mark],
    words: Sequence[str],
    blocked: Sequence[Box],
    gaps: Sequence[float],
) -> bool:
    """Write texts beside the points, if all of them find room."""
    written: list[Text] = [
        axes.text(
            0,
            0,
            text,
            color=mark.ink,
            fontsize=13 if mark.front else 12,
            fontweight="bold" if mark.front else "normal",
            zorder=6,
        )
        for text, mark in zip(words, marks, strict=True)
    ]
    sizes = []
    for text in written:
        extent = text.get_window_extent()
        sizes.append((extent.width, extent.height))
    frame = axes.get_window_extent()
    # The front is placed first, where there is most room.
    order = sorted(range(len(marks)), key=lambda i: not marks[i].front)
    places = place_labels(
        [marks[i].point for i in order],
        [sizes[i] for i in order],
        blocked,
        (frame.x0 + 3, frame.y0 + 3, frame.x1, frame.y1 + 3),
        gaps,
    )
    if places is None:
        for text in written:
            text.remove()
        return False
    for i, box in zip(order, places, strict=True):
        x, y = axes.transData.inverted().transform(box[:2])
        written[i].set_position((float(x), float(y)))
        written[i].set_verticalalignment("bottom")
        _lead(axes, marks[i], box)
    return True


def _lead(axes: Axes, mark: Mark, box: Box) -> None:
    """A thin line from a label to its point, where they stand apart."""
    end = nearest(mark.point, box)
    if (end[0] - mark.point[0]) ** 2 + (end[1] - mark.point[1]) ** 2 <= _LEAD**2:
        return
    ends = axes.transData.inverted().transform([mark.point, end])
    axes.plot(ends[:, 0], ends[:, 1], color=mark.ink, linewidth=0.7, zorder=1.9)


def _fill(axes: Axes, marks: Sequence[Mark], size: float) -> None:
    """Numbers in discs over the points, which may cover each other: the last resort."""
    for i, mark in enumerate(sorted(marks, key=lambda mark: mark.front)):
        x, y = axes.transData.inverted().transform(mark.point)
        place = (float(x), float(y))
        axes.plot(
            *place, "o", color=mark.ink, markersize=size, markeredgecolor=GROUND, zorder=5 + i
        )
        axes.annotate(
            str(mark.number + 1),
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
