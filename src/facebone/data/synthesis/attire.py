"""The curves of hair, beard and glasses, and of what covers a face in some pictures."""

from __future__ import annotations

from math import copysign, cos, pi, sin, sqrt

import numpy as np

from facebone.data.synthesis.anatomy import SIDES, Flat, Solid
from facebone.data.synthesis.identity import GlassesStyle, HairStyle, Identity
from facebone.data.synthesis.nuisance import Surroundings
from facebone.data.synthesis.sketch import Sketch

# Half width, half height, exponent of the superellipse, and drop of a lens.
_LENSES: dict[GlassesStyle, tuple[float, float, float, float]] = {
    "round": (10.6, 9.6, 2.0, 1.2),
    "square": (12.6, 8.4, 5.0, 1.0),
    "half": (12.2, 6.2, 3.0, 1.8),
}
_CIRCLE: Flat = [(cos(pi * k / 12), sin(pi * k / 12)) for k in range(24)]
_STRANDS = 6
FINGERS = 4


def draw_hair(sketch: Sketch, person: Identity, lift: float) -> None:
    """Add ``hair_inner`` and ``hair_outer``, as many points each, and ``hair_back``.

    Args:
        sketch: where they go.
        person: whose hair.
        lift: how much more the hair stands off in this picture.
    """
    hair, head = person.hair, person.head
    stand = max(0.5, 4.5 * hair.volume + lift)
    if hair.style == "curly":
        stand += 7.0
    inner = _hairline(person)
    if hair.parting < 0:
        inner = [(-x, y) for x, y in reversed(inner)]
    half = head.cheek + {"long": 4.5, "wavy": 7.5, "curly": 6.5}.get(hair.style, 0.8)
    high = head.crown - 8.0 + stand
    outer: Solid = []
    last = len(inner) - 1
    for k, (x, y) in enumerate(inner):
        if hair.style == "crest":
            top = -head.crown * sqrt(1 - (x / head.cheek) ** 2) - 1.5 * stand
            outer.append((1.1 * x, top, 0.0))
        else:
            angle = pi * (1 - k / last)
            up = y if k in (0, last) else -8.0 - high * sin(angle)
            outer.append((half * cos(angle), up, 0.0))
    sketch.on_face("hair_inner", inner, lift=2.0, smooth=_STRANDS, closed=False)
    sketch.in_plane("hair_outer", outer, smooth=_STRANDS, closed=False)
    if hair.style in ("long", "wavy", "curly"):
        sketch.in_plane("hair_back", _back(person, half + 1.5, high), smooth=4)


def _hairline(person: Identity) -> Flat:
    """Nine control points of the hair's edge on the face, from image-left to image-right."""
    style = person.hair.style
    if style in ("long", "wavy"):
        return _curtains(person)
    if style == "parted":
        return _parted(person)
    c, t, f = 0.99 * person.head.cheek, person.head.temple, -person.head.forehead
    burn = _sideburn(person)
    low = -17.0 - 3.0 * person.hair.length
    # The middle, then image-right; the other side is its mirror image.
    lines: dict[HairStyle, Flat] = {
        "receding": [
            (0.0, f + 2),
            (0.30 * t, f - 1),
            (0.58 * t, f - 11),
            (0.88 * t, f + 6),
            (c, burn),
        ],
        "fringe": [
            (0.0, low - 0.5),
            (0.32 * t, low),
            (0.62 * t, low + 0.5),
            (0.88 * t, low + 4),
            (c, burn + 6),
        ],
        "crest": [
            (0.0, f + 1),
            (0.26 * t, f),
            (0.46 * t, f + 1),
            (0.58 * t, f - 5),
            (0.62 * t, f - 16),
        ],
        "curly": [
            (0.0, f + 1),
            (0.34 * t, f + 3),
            (0.66 * t, f + 5),
            (0.90 * t, f + 16),
            (1.02 * c, 8 + burn),
        ],
    }
    short: Flat = [
        (0.0, f),
        (0.30 * t, f + 0.5),
        (0.62 * t, f + 4),
        (0.86 * t, f + 14),
        (c, burn),
    ]
    half = lines.get(style, short)
    return [*[(-x, y) for x, y in half[:0:-1]], *half]


def _sideburn(person: Identity) -> float:
    """How far down the hair before the ears goes."""
    return -4.0 + 14.0 * person.hair.length


def _parted(person: Identity) -> Flat:
    c, t, f = 0.99 * person.head.cheek, person.head.temple, -person.head.forehead
    part, burn = 0.2 + 0.35 * abs(person.hair.parting), _sideburn(person)
    left = [(-c, burn), (-0.92 * t, f + 16), (-0.72 * t, f + 5), (-part * t, f - 3)]
    sweep = [(0.0, f + 5), (0.36 * t, f + 10), (0.68 * t, f + 13), (0.93 * t, f + 20)]
    return [*left, *sweep, (c, burn)]


def _curtains(person: Identity) -> Flat:
    hair = person.hair
    c, t, f = 0.99 * person.head.cheek, person.head.temple, -person.head.forehead
    part, end = 0.2 + 0.35 * abs(hair.parting), 52.0 + 40.0 * hair.length
    wave, root = (3.0, (-0.70 * t, f + 8)) if hair.style == "wavy" else (0.0, (-0.62 * t, f + 6))
    left = [(-c - 2, end), (-0.97 * c - wave, 22.0), (-0.95 * t, f + 22), root]
    sweep = [(-0.25 * part * t, f - 2), (0.50 * t, f + 9), (0.93 * t, f + 23)]
    return [*left, *sweep, (0.97 * c + wave, 22.0), (c + 2, end)]


def _back(person: Identity, half: float, high: float) -> Solid:
    """Control points of the hair behind the head."""
    hair = person.hair
    if hair.style == "curly":
        rng = np.random.default_rng(hair.texture_seed)
        bumps = 1.0 + 0.045 * rng.standard_normal(24)
        return [
            (half * 1.06 * b * cx, -10.0 + (high + 1) * b * cy * (1.0 if cy < 0 else 0.72), -6.0)
            for (cx, cy), b in zip(_CIRCLE, bumps.tolist(), strict=True)
        ]
    end = 56.0 + 42.0 * hair.length
    flare = 5.0 if hair.style == "wavy" else 1.0
    right: Solid = [
        (0.62 * half, -8 - 0.86 * high, -5.0),
        (0.95 * half, -8 - 0.42 * high, -5.0),
        (half, 0.0, -6.0),
        (half + 0.5 * flare, 0.5 * end, -6.0),
        (half + flare, 0.85 * end, -6.0),
        (half - 3, end, -6.0),
        (0.5 * half, end + 2, -6.0),
    ]
    return [(0.0, -8 - high, -5.0), *right, *[(-x, y, z) for x, y, z in reversed(right)]]


def draw_beard(sketch: Sketch, person: Identity, smile: float) -> None:
    """Add ``moustache``, ``goatee``, ``beard_inner`` and ``beard_outer``."""
    head, mouth, nose = person.head, person.mouth, person.nose
    size = person.extras.beard_size
    top = 0.55 * nose.length + 0.45 * mouth.drop
    wide = mouth.half_width * (1 + 0.1 * smile)
    side: Flat = [
        (0.5 * wide, top + 0.6),
        (0.95 * wide, top + 3.0),
        (1.16 * wide, mouth.drop + 1.5 - 1.5 * smile + 4 * size),
    ]
    lower: Flat = [(0.8 * wide, mouth.drop - 1.5), (0.35 * wide, mouth.drop - 3.6)]
    half = [*side, *lower]
    whole = [(0.0, top + 0.3), *half, (0.0, mouth.drop - 3.2)]
    sketch.on_face("moustache", whole + [(-x, y) for x, y in reversed(half)], lift=3, smooth=3)
    reach = 1.18 + 0.12 * size
    chin: Flat = [
        (0.6 * wide, top + 0.5),
        (reach * wide, mouth.drop - 2),
        (reach * 0.98 * wide, mouth.drop + 6),
        (0.72 * wide, head.chin - 1.5),
    ]
    goatee = [(0.0, top), *chin, (0.0, head.chin + 1.0 + 3 * size)]
    sketch.on_face("goatee", goatee + [(-x, y) for x, y in reversed(chin)], lift=1.5, smooth=4)
    edge = head.cheek
    line: Flat = [
        (0.97 * edge, 4.0),
        (0.90 * edge, 18.0),
        (0.66 * edge, 29.0 - 4.0 * size),
        (0.42 * edge, top + 3.0),
        (0.16 * edge, top + 0.4),
    ]
    inner = [(-x, y) for x, y in line] + [(x, y) for x, y in reversed(line)]
    sketch.on_face("beard_inner", inner, lift=1.0, smooth=4, closed=False)
    grow = 0.6 + 3.5 * size
    rim: Solid = [
        (head.cheek + 0.4, 4.0, 2.0),
        (head.cheek * 0.98 + 0.3 * grow, 18.0, 4.0),
        (head.jaw + 0.6 * grow, 0.66 * head.chin, 11.0),
        (0.55 * head.jaw + 0.45 * head.chin_half + grow, 0.86 * head.chin + 0.5 * grow, 18.0),
        (0.55 * head.chin_half, head.chin + grow, 24.0),
    ]
    outer = [(-x, y, z) for x, y, z in rim] + [(x, y, z) for x, y, z in reversed(rim)]
    sketch.in_plane("beard_outer", outer, smooth=4, closed=False)


def draw_glasses(sketch: Sketch, person: Identity, style: GlassesStyle, *, scale: float) -> None:
    """Add ``lens-1``, ``lens1``, ``bridge_bar``, ``arm-1`` and ``arm1``."""
    rx, ry, exponent, drop = _LENSES[style]
    rx, ry, spacing = rx * scale, ry * scale, person.eyes.spacing + 0.6
    rx = min(rx, spacing - 2.2)
    for side in SIDES:
        rim = [
            (
                side * spacing + rx * copysign(abs(u) ** (2 / exponent), u),
                drop + ry * copysign(abs(v) ** (2 / exponent), v),
            )
            for u, v in _CIRCLE
        ]
        sketch.on_face(f"lens{side}", rim, lift=5.0)
        arm: Flat = [(side * (spacing + rx), drop - 0.4 * ry), (side * person.head.cheek, -0.5)]
        sketch.on_face(f"arm{side}", arm, lift=3.0, closed=False)
    gap = spacing - rx
    bar = [(-gap, drop - 1.0), (0.0, drop - 2.6), (gap, drop - 1.0)]
    sketch.on_face("bridge_bar", bar, lift=6.0, smooth=3, closed=False)


def draw_cover(sketch: Sketch, person: Identity, around: Surroundings) -> None:
    """Add what covers the face in this picture: ``scarf``, ``hat``, ``brim`` or ``finger0``.."""
    head = person.head
    if around.occlusion == "scarf":
        top = 24.0 + 14.0 * around.cover_place
        wide = head.cheek + 4
        edge: Solid = [(-wide, top - 6, 0.0), (-0.5 * wide, top + 1, 24.0), (0.0, top + 3, 34.0)]
        edge += [(0.5 * wide, top + 1, 24.0), (wide, top - 6, 0.0)]
        edge += [(wide + 4, 90.0, 0.0), (-wide - 4, 90.0, 0.0)]
        sketch.in_plane("scarf", edge)
    elif around.occlusion == "hat":
        low = -head.forehead + 8.0 + 7.0 * around.cover_place
        wide, high = head.temple + 5, head.crown + 12
        cap: Solid = [(-wide, low, 2.0), (-0.5 * wide, low - 1, 30.0), (0.0, low, 34.0)]
        cap += [(0.5 * wide, low - 1, 30.0), (wide, low, 2.0), (0.97 * wide, 0.62 * -high, 0.0)]
        cap += [(0.6 * wide, -0.93 * high, 0.0), (0.0, -high, 0.0)]
        cap += [(-0.6 * wide, -0.93 * high, 0.0), (-0.97 * wide, 0.62 * -high, 0.0)]
        sketch.in_plane("hat", cap)
        band: Solid = [(x, y - 8, z) for x, y, z in cap[4::-1]]
        sketch.in_plane("brim", [*cap[:5], *band])
    elif around.occlusion == "hand":
        side = 1.0 if around.cover_place < 0.5 else -1.0
        x, y = side * (24.0 + 20.0 * abs(around.cover_place - 0.5)), 58.0
        for k in range(FINGERS):
            spread = side * (k - 1.5) * 7.5
            tip_y = 22.0 + 3.0 * abs(k - 1.3) + 16.0 * abs(around.cover_place - 0.5)
            finger = [(x + 0.8 * spread, y + 22, 26.0), (x + spread - 3 * side, tip_y, 34.0)]
            sketch.in_plane(f"finger{k}", finger, closed=False)
