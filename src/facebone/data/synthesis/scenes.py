"""Uncropped pictures: one or several synthetic people before a busy background, or nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from facebone.data.pictures import RGB, Points
from facebone.data.synthesis.backdrop import busy_backdrop
from facebone.data.synthesis.develop import develop
from facebone.data.synthesis.identity import Identity
from facebone.data.synthesis.nuisance import Camera, Nuisance
from facebone.data.synthesis.render import (
    FACE_SIZE,
    OVERSAMPLING,
    face_frame,
    landmarks_of,
    light_up,
    paint_curves,
    pose_head,
)
from facebone.data.synthesis.sketch import Curves, Frame
from facebone.errors import UsageError

# What is painted of a person, in pixels of their own 112x112 crop: head, hair and shoulders.
_LEFT, _TOP, _RIGHT, _BOTTOM = -60.0, -60.0, 172.0, 230.0


@dataclass(frozen=True, slots=True)
class Sitter:
    """One person in a scene.

    Args:
        person: who.
        nuisance: in what circumstances; the camera is the scene's, not the sitter's.
        x: where the middle of the face is, in pixels of the scene.
        y: likewise.
        scale: scene pixels to one template pixel; 1 sets the eyes 35 pixels apart.
    """

    person: Identity
    nuisance: Nuisance
    x: float
    y: float
    scale: float


@dataclass(frozen=True, slots=True, eq=False)
class RenderedScene:
    """A scene.

    Args:
        image: (h, w, 3) uint8 RGB.
        boxes: (n, 4) x, y, width, height of the n faces, forehead to chin.
        landmarks: (n, 5, 2) in the order of `facebone.data.pictures.Points`.
    """

    image: RGB
    boxes: npt.NDArray[np.float32]
    landmarks: npt.NDArray[np.float32]


def render_scene(
    sitters: Sequence[Sitter],
    shape: tuple[int, int] = (250, 250),
    *,
    backdrop_seed: int = 0,
    camera: Camera | None = None,
) -> RenderedScene:
    """Paint people into a picture of any size, the last one in front.

    Args:
        sitters: the people; none gives an empty scene.
        shape: (h, w) of the picture, 16 pixels at least.
        backdrop_seed: draws the background.
        camera: how it is taken; a perfect camera if None.

    Raises:
        UsageError: the picture is smaller than 16 pixels, or a sitter has no size.
    """
    height, width = shape
    if min(shape) < 16:
        raise UsageError(f"a scene is 16x16 pixels at least, got {height}x{width}", where="shape")
    canvas = busy_backdrop((height * OVERSAMPLING, width * OVERSAMPLING), backdrop_seed)
    placed = [_place(sitter) for sitter in sitters]
    windows = [_window(sitter, shape) for sitter in sitters]
    for sitter, (curves, scale), window in zip(sitters, placed, windows, strict=True):
        if window is not None:
            left, top, right, bottom = (OVERSAMPLING * edge for edge in window)
            # OpenCV paints in place only on an array of its own layout.
            part = np.ascontiguousarray(canvas[top:bottom, left:right])
            local = curves.moved(Frame(1, complex(-window[0], -window[1])))
            paint_curves(part, local, scale, sitter.person, sitter.nuisance)
            canvas[top:bottom, left:right] = part
    flat = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    lit = flat.astype(np.float32)
    for sitter, (curves, scale), window in zip(sitters, placed, windows, strict=True):
        if window is not None:
            left, top, right, bottom = window
            local = curves.moved(Frame(1, complex(-left, -top)))
            lit[top:bottom, left:right] = light_up(
                lit[top:bottom, left:right], local, scale, sitter.person, sitter.nuisance
            )
    tint = sitters[0].nuisance.light.tint if sitters else (1.0, 1.0, 1.0)
    image = develop(lit, camera or Camera(), tint)
    boxes = np.array([face_box(curves) for curves, _ in placed], dtype=np.float32).reshape(-1, 4)
    marks = [landmarks_of(curves) for curves, _ in placed]
    return RenderedScene(image, boxes, np.array(marks, dtype=np.float32).reshape(-1, 5, 2))


def face_box(curves: Curves) -> tuple[float, float, float, float]:
    """The box of a placed head's face: x, y, width, height."""
    outline = curves["outline"]
    (x0, y0), (x1, y1) = outline.min(axis=0), outline.max(axis=0)
    # The outline goes up to the crown, a face's box to the forehead.
    y0 += 0.22 * (y1 - y0)
    return float(x0), float(y0), float(x1 - x0), float(y1 - y0)


def _place(sitter: Sitter) -> tuple[Curves, float]:
    """The curves of a sitter in the scene, and scene pixels to one pixel of their head."""
    if sitter.scale <= 0:
        raise UsageError(f"a sitter's scale is above 0, got {sitter.scale}", where="scene")
    curves = pose_head(sitter.person, sitter.nuisance)
    crop = face_frame(curves, sitter.nuisance)
    middle = complex(FACE_SIZE / 2, FACE_SIZE * 0.62)
    into_scene = Frame(sitter.scale, complex(sitter.x, sitter.y) - sitter.scale * middle)
    frame = crop.then(into_scene)
    return curves.moved(frame), frame.scale


def _window(sitter: Sitter, shape: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of the part of the scene that a sitter changes, or None."""
    x, y = sitter.x - sitter.scale * FACE_SIZE / 2, sitter.y - sitter.scale * FACE_SIZE * 0.62
    left, top = max(0, int(x + _LEFT * sitter.scale)), max(0, int(y + _TOP * sitter.scale))
    right = min(shape[1], int(x + _RIGHT * sitter.scale))
    bottom = min(shape[0], int(y + _BOTTOM * sitter.scale))
    if right - left < 2 or bottom - top < 2:
        return None
    return left, top, right, bottom


def draw_scene(
    rng: np.random.Generator,
    people: Sequence[tuple[Identity, Nuisance]],
    shape: tuple[int, int] = (250, 250),
    *,
    scales: tuple[float, float] = (0.5, 1.7),
) -> RenderedScene:
    """A scene with people at random places, their faces whole and apart.

    Args:
        rng: draws places, background and camera.
        people: who should be there, in what circumstances; one for whom no room is left is not.
        shape: (h, w) of the picture.
        scales: smallest and largest scene pixels to one template pixel.
    """
    height, width = shape
    sitters: list[Sitter] = []
    for person, nuisance in people:
        for _ in range(20):
            largest = min(scales[1], width / 90, height / 120)
            scale = float(rng.uniform(min(scales[0], largest), largest))
            x = float(rng.uniform(42 * scale, width - 42 * scale))
            y = float(rng.uniform(62 * scale, height - 50 * scale))
            if all(
                abs(x - s.x) > 48 * (scale + s.scale) or abs(y - s.y) > 68 * (scale + s.scale)
                for s in sitters
            ):
                sitters.append(Sitter(person, nuisance, x, y, scale))
                break
    seed = int(rng.integers(2**31))
    if people:
        camera = people[0][1].camera
    else:
        camera = Camera(blur=float(rng.uniform(0, 1.5)), noise=float(rng.uniform(0, 10)))
    return render_scene(sitters, shape, backdrop_seed=seed, camera=camera)


def portrait(person: Identity, nuisance: Nuisance, rng: np.random.Generator) -> RenderedScene:
    """A (250, 250, 3) photograph of one person near the middle, loosely cropped as in LFW."""
    seed = nuisance.surroundings.background_seed
    sitter = _portrait_sitter(person, nuisance, rng)
    return render_scene([sitter], backdrop_seed=seed, camera=nuisance.camera)


def portrait_landmarks(person: Identity, nuisance: Nuisance, rng: np.random.Generator) -> Points:
    """The landmarks of `portrait`, (5, 2), without its pixels."""
    curves, _ = _place(_portrait_sitter(person, nuisance, rng))
    return landmarks_of(curves)


def _portrait_sitter(person: Identity, nuisance: Nuisance, rng: np.random.Generator) -> Sitter:
    return Sitter(
        person,
        nuisance,
        x=125.0 + float(rng.normal(0, 6)),
        y=128.0 + float(rng.normal(0, 7)),
        scale=float(rng.uniform(0.95, 1.55)),
    )
