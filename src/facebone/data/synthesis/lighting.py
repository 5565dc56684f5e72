"""Light on a head: a height map of the face, its normals, a lamp and a highlight."""

from __future__ import annotations

from math import cos, radians, sin

import cv2
import numpy as np
import numpy.typing as npt

from facebone.data.synthesis.identity import Identity
from facebone.data.synthesis.nuisance import Light
from facebone.data.synthesis.sketch import Curves

Shades = npt.NDArray[np.float32]

# Depth of the skull as the light sees it: flatter than it is, so that no half turns black.
_DEPTH = 30.0


def light_map(
    shape: tuple[int, int], curves: Curves, scale: float, person: Identity, light: Light
) -> tuple[Shades, Shades]:
    """How bright each pixel of a head is.

    Args:
        shape: (h, w) of the picture.
        curves: by name, in pixels of the picture.
        scale: picture pixels to one template pixel.
        person: who.
        light: the lamp.

    Returns:
        A factor (h, w, 3), 1 away from the head, and a highlight (h, w, 3) to be added.
    """
    height, width = shape
    # Light changes slowly: a quarter of the pixels is enough, the rest is interpolated.
    rows = (2 * np.arange((height + 1) // 2, dtype=np.float32) + 0.5) / scale
    columns = (2 * np.arange((width + 1) // 2, dtype=np.float32) + 0.5) / scale
    outline = curves["outline"] / scale
    x0, x1 = outline[:, 0].min(), outline[:, 0].max()
    y0, y1 = outline[:, 1].min(), outline[:, 1].max()
    u = (columns - 0.5 * (x0 + x1)) / (0.56 * (x1 - x0))
    v = (rows - 0.5 * (y0 + y1)) / (0.58 * (y1 - y0))
    inside = np.subtract.outer(1.0 - v * v, u * u).astype(np.float32)
    # Normals of the skull: the gradient of sqrt(1 - u^2 - v^2), bounded near the rim.
    steep = _DEPTH / np.sqrt(np.maximum(inside, 0.10))
    slope_x, slope_y = _bumps(rows, columns, curves, scale, person)
    slope_x -= steep * (u / (0.56 * (x1 - x0)))[None, :]
    slope_y -= steep * (v / (0.58 * (y1 - y0)))[:, None]
    length = 1.0 / np.sqrt(1.0 + slope_x * slope_x + slope_y * slope_y)
    azimuth, elevation = radians(light.azimuth), radians(light.elevation)
    lamp = (cos(elevation) * sin(azimuth), -sin(elevation), cos(elevation) * cos(azimuth))
    towards = (lamp[2] - slope_x * lamp[0] - slope_y * lamp[1]) * length
    # A face that looks into the lamp is as bright as one in plain light.
    ambient = 1.0 - 0.75 * light.strength
    bright = ambient + 1.0 * light.strength * np.maximum(towards, 0.0)
    # Between the lamp and the viewer: where skin mirrors.
    hx, hy, hz = lamp[0], lamp[1], lamp[2] + 1.0
    norm = (hx * hx + hy * hy + hz * hz) ** -0.5
    glow = np.maximum((hz - slope_x * hx - slope_y * hy) * length * norm, 0.0)
    for _ in range(4):
        glow *= glow
    fade = np.minimum(np.maximum(5.0 * inside + 0.35, 0.0), 1.0)
    factor = 1.0 + fade * (bright - 1.0)
    glow *= fade * np.float32(70.0 * light.strength)
    return _enlarge(factor, shape), _enlarge(glow, shape)


def _enlarge(values: Shades, shape: tuple[int, int]) -> Shades:
    """A map (h / 2, w / 2) as three equal channels (h, w, 3)."""
    size = (shape[1], shape[0])
    return np.asarray(cv2.merge([cv2.resize(values, size, interpolation=cv2.INTER_LINEAR)] * 3))


def _bumps(
    rows: Shades, columns: Shades, curves: Curves, scale: float, person: Identity
) -> tuple[Shades, Shades]:
    """Slopes along x and y of brows, sockets, nose, cheeks, lips and chin, each (h, w).

    Each bump is a Gaussian, a product of one in x and one in y, so that the sum over all of them
    is one matrix product.
    """
    nose, age = person.nose, person.skin.age
    places = [curves[name] / scale for name in _BUMPED]
    eyes, ridge, wings, lips, hollow, corners = places
    between = eyes.mean(axis=0)
    cheeks = eyes * 0.45 + corners * 0.55 + 0.18 * (eyes - between)
    high = nose.height / 9.0
    # Place, half widths in x and y, height; all in template pixels.
    bumps = [
        (ridge[0], nose.bridge + 0.6, 5.0, 2.4 * high),
        (ridge[1], nose.bridge + 0.6, 5.0, 3.2 * high),
        (ridge[2], nose.bridge + 1.4, 4.6, 4.0 * high),
        (ridge[3], 0.48 * nose.half_width + 1.2, 3.8, 5.6 * high),
        (wings[0], 2.6, 2.8, 2.2),
        (wings[1], 2.6, 2.8, 2.2),
        (eyes[0], 7.5, 4.6, -3.0),
        (eyes[1], 7.5, 4.6, -3.0),
        (eyes[0] - (0, 11.0), 9.0, 3.6, 2.2),
        (eyes[1] - (0, 11.0), 9.0, 3.6, 2.2),
        (eyes[0] + (0, 8.0), 6.0, 2.4, 0.3 - 1.5 * age),
        (eyes[1] + (0, 8.0), 6.0, 2.4, 0.3 - 1.5 * age),
        (cheeks[0], 8.5, 8.0, 3.2),
        (cheeks[1], 8.5, 8.0, 3.2),
        (lips[0], 7.5, 1.9, 0.8 + 0.35 * person.mouth.upper),
        (lips[1], 7.0, 2.2, 0.8 + 0.40 * person.mouth.lower),
        (hollow[0], 7.0, 2.6, -1.8),
        (hollow[1], 0.5 * person.head.chin_half + 2.0, 5.0, 3.0),
    ]
    x = np.array([bump[0][0] for bump in bumps], dtype=np.float32)[:, None]
    y = np.array([bump[0][1] for bump in bumps], dtype=np.float32)[:, None]
    wide = np.array([bump[1] for bump in bumps], dtype=np.float32)[:, None]
    tall = np.array([bump[2] for bump in bumps], dtype=np.float32)[:, None]
    heights = np.array([bump[3] for bump in bumps], dtype=np.float32)[:, None]
    dx, dy = (columns - x) / wide, (rows - y) / tall  # (bumps, w), (bumps, h)
    gauss_x, gauss_y = np.exp(-0.5 * dx * dx) * heights, np.exp(-0.5 * dy * dy)
    slope_x: Shades = gauss_y.T @ (-dx / wide * gauss_x)
    slope_y = (-dy / tall * gauss_y).T @ gauss_x
    return slope_x, slope_y.astype(np.float32)


_BUMPED = ("eye_marks", "ridge", "wings", "lips", "hollow", "mouth_marks")
