"""The curves of a face: outline, ears, neck, brows, eyes, nose, mouth."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sin, sqrt

import numpy as np

from facebone.data.synthesis.identity import Eyes, Identity
from facebone.data.synthesis.nuisance import Expression
from facebone.data.synthesis.sketch import Sketch

Flat = list[tuple[float, float]]
Solid = list[tuple[float, float, float]]

LEFT, RIGHT = -1, 1
SIDES = (LEFT, RIGHT)

_CIRCLE: Flat = [(cos(pi * k / 7), sin(pi * k / 7)) for k in range(14)]


def draw_face(sketch: Sketch, person: Identity, expression: Expression) -> None:
    """Add all curves of the bare face, and the curve ``landmarks`` of five points."""
    sketch.in_plane("outline", outline(person), smooth=5)
    _ears_and_neck(sketch, person)
    for side in SIDES:
        _brow(sketch, person, expression, side)
        _eye(sketch, person.eyes, expression, side)
    _nose(sketch, person)
    corner = _mouth(sketch, person, expression)
    _spots(sketch, person)
    _landmarks(sketch, person, corner)


def _spots(sketch: Sketch, person: Identity) -> None:
    skin = person.skin
    if skin.moles:
        sketch.on_face("moles", [(x, y) for x, y, _ in skin.moles])
    if skin.freckles > 0.05:
        rng = np.random.default_rng(skin.texture_seed)
        places = rng.normal((0.0, 14.0), (15.0, 5.0), (int(10 + 26 * skin.freckles), 2))
        sketch.on_face("freckles", places.tolist())


def outline(person: Identity, *, grow: float = 0.0) -> Solid:
    """Control points of the face's outline, clockwise from the crown, `grow` pixels larger."""
    head = person.head
    cheek, jaw = head.cheek + grow, head.jaw + grow
    temple, crown = head.temple + grow, head.crown + grow
    chin, chin_half = head.chin + grow, head.chin_half + grow
    right: Solid = [
        (0.58 * temple, -0.86 * crown, 0.0),
        (0.93 * temple, -0.52 * crown, 0.0),
        (temple, -12.0, 0.0),
        (cheek, 6.0, 2.0),
        (0.55 * cheek + 0.45 * jaw, 24.0, 5.0),
        (jaw, 0.66 * chin, 11.0),
        (0.52 * jaw + 0.48 * chin_half, 0.85 * chin, 18.0),
        (chin_half, 0.975 * chin, 23.0),
    ]
    left = [(-x, y, z) for x, y, z in reversed(right)]
    return [(0.0, -crown, 0.0), *right, (0.0, chin, 25.0), *left]


def _ears_and_neck(sketch: Sketch, person: Identity) -> None:
    head = person.head
    for side in SIDES:
        x, size = head.cheek + 0.5, head.ear
        ear = [(side * (x + 5.5 * size * u + 1.0), 6.0 + 11.0 * size * v, -3.0) for u, v in _CIRCLE]
        sketch.in_plane(f"ear{side}", ear)
    half = 0.74 * head.jaw
    neck: Solid = [(-half, 34.0, -6.0), (half, 34.0, -6.0)]
    neck += [(half, head.chin + 14, -8.0), (half + 8, head.chin + 24, -8.0)]
    neck += [(-half - 8, head.chin + 24, -8.0), (-half, head.chin + 14, -8.0)]
    sketch.in_plane("neck", neck)
    base = head.chin + 15
    shoulders: Solid = [(-half - 2, base, -8.0), (0.0, base + 12, -4.0), (half + 2, base, -8.0)]
    shoulders += [(half + 30, base + 9, -8.0), (half + 62, base + 26, -8.0)]
    shoulders += [(half + 70, base + 90, -8.0), (-half - 70, base + 90, -8.0)]
    shoulders += [(-half - 62, base + 26, -8.0), (-half - 30, base + 9, -8.0)]
    sketch.in_plane("shoulders", shoulders)


def _brow(sketch: Sketch, person: Identity, expression: Expression, side: int) -> None:
    brow, x0 = person.brows, person.eyes.spacing
    y0 = -brow.height - 1.3 * expression.brow_raise + 0.8 * expression.squint
    upper: Flat = []
    lower: Flat = []
    for step in range(5):
        u = step / 2 - 1.0  # -1 at the nose, 1 at the temple
        x = side * (x0 + 0.8 + u * brow.half_length)
        y = y0 - brow.arch * (1 - (u - 0.25) ** 2) + brow.arch * 0.5 - brow.tilt * u
        half = 0.5 * brow.thickness * (1.0 - 0.55 * max(0.0, u) ** 1.5) * (1 - 0.25 * (u < -0.9))
        upper.append((x, y - half))
        lower.append((x, y + half))
    sketch.on_face(f"brow{side}", upper + lower[::-1], lift=2.0)


Lids = Callable[[float], tuple[float, float]]


def _lids(eyes: Eyes, expression: Expression) -> Lids:
    """Heights of the upper and lower lid as a function of u from -1 (nose) to 1 (temple)."""
    opening = eyes.opening * (1 - 0.75 * min(1.0, expression.squint)) + 0.25 * expression.brow_raise
    opening = max(0.45, opening)
    cheer = 0.35 * max(0.0, expression.smile)

    def at(u: float) -> tuple[float, float]:
        bulge = 1 - u * u
        slant = -eyes.tilt * u
        upper = -opening * bulge ** (0.62 - 0.06 * u) + slant
        lower = 0.62 * opening * bulge**0.8 + slant - cheer * bulge
        return upper, max(lower, upper + 0.3)

    return at


def _eye(sketch: Sketch, eyes: Eyes, expression: Expression, side: int) -> None:
    grid = [k / 5 - 1.0 for k in range(11)]
    lids_at = _lids(eyes, expression)
    lids = [lids_at(u) for u in grid]

    def at(u: float) -> float:
        return side * (eyes.spacing + u * eyes.half_width)

    upper = [(at(u), high) for u, (high, _) in zip(grid, lids, strict=True)]
    lower = [(at(u), low) for u, (_, low) in zip(grid, lids, strict=True)]
    sketch.on_face(f"eye{side}", upper + lower[::-1], lift=-3.0)
    sketch.on_face(f"lid{side}", upper, lift=-2.6)
    sketch.on_face(f"underlid{side}", lower[1:-1], lift=-2.8)
    above = 1.6 + 1.5 * eyes.crease
    crease = [
        (x, y - above * (1.15 - 0.25 * abs(u))) for (x, y), u in zip(upper, grid, strict=True)
    ]
    sketch.on_face(f"crease{side}", crease[1:], lift=-1.5)
    # The iris is cut off by the lids point by point.
    centre_u = expression.gaze_x * side / eyes.half_width
    centre_y = sum(lids_at(centre_u)) * 0.5 - 0.5 + 0.6 * expression.gaze_y
    for name, radius in (("iris", eyes.iris), ("pupil", 0.45 * eyes.iris)):
        points = []
        for cosine, sine in _CIRCLE:
            u = max(-0.97, min(0.97, centre_u + side * radius * cosine / eyes.half_width))
            high, low = lids_at(u)
            points.append((at(u), max(high, min(low, centre_y + radius * sine))))
        sketch.on_face(f"{name}{side}", points, lift=-2.8)
    sketch.on_face(f"glint{side}", [(at(centre_u) - 1.1, centre_y - 1.1)], lift=-2.4)


def _nose(sketch: Sketch, person: Identity) -> None:
    nose = person.nose
    tip, wide, high = nose.length, nose.half_width, nose.height
    for side in SIDES:
        x, y = side * 0.5 * wide, tip + 2.6
        radius = nose.nostril
        hole = [(x + 1.25 * radius * u, y + 0.62 * radius * v + 0.25 * abs(u)) for u, v in _CIRCLE]
        sketch.on_face(f"nostril{side}", hole, lift=0.45 * high)
        wing = [
            (side * 0.80 * wide, tip - 4.4),
            (side * 1.06 * wide, tip - 1.2),
            (side * 1.02 * wide, tip + 2.0),
            (side * 0.72 * wide, tip + 3.4),
        ]
        sketch.on_face(f"wing{side}", wing, lift=0.3 * high, smooth=3, closed=False)
        bridge = [
            (side * (nose.bridge + 1.4), -7.0),
            (side * nose.bridge, 0.0),
            (side * (0.6 * nose.bridge + 0.4 * wide * 0.6), 0.55 * tip),
        ]
        sketch.on_face(f"bridge{side}", bridge, lift=0.45 * high, smooth=3, closed=False)
    base = [(-0.4 * wide, tip + 3.6), (0.0, tip + 4.4), (0.4 * wide, tip + 3.6)]
    sketch.on_face("septum", base, lift=0.6 * high, smooth=3, closed=False)
    # Heights for the light: root, ridge, tip, wings.
    sketch.on_face("ridge", [(0.0, -2.0), (0.0, 0.33 * tip), (0.0, 0.68 * tip), (0.0, tip)], lift=8)
    sketch.on_face("wings", [(-0.8 * wide, tip), (0.8 * wide, tip)], lift=0.4 * high)


def _mouth(sketch: Sketch, person: Identity, expression: Expression) -> tuple[float, float]:
    """Add the lips; return the image-right corner."""
    mouth = person.mouth
    smile, gape = expression.smile, min(1.0, expression.mouth_open)
    wide = mouth.half_width * (1.0 + 0.13 * smile - 0.08 * gape)
    middle = mouth.drop
    # A mouth at rest already turns up a little; one that does not looks sad.
    corner_y = middle - 0.9 - 2.0 * smile + 0.5 * gape
    open_up, open_down = 1.1 * gape, 5.5 * gape
    full = 1.0 - 0.16 * max(0.0, smile)

    def line(u: float, bend: float) -> float:
        return corner_y + (middle - corner_y + bend) * (1 - u * u)

    grid = [k / 4 - 1.0 for k in range(9)]
    inner_top = [(u * wide, line(u, -open_up) + 0.5 * (1 - abs(u)) * mouth.bow) for u in grid]
    inner_low = [(u * wide, line(u, open_down)) for u in grid]
    top: Flat = []
    for u in grid:
        bow = mouth.bow * (
            1.3 * max(0.0, 1 - 5 * u * u) - 0.7 * max(0.0, 1 - 9 * (abs(u) - 0.27) ** 2)
        )
        rise = mouth.upper * full * sqrt(max(0.0, 1 - u * u)) * (1 - 0.25 * abs(u))
        top.append((u * wide, line(u, -open_up) - rise + bow * 0.8))
    low = [
        (u * wide, line(u, open_down) + mouth.lower * full * (max(0.0, 1 - u * u)) ** 0.7)
        for u in grid
    ]
    sketch.on_face("upper_lip", top + inner_top[::-1], lift=2.5)
    sketch.on_face("lower_lip", inner_low + low[::-1], lift=2.5)
    sketch.on_face("mouth_line", inner_top, lift=2.2, closed=False)
    sketch.on_face("gap", inner_top + inner_low[::-1], lift=2.0)
    teeth_y = min(open_down, 2.6)
    teeth = [(u * wide * 0.8, line(u, -open_up) + 0.4) for u in grid]
    teeth += [
        (u * wide * 0.72, line(u, -open_up) + 0.4 + teeth_y * (1 - u * u)) for u in grid[::-1]
    ]
    sketch.on_face("teeth", teeth, lift=1.6)
    fold = [
        (person.nose.half_width + 2.6, person.nose.length + 1.0),
        (
            0.5 * (person.nose.half_width + wide) + 4.2 + smile,
            0.5 * (person.nose.length + middle) + 1,
        ),
        (wide + 3.4 + 0.6 * smile, middle - 1.0),
    ]
    for side in SIDES:
        sketch.on_face(
            f"fold{side}", [(side * x, y) for x, y in fold], lift=1.0, smooth=3, closed=False
        )
    chin_y = 0.5 * (middle + mouth.lower + open_down + person.head.chin) - 0.5
    lips_y = (middle - 2.4 - open_up, middle + 2.6 + open_down)
    sketch.on_face("lips", [(0.0, lips_y[0]), (0.0, lips_y[1])], lift=2.5)
    sketch.on_face("hollow", [(0.0, chin_y - 2.0), (0.0, chin_y + 5.0)], lift=1.0)
    return wide, corner_y


def _landmarks(sketch: Sketch, person: Identity, corner: tuple[float, float]) -> None:
    eye, nose = person.eyes.spacing, person.nose
    # One curve with three lifts: the eyes lie deep, the nose sticks out.
    sketch.on_face("eye_marks", [(-eye, 0.0), (eye, 0.0)], lift=-2.8)
    sketch.on_face("nose_mark", [(0.0, nose.length)], lift=nose.height)
    sketch.on_face("mouth_marks", [(-corner[0], corner[1]), corner], lift=2.4)
