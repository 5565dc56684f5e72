"""Colours of skin, hair and eyes, and the arithmetic on them; RGB in 0..255."""

from __future__ import annotations

from collections.abc import Sequence

Colour = tuple[float, float, float]

# Waypoints that real skin, hair and irises lie between; a person gets a point on the way.
SKINS: tuple[Colour, ...] = (
    (238, 206, 184),
    (230, 188, 158),
    (214, 164, 127),
    (190, 133, 94),
    (146, 95, 66),
    (104, 67, 48),
    (72, 47, 36),
)
HAIRS: tuple[Colour, ...] = (
    (26, 22, 22),
    (56, 38, 28),
    (98, 64, 40),
    (142, 84, 44),
    (150, 62, 30),
    (206, 162, 92),
    (228, 200, 140),
    (148, 146, 144),
    (214, 212, 208),
)
IRISES: tuple[Colour, ...] = (
    (62, 38, 22),
    (104, 66, 34),
    (128, 108, 58),
    (86, 122, 78),
    (88, 126, 164),
    (126, 140, 150),
)
FRAMES: tuple[Colour, ...] = (
    (24, 24, 28),
    (94, 54, 34),
    (150, 32, 44),
    (36, 62, 122),
    (164, 146, 96),
    (170, 174, 180),
)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """The colour that lies `share` of the way from `a` to `b`."""
    keep = 1.0 - share
    return (
        a[0] * keep + b[0] * share,
        a[1] * keep + b[1] * share,
        a[2] * keep + b[2] * share,
    )


def shade(colour: Colour, factor: float) -> Colour:
    """A colour made darker (below 1) or lighter (above 1), kept in 0..255."""
    return (
        min(255.0, colour[0] * factor),
        min(255.0, colour[1] * factor),
        min(255.0, colour[2] * factor),
    )


def along(colours: Sequence[Colour], position: float) -> Colour:
    """The colour at `position` in 0..1 on the way through `colours`."""
    place = min(max(position, 0.0), 1.0) * (len(colours) - 1)
    first = min(int(place), len(colours) - 2)
    return mix(colours[first], colours[first + 1], place - first)
