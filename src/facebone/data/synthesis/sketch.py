"""Curves on a head in three dimensions, and their projection into a picture.

Head coordinates: pixels of the 112x112 ArcFace template, origin between the eyes, x to image-right,
y down, z towards the viewer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import cos, radians, sin

import numpy as np
import numpy.typing as npt

from facebone.data.faces.templates import ARCFACE
from facebone.data.pictures import Points
from facebone.data.synthesis.nuisance import Pose

Curve = npt.NDArray[np.float64]
"""Points of one curve, (n, 2) pixels; in pictures, whole numbers are centres of pixels."""

TEMPLATE: Points = ARCFACE.astype(np.float32)
"""Where the five landmarks of an aligned 112x112 face lie (ArcFace)."""

# The skull as an ellipsoid about this point; features sit on its surface.
CENTRE_Y = 6.0
HALF_HEIGHT = 64.0
HALF_DEPTH = 42.0
# A face turns about the neck, which lies below and behind; only the height matters here.
PIVOT_Y = 20.0

_TEMPLATE_CENTRE = complex(56.0, 71.9)


@dataclass(frozen=True, slots=True)
class Frame:
    """A similarity from the posed head's plane to pixels: z -> turn * z + move, z = x + iy."""

    turn: complex
    move: complex

    @property
    def scale(self) -> float:
        """Pixels of the picture to one template pixel."""
        return abs(self.turn)

    def then(self, other: Frame) -> Frame:
        """This similarity followed by another."""
        return Frame(other.turn * self.turn, other.turn * self.move + other.move)


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Curves by name, all their points in one array so that all are moved at once.

    Args:
        points: (n, 2).
        slices: which points belong to which curve.
    """

    points: Curve
    slices: dict[str, slice]

    def __getitem__(self, name: str) -> Curve:
        return self.points[self.slices[name]]

    def __contains__(self, name: object) -> bool:
        return name in self.slices

    def moved(self, frame: Frame) -> Curves:
        """The curves after a similarity."""
        a, b = frame.turn.real, frame.turn.imag
        matrix = np.array([[a, b], [-b, a]])
        moved = self.points @ matrix + (frame.move.real, frame.move.imag)
        return Curves(moved, self.slices)

    def scaled(self, factor: float) -> Curves:
        """The curves in a picture that is `factor` times larger.

        Whole numbers are centres of pixels, so the picture's corner at -0.5 stays where it is.
        """
        return Curves(self.points * factor + 0.5 * (factor - 1.0), self.slices)


class Sketch:
    """Collects named curves, then projects all of them at once.

    Args:
        half_width: half the width of the skull at the cheekbones.
    """

    def __init__(self, half_width: float) -> None:
        self._half_width = 1.1 * half_width
        self._curves: list[Curve] = []
        self._flat: list[bool] = []
        self._slices: dict[str, slice] = {}
        self._count = 0

    def on_face(
        self,
        name: str,
        points: Sequence[tuple[float, float]],
        *,
        lift: float = 0.0,
        smooth: int = 0,
        closed: bool = True,
    ) -> None:
        """Add a curve that lies on the skull, or `lift` above it.

        Args:
            name: what the painter calls it.
            points: control points.
            lift: height above the surface.
            smooth: points to put between two control points; 0 joins them by straight lines.
            closed: whether the last control point is joined to the first.
        """
        self._add(name, [(x, y, lift) for x, y in points], smooth, closed, flat=False)

    def in_plane(
        self,
        name: str,
        points: Sequence[tuple[float, float, float]],
        *,
        smooth: int = 0,
        closed: bool = True,
    ) -> None:
        """Add a curve with its own depths: part of the silhouette, which keeps its width."""
        self._add(name, points, smooth, closed, flat=True)

    def _add(
        self,
        name: str,
        points: Sequence[tuple[float, float, float]],
        smooth: int,
        closed: bool,
        flat: bool,
    ) -> None:
        curve = np.array(points)
        if smooth:
            curve = _spline(len(points), smooth, closed) @ curve
        self._slices[name] = slice(self._count, self._count + len(curve))
        self._count += len(curve)
        self._curves.append(curve)
        self._flat.append(flat)

    def project(self, pose: Pose) -> Curves:
        """All curves seen from the front after yaw and pitch, still in head pixels."""
        lengths = [len(curve) for curve in self._curves]
        x, y, z = np.concatenate(self._curves).T
        flat = np.repeat(self._flat, lengths)
        inside = 1.0 - (x / self._half_width) ** 2 - ((y - CENTRE_Y) / HALF_HEIGHT) ** 2
        surface = HALF_DEPTH * np.sqrt(np.maximum(inside, 0.0))
        z = np.where(flat, z, z + surface)
        yaw, pitch = radians(pose.yaw), radians(pose.pitch)
        # A silhouette keeps its width: another slice of the skull comes into view.
        turned_x = x * np.where(flat, 1.0, cos(yaw)) + z * sin(yaw)
        turned_z = z * cos(yaw) - np.where(flat, 0.0, x * sin(yaw))
        turned_y = PIVOT_Y + (y - PIVOT_Y) * cos(pitch) + turned_z * sin(pitch)
        return Curves(np.stack([turned_x, turned_y], axis=1), self._slices)


def fit_template(landmarks: Points) -> Frame:
    """The least-squares similarity that brings five posed landmarks onto the template."""
    source = landmarks[:, 0] + 1j * landmarks[:, 1]
    target = TEMPLATE[:, 0] + 1j * TEMPLATE[:, 1]
    a, b = source - source.mean(), target - target.mean()
    turn = complex(np.vdot(a, b) / np.vdot(a, a).real)
    return Frame(turn, complex(target.mean() - turn * source.mean()))


def crop_error(pose: Pose) -> Frame:
    """The similarity by which a rough crop misses the template: roll, zoom and shift."""
    turn = pose.zoom * complex(cos(radians(pose.roll)), sin(radians(pose.roll)))
    move = _TEMPLATE_CENTRE * (1 - turn) + complex(pose.shift_x, pose.shift_y)
    return Frame(turn, move)


@lru_cache(maxsize=256)
def _spline(count: int, between: int, closed: bool) -> Curve:
    """The matrix that turns `count` control points into points of a Catmull-Rom spline."""
    segments = count if closed else count - 1
    steps = np.arange(between) / between
    # The basis of the spline: weights of the points before, at, after and after next.
    weights = np.stack(
        [
            -0.5 * steps + steps**2 - 0.5 * steps**3,
            1 - 2.5 * steps**2 + 1.5 * steps**3,
            0.5 * steps + 2 * steps**2 - 1.5 * steps**3,
            -0.5 * steps**2 + 0.5 * steps**3,
        ]
    )
    rows = segments * between + (0 if closed else 1)
    matrix = np.zeros((rows, count))
    for segment in range(segments):
        for offset in range(4):
            column = segment + offset - 1
            column = column % count if closed else min(max(column, 0), count - 1)
            matrix[segment * between : (segment + 1) * between, column] += weights[offset]
    if not closed:
        matrix[-1, -1] = 1.0
    matrix.flags.writeable = False
    return matrix
