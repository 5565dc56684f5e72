"""Paint the curves of a head onto a canvas, back to front."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt

from facebone.data.pictures import RGB
from facebone.data.synthesis.anatomy import SIDES
from facebone.data.synthesis.attire import FINGERS
from facebone.data.synthesis.identity import Identity
from facebone.data.synthesis.nuisance import Nuisance
from facebone.data.synthesis.palette import Colour, mix, shade
from facebone.data.synthesis.sketch import Curves

# OpenCV takes coordinates as integers with this many bits behind the point.
_BITS = 4
_UNIT = 1 << _BITS
_DARK: Colour = (18.0, 12.0, 12.0)
_WHITE: Colour = (255.0, 255.0, 255.0)

Fixed = npt.NDArray[np.int32]


class Canvas:
    """A picture larger than what is shown, with the curves placed on it.

    Args:
        pixels: (h, w, 3) uint8, painted in place.
        curves: by name, in pixels of the canvas.
        scale: canvas pixels to one template pixel.
    """

    def __init__(self, pixels: RGB, curves: Curves, scale: float) -> None:
        self.pixels = pixels
        self.scale = scale
        self._fixed = np.rint(curves.points * _UNIT).astype(np.int32)
        self._slices = curves.slices

    def __contains__(self, name: str) -> bool:
        return name in self._slices

    def __getitem__(self, name: str) -> Fixed:
        return self._fixed[self._slices[name]]

    def fill(self, name: str, colour: Colour, *more: str) -> None:
        """Fill one curve; with `more`, the area between it and the others taken backwards."""
        points = self[name]
        if more:
            points = np.concatenate([points, *(self[other][::-1] for other in more)])
        cv2.fillPoly(self.pixels, [points], colour, cv2.LINE_AA, _BITS)

    def line(self, name: str, colour: Colour, width: float, *, closed: bool = False) -> None:
        """Draw one curve, `width` template pixels wide."""
        self.lines([self[name]], colour, width, closed=closed)

    def lines(
        self, curves: Iterable[Fixed], colour: Colour, width: float, *, closed: bool = False
    ) -> None:
        """Draw several curves alike."""
        thick = max(1, round(width * self.scale))
        cv2.polylines(self.pixels, list(curves), closed, colour, thick, cv2.LINE_AA, _BITS)

    def dot(self, point: Fixed, radius: float, colour: Colour) -> None:
        """Fill a circle, `radius` in template pixels."""
        x, y = point.tolist()
        size = max(1, round(radius * self.scale * _UNIT))
        cv2.circle(self.pixels, (x, y), size, colour, -1, cv2.LINE_AA, _BITS)


def paint_head(canvas: Canvas, person: Identity, nuisance: Nuisance, soft: RGB) -> None:
    """Paint a whole head.

    Args:
        canvas: where, background painted already.
        person: who.
        nuisance: the circumstances.
        soft: the skin without its features, as large as the canvas; see `soft_skin`.
    """
    skin = person.skin.colour
    _behind(canvas, person, nuisance)
    mask = np.zeros(canvas.pixels.shape[:2], dtype=np.uint8)
    cv2.fillPoly(mask, [canvas["outline"]], 255.0, cv2.LINE_AA, _BITS)
    cv2.copyTo(soft, mask, canvas.pixels)
    _marks(canvas, person)
    for side in SIDES:
        _eye(canvas, person, side)
    _nose_and_folds(canvas, person)
    _beard(canvas, person)
    _mouth(canvas, person)
    for side in SIDES:
        canvas.fill(f"brow{side}", person.brows.colour)
    _hair(canvas, person)
    if "lens1" in canvas:
        _glasses(canvas, person, dark=nuisance.surroundings.occlusion == "sunglasses")
    _cover(canvas, nuisance, skin)


def _behind(canvas: Canvas, person: Identity, nuisance: Nuisance) -> None:
    skin, hair = person.skin.colour, person.hair.colour
    if "hair_back" in canvas:
        canvas.fill("hair_back", shade(hair, 0.62))
    canvas.fill("neck", shade(skin, 0.66))
    canvas.fill("shoulders", nuisance.surroundings.clothes)
    for side in SIDES:
        canvas.fill(f"ear{side}", shade(skin, 0.86))


def soft_skin(shape: tuple[int, int], curves: Curves, scale: float, person: Identity) -> RGB:
    """The skin with everything on it that has no edge: blush, stubble, sockets, shaven hair.

    Args:
        shape: (h, w) of the canvas; what is returned is painted on a quarter of it.
        curves: by name, in pixels of the canvas.
        scale: canvas pixels to one template pixel.
        person: who.

    Returns:
        (h, w, 3) uint8.
    """
    height, width = shape
    small = (max(1, width // 4), max(1, height // 4))
    skin = person.skin.colour
    pixels = np.empty((small[1], small[0], 3), dtype=np.uint8)
    pixels[:] = np.rint(skin)
    canvas = Canvas(pixels, curves.scaled(0.25), scale / 4)
    hair, extras = person.hair, person.extras
    if hair.style in ("shaven", "crest"):
        canvas.fill("hair_inner", mix(skin, hair.colour, 0.30), "hair_outer")
    shadow = {"stubble": 0.34, "full": 0.45, "goatee": 0.22, "moustache": 0.16}
    if extras.beard in shadow:
        tint = mix(skin, extras.beard_colour, shadow[extras.beard])
        canvas.fill("beard_inner", tint, "beard_outer")
    left, right = canvas["eye-1"].mean(axis=0), canvas["eye1"].mean(axis=0)
    down = canvas["lips"].mean(axis=0) - (left + right) / 2
    rosy = mix(skin, (214, 76, 78), 0.9 * person.skin.blush)
    socket = mix(shade(skin, 0.80), (120, 60, 80), 0.10)
    for eye, other in ((left, right), (right, left)):
        cheek = eye + 0.58 * down + 0.10 * (eye - other)
        canvas.dot(cheek.astype(np.int32), 7.5, rosy)
        canvas.dot((eye + 0.02 * down).astype(np.int32), 7.0, socket)
    size = 2 * round(2.2 * canvas.scale) + 1
    blurred = cv2.GaussianBlur(pixels, (size, size), 0)
    return np.asarray(cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR))


def _marks(canvas: Canvas, person: Identity) -> None:
    skin = person.skin
    if "freckles" in canvas:
        colour = mix(skin.colour, (150, 84, 48), 0.45)
        for spot in canvas["freckles"]:
            canvas.dot(spot, 0.5, colour)
    if not skin.moles:
        return
    for point, (_, _, size) in zip(canvas["moles"], skin.moles, strict=True):
        canvas.dot(point, size, mix(shade(skin.colour, 0.45), (60, 30, 24), 0.5))


def _eye(canvas: Canvas, person: Identity, side: int) -> None:
    eyes, skin = person.eyes, person.skin.colour
    canvas.line(f"crease{side}", shade(skin, 0.72), 0.5 + 0.4 * eyes.crease)
    canvas.fill(f"eye{side}", (236, 232, 228))
    canvas.fill(f"iris{side}", eyes.colour)
    canvas.line(f"iris{side}", shade(eyes.colour, 0.55), 0.5, closed=True)
    canvas.fill(f"pupil{side}", _DARK)
    canvas.dot(canvas[f"glint{side}"][0], 0.75, _WHITE)
    canvas.line(f"underlid{side}", shade(skin, 0.70), 0.5)
    canvas.line(f"lid{side}", mix(shade(skin, 0.38), _DARK, 0.6), 0.8 + 1.2 * eyes.lashes)


def _nose_and_folds(canvas: Canvas, person: Identity) -> None:
    skin, age = person.skin.colour, person.skin.age
    for side in SIDES:
        canvas.fill(f"nostril{side}", shade(skin, 0.42))
        canvas.line(f"wing{side}", shade(skin, 0.70), 0.7)
        if age > 0.4:
            canvas.line(f"fold{side}", shade(skin, 1.0 - 0.25 * age), 0.4 + 0.6 * age)
    canvas.line("septum", shade(skin, 0.66), 0.6)


def _mouth(canvas: Canvas, person: Identity) -> None:
    lips = person.mouth.colour
    canvas.fill("gap", (74, 26, 28))
    canvas.fill("teeth", (232, 226, 214))
    canvas.fill("upper_lip", shade(lips, 0.90))
    canvas.fill("lower_lip", lips)
    canvas.line("mouth_line", shade(lips, 0.50), 0.7)


def _strands(canvas: Canvas, inner: str, outer: str, colour: Colour, seed: int) -> None:
    """Lines from the inner to the outer edge, some darker and some lighter than the hair."""
    a, b = canvas[inner], canvas[outer]
    # A multiplicative hash: a generator would take longer to make than the hair to paint.
    shift = (np.arange(1, len(b) + 1) * (2 * seed + 1) >> 7) % 7 - 3
    ends = b[np.clip(np.arange(len(b)) + shift, 0, len(b) - 1)]
    middle = (0.55 * a + 0.45 * ends + 0.04 * (ends - a)[:, ::-1] * (1, -1)).astype(np.int32)
    lines = np.stack([a, middle, ends], axis=1)
    canvas.lines(lines[::2], shade(colour, 0.72), 0.55)
    canvas.lines(lines[1::3], shade(mix(colour, (255, 236, 210), 0.10), 1.14), 0.5)


def _beard(canvas: Canvas, person: Identity) -> None:
    extras = person.extras
    colour = extras.beard_colour
    if extras.beard == "full":
        canvas.fill("beard_inner", colour, "beard_outer")
        _strands(canvas, "beard_inner", "beard_outer", colour, person.hair.texture_seed)
    if extras.beard == "goatee":
        canvas.fill("goatee", colour)
    if extras.beard == "moustache":
        canvas.fill("moustache", colour)


def _hair(canvas: Canvas, person: Identity) -> None:
    hair = person.hair
    if hair.style == "shaven":
        return
    canvas.fill("hair_inner", hair.colour, "hair_outer")
    _strands(canvas, "hair_inner", "hair_outer", hair.colour, hair.texture_seed)


def _glasses(canvas: Canvas, person: Identity, *, dark: bool) -> None:
    frame = (22.0, 22.0, 26.0) if dark else person.extras.frame
    width = 1.4 if dark else person.extras.frame_width
    for side in SIDES:
        canvas.line(f"arm{side}", shade(frame, 0.8), width)
        if dark:
            canvas.fill(f"lens{side}", (34, 34, 40))
        canvas.line(f"lens{side}", frame, width, closed=True)
    canvas.line("bridge_bar", frame, width)


def _cover(canvas: Canvas, nuisance: Nuisance, skin: Colour) -> None:
    colour = nuisance.surroundings.cover
    if "scarf" in canvas:
        canvas.fill("scarf", colour)
        canvas.lines([canvas["scarf"][:5]], shade(colour, 0.7), 1.6)
    if "hat" in canvas:
        canvas.fill("hat", colour)
        canvas.fill("brim", shade(colour, 0.72))
    for k in range(FINGERS):
        if f"finger{k}" in canvas:
            canvas.line(f"finger{k}", shade(skin, 0.62), 8.6)
            canvas.line(f"finger{k}", shade(skin, 0.97), 7.2)
