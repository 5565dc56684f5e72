"""Render a synthetic face: who and in what circumstances -> pixels and true landmarks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from facebone.data.pictures import RGB, Points
from facebone.data.synthesis.anatomy import draw_face
from facebone.data.synthesis.attire import draw_beard, draw_cover, draw_glasses, draw_hair
from facebone.data.synthesis.backdrop import soft_backdrop
from facebone.data.synthesis.develop import develop
from facebone.data.synthesis.identity import Identity
from facebone.data.synthesis.lighting import light_map
from facebone.data.synthesis.nuisance import Nuisance
from facebone.data.synthesis.paint import Canvas, paint_head, soft_skin
from facebone.data.synthesis.sketch import Curves, Frame, Sketch, crop_error, fit_template

FACE_SIZE = 112
"""Side of a rendered face in pixels."""

OVERSAMPLING = 2
"""A face is painted this much larger than it is shown, for smooth edges."""


@dataclass(frozen=True, slots=True, eq=False)
class RenderedFace:
    """A face as (112, 112, 3) uint8 RGB and where its landmarks truly are, (5, 2)."""

    image: RGB
    landmarks: Points


def render_face(person: Identity, nuisance: Nuisance) -> RenderedFace:
    """A face roughly where the ArcFace template has it.

    Args:
        person: who.
        nuisance: in what circumstances; its shift, zoom and roll are the error of the crop.
    """
    curves = pose_head(person, nuisance)
    frame = face_frame(curves, nuisance)
    shape = (FACE_SIZE, FACE_SIZE)
    large = (FACE_SIZE * OVERSAMPLING, FACE_SIZE * OVERSAMPLING)
    canvas = soft_backdrop(large, nuisance.surroundings.background_seed)
    placed = curves.moved(frame)
    paint_curves(canvas, placed, frame.scale, person, nuisance)
    small = cv2.resize(canvas, shape, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    lit = light_up(small, placed, frame.scale, person, nuisance)
    image = develop(lit, nuisance.camera, nuisance.light.tint)
    return RenderedFace(image, landmarks_of(placed))


def face_landmarks(person: Identity, nuisance: Nuisance) -> Points:
    """The landmarks of `render_face`, without its pixels."""
    curves = pose_head(person, nuisance)
    frame = face_frame(curves, nuisance)
    return landmarks_of(curves.moved(frame))


def pose_head(person: Identity, nuisance: Nuisance) -> Curves:
    """All curves of a turned head, in head pixels."""
    sketch = Sketch(person.head.cheek)
    around, smile = nuisance.surroundings, nuisance.expression.smile
    draw_face(sketch, person, nuisance.expression)
    draw_hair(sketch, person, around.hair_lift)
    if person.extras.beard != "none":
        draw_beard(sketch, person, smile)
    if around.occlusion == "sunglasses":
        draw_glasses(sketch, person, "square", scale=1.08)
    elif person.extras.glasses != "none":
        draw_glasses(sketch, person, person.extras.glasses, scale=person.extras.lens)
    draw_cover(sketch, person, around)
    return sketch.project(nuisance.pose)


def face_frame(curves: Curves, nuisance: Nuisance) -> Frame:
    """Where a head belongs in a 112x112 picture: the template, missed by the crop's error."""
    return fit_template(landmarks_of(curves)).then(crop_error(nuisance.pose))


def landmarks_of(placed: Curves) -> Points:
    """The five landmarks among placed curves, (5, 2) float32."""
    return np.concatenate([placed[name] for name in _MARKS]).astype(np.float32)


def paint_curves(
    canvas: RGB, placed: Curves, scale: float, person: Identity, nuisance: Nuisance
) -> None:
    """Paint a head in flat colours onto a canvas that is larger than the picture.

    Args:
        canvas: (2h, 2w, 3) uint8, painted in place.
        placed: curves in pixels of the picture, half those of the canvas.
        scale: pixels of the picture to one template pixel.
        person: who.
        nuisance: in what circumstances.
    """
    curves = placed.scaled(OVERSAMPLING)
    scale *= OVERSAMPLING
    height, width = canvas.shape[:2]
    soft = soft_skin((height, width), curves, scale, person)
    paint_head(Canvas(canvas, curves, scale), person, nuisance, soft)


def light_up(
    flat: RGB | npt.NDArray[np.float32],
    placed: Curves,
    scale: float,
    person: Identity,
    nuisance: Nuisance,
) -> npt.NDArray[np.float32]:
    """Put the light of the scene on a head painted in flat colours, (h, w, 3) float32."""
    height, width = flat.shape[:2]
    factor, glow = light_map((height, width), placed, scale, person, nuisance.light)
    return np.asarray(cv2.add(cv2.multiply(flat, factor, dtype=cv2.CV_32F), glow))


_MARKS = ("eye_marks", "nose_mark", "mouth_marks")
