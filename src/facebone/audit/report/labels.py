"""Where labels stand beside points without covering each other. Pure geometry, in pixels."""

from __future__ import annotations

from collections.abc import Sequence

Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, bottom, right, top."""

_DIRECTIONS = ((1, 1), (-1, 1), (1, -1), (-1, -1), (1, 0), (-1, 0), (0, 1), (0, -1))
_BETWEEN = tuple((x, y / 2) for x in (1, -1) for y in (1, -1)) + tuple(
    (x / 2, y) for x in (1, -1) for y in (1, -1)
)

NEAR = (7.0, 14.0, 24.0)
FAR = (*NEAR, 34.0, 46.0, 60.0, 76.0)
"""Gaps between a point and its label, in pixels; beyond the near ones a line must lead there."""


def place_labels(
    points: Sequence[Point],
    sizes: Sequence[Point],
    taken: Sequence[Box],
    bounds: Box,
    gaps: Sequence[float] = NEAR,
) -> list[Box] | None:
    """A box for each label near its point, over no other label, nothing taken, inside `bounds`.

    Labels are placed in turn, each at the first place that is free; where that fails, again with
    another one first.

    Args:
        points: (n) what the labels belong to.
        sizes: (n) width and height of each label.
        taken: boxes that must stay visible, such as points and their intervals.
        bounds: of the picture.
        gaps: between a point and its label, the best first.

    Returns:
        n boxes, or None if there is no room.
    """
    count = len(points)
    for first in range(max(count, 1)):
        order = [first, *(i for i in range(count) if i != first)] if count else []
        found: dict[int, Box] = {}
        for i in order:
            blocked = [*taken, *found.values()]
            box = _free(points[i], sizes[i], blocked, bounds, gaps)
            if box is None:
                break
            found[i] = box
        if len(found) == count:
            return [found[i] for i in range(count)]
    return None


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes share more than an edge."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def nearest(point: Point, box: Box) -> Point:
    """The place in a box that is nearest to a point."""
    return (
        min(max(point[0], box[0]), box[2]),
        min(max(point[1], box[1]), box[3]),
    )


def _free(
    point: Point, size: Point, blocked: Sequence[Box], bounds: Box, gaps: Sequence[float]
) -> Box | None:
    for gap in gaps:
        for towards in _DIRECTIONS if gap in NEAR else _DIRECTIONS + _BETWEEN:
            box = _beside(point, size, towards, gap)
            inside = (
                box[0] >= bounds[0]
                and box[1] >= bounds[1]
                and box[2] <= bounds[2]
                and box[3] <= bounds[3]
            )
            if inside and not any(overlap(box, other) for other in blocked):
                return box
    return None


def _beside(point: Point, size: Point, towards: Point, gap: float) -> Box:
    """The box of `size` that lies `towards` a side or corner of `point`."""
    left, bottom = (
        place + direction * gap - length * (1 - direction) / 2
        for place, length, direction in zip(point, size, towards, strict=True)
    )
    return left, bottom, left + size[0], bottom + size[1]
