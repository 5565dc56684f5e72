"""Which targets stand on the Pareto front of quality against leak, and which behind it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from facebone.audit.schema import Interval


class Place(StrEnum):
    """Where a target stands among the others."""

    FRONT = "on the front"
    CLOSE = "behind it, within the intervals"
    BEHIND = "behind it"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a target leaks and how well it works.

    Args:
        number: position in the audit, from 0.
        name: for people.
        leak: how well the attack does; less is better.
        quality: how well the target recognises people; more is better.
    """

    number: int
    name: str
    leak: Interval
    quality: Interval


@dataclass(frozen=True, slots=True)
class Ranked:
    """A target and its place.

    Args:
        standing: of the target.
        place: among all that it was ranked with.
        behind: name of a target that dominates it, clearly if any does; empty on the front.
    """

    standing: Standing
    place: Place
    behind: str = ""


def rank(standings: Sequence[Standing], *, guessing: float) -> list[Ranked]:
    """The place of each target, in the given order.

    One target dominates another if it leaks no more and works no worse, by the figures themselves,
    and is better in one of the two. It does so clearly if in one of the two the 95 % intervals do
    not overlap, which is when this report calls figures different; otherwise within the intervals.
    An attack that does worse than guessing finds as little as guessing does, so that leaks below
    `guessing` are all equal: chance alone orders them.

    Args:
        standings: of all targets that are compared.
        guessing: the leak that an attack finds without knowing anything.
    """
    found = []
    for one in standings:
        better = [other for other in standings if dominates(other, one, guessing=guessing)]
        clearly = [other for other in better if _clearly(other, one, guessing)]
        if not better:
            found.append(Ranked(one, Place.FRONT))
        elif clearly:
            found.append(Ranked(one, Place.BEHIND, clearly[0].name))
        else:
            found.append(Ranked(one, Place.CLOSE, better[0].name))
    return found


def dominates(one: Standing, other: Standing, *, guessing: float) -> bool:
    """Whether `one` is no worse than `other` in both figures and better in one."""
    leak, others_leak = (max(each.leak.value, guessing) for each in (one, other))
    quality, others_quality = one.quality.value, other.quality.value
    return (
        leak <= others_leak
        and quality >= others_quality
        and (leak < others_leak or quality > others_quality)
    )


def _clearly(one: Standing, other: Standing, guessing: float) -> bool:
    """Whether an interval of a target that dominates lies wholly on the better side."""
    return (
        max(one.leak.high, guessing) < max(other.leak.low, guessing)
        or one.quality.low > other.quality.high
    )


def stairs(
    ranked: Sequence[Ranked], *, guessing: float, left: float, right: float, bottom: float
) -> list[tuple[float, float]]:
    """Corners of the line through the front, from the lower left to the upper right.

    What lies below it and to its right is dominated. A first target that leaks no more than
    guessing dominates all that is less accurate, however little it leaks: the line begins at the
    left edge then.

    Args:
        ranked: at least one target.
        guessing: see `rank`.
        left: edge of the picture.
        right: edge of the picture.
        bottom: edge of the picture.
    """
    front = sorted(
        (one.standing for one in ranked if one.place is Place.FRONT),
        key=lambda one: (one.leak.value, one.quality.value),
    )
    first = front[0]
    height = first.quality.value if first.leak.value <= guessing else bottom
    corners = [(left if first.leak.value <= guessing else first.leak.value, height)]
    for one in front:
        corners += [(one.leak.value, height), (one.leak.value, one.quality.value)]
        height = one.quality.value
    return list(dict.fromkeys([*corners, (right, height)]))
