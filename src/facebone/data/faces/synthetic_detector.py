"""A tiny detector of synthetic faces, shipped with the package so that nothing need be fetched.

It was trained on rendered faces alone (``benchmarks/train_synthetic_detector.py``): on photographs
of people it is of no use.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facebone.data.faces.face import Detector, Face
from facebone.data.pictures import RGB, Points
from facebone.errors import UsageError, WeightsError

WEIGHTS = Path(__file__).parent / "shipped" / "synthetic_detector.onnx"
SIDE = 128
"""Side of the square that the network looks at."""

STRIDE = 8
"""Pixels of that square to one cell of the network's grid."""

# A face of this size fills the square as well as the faces it was trained on: the second look
# enlarges or shrinks each face to it.
_LOOK_EYES = 36.0

Grid = npt.NDArray[np.float32]
Marks = npt.NDArray[np.float64]


class SyntheticDetector(Detector):
    """Finds synthetic faces with one small network, run twice.

    The first look, at the whole picture shrunk to 128 pixels, finds where faces are; the second,
    at each face enlarged to one size, tells exactly where its landmarks lie.

    Args:
        threshold: confidence from 0 to 1 below which a face is none.
        weights: the network; the shipped one unless a test brings another.

    Raises:
        UsageError: the threshold is out of range.
        WeightsError: the network's file is missing or damaged.
    """

    name = "synthetic"

    def __init__(self, *, threshold: float = 0.3, weights: Path = WEIGHTS) -> None:
        if not 0 < threshold < 1:
            raise UsageError(f"must be between 0 and 1, got {threshold}", where="threshold")
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as failures

        try:
            content = weights.read_bytes()
        except OSError as error:
            raise WeightsError(
                "cannot be read", where=weights, hint="install facebone again"
            ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except (
            failures.Fail,
            failures.InvalidArgument,
            failures.InvalidGraph,
            failures.InvalidProtobuf,
        ) as error:
            raise WeightsError(
                "is no ONNX network", where=weights, hint="install facebone again"
            ) from error
        self._threshold = threshold
        self._hash = hashlib.sha256(content).hexdigest()

    @property
    def key(self) -> str:
        """Name, threshold and hash of the weights."""
        return f"synthetic-{self._threshold:g}-{self._hash[:16]}"

    def detect(self, image: RGB) -> list[Face]:
        """All synthetic faces in an (h, w, 3) uint8 RGB picture, surest first.

        Raises:
            UsageError: the picture has another shape or type.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise UsageError(
                f"a picture must be (h, w, 3) uint8, got {image.shape} {image.dtype}",
                where="synthetic detector",
            )
        height, width = image.shape[:2]
        whole = (-0.5, -0.5, float(max(height, width)))
        faces: list[tuple[float, Marks]] = []
        for _, rough in self._look(image, whole):
            seen = self._look(image, _window(rough))
            if seen:
                # The face the second look is about is the one in its middle.
                faces.append(min(seen, key=lambda found: _distance(found[1], rough)))
        return [_as_face(*found) for found in _without_doubles(faces)]

    def _look(self, image: RGB, window: tuple[float, float, float]) -> list[tuple[float, Marks]]:
        """Confidence and landmarks, (5, 2) in pixels of the picture, of faces in a square window.

        Args:
            image: the picture.
            window: x and y of the corner, and the side.
        """
        x, y, side = window
        scale = side / SIDE
        square = _cut(image, x, y, scale)
        inputs = square.transpose(2, 0, 1)[None].astype(np.float32)
        heat, marks = self._session.run(["heat", "landmarks"], {"picture": inputs})
        found = _peaks(heat[0, 0], marks[0], self._threshold)
        # Pixel k of the square covers window x + k scale .. x + (k + 1) scale.
        offset = np.array([x, y])
        return [(score, offset + (points + 0.5) * scale) for score, points in found]


def _cut(image: RGB, x: float, y: float, scale: float) -> RGB:
    """The square of 128 pixels whose corner is at (x, y), each pixel `scale` of the picture's."""
    import cv2

    # Average first where much is shrunk: a warp looks at 2x2 pixels only.
    while scale >= 2 and min(image.shape[:2]) >= 2:
        height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
        image = np.asarray(
            cv2.resize(
                image[:height, :width], (width // 2, height // 2), interpolation=cv2.INTER_AREA
            ),
            dtype=np.uint8,
        )
        x, y, scale = (x + 0.5) / 2 - 0.5, (y + 0.5) / 2 - 0.5, scale / 2
    # The centre of pixel k of the square lies at x + (k + 1/2) scale.
    matrix = np.array([[scale, 0, x + 0.5 * scale], [0, scale, y + 0.5 * scale]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(image, matrix, (SIDE, SIDE), flags=flags), dtype=np.uint8)


def _peaks(heat: Grid, marks: Grid, threshold: float) -> list[tuple[float, Marks]]:
    """Local maxima of the heat (g, g) above the threshold, with the landmarks of (10, g, g)."""
    padded = np.pad(heat, 1)
    neighbours = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    rows, columns = np.nonzero((heat >= neighbours.max(axis=(2, 3))) & (heat >= threshold))
    found = []
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        # Each sure cell around the peak has its own opinion of the landmarks: take the mean.
        around = np.s_[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
        weights = np.where(heat[around] >= 0.5 * heat[row, column], heat[around], 0.0)
        points = (marks[(slice(None), *around)] * weights).sum(axis=(1, 2)) / weights.sum()
        found.append((float(heat[row, column]), points.reshape(5, 2).astype(np.float64)))
    found.sort(key=lambda item: -item[0])
    return found


def _window(marks: Marks) -> tuple[float, float, float]:
    """The square around a face in which its size is that of the second look."""
    spread = float(np.sqrt(((marks - marks.mean(axis=0)) ** 2).sum(axis=1).mean()))
    # On the ArcFace template the landmarks spread 0.66 of the distance between the eyes.
    side = SIDE / _LOOK_EYES * max(spread, 0.5) / 0.66
    x, y = marks.mean(axis=0)
    return float(x - side / 2), float(y - side / 2), side


def _distance(a: Marks, b: Marks) -> float:
    return float(np.abs(a - b).mean())


def _without_doubles(faces: list[tuple[float, Marks]]) -> list[tuple[float, Marks]]:
    """Faces, surest first, without those whose landmarks lie on a surer one's."""
    kept: list[tuple[float, Marks]] = []
    for score, marks in sorted(faces, key=lambda item: -item[0]):
        size = float(np.ptp(marks, axis=0).max())
        if all(_distance(marks, other) > 0.5 * size for _, other in kept):
            kept.append((score, marks))
    return kept


def _as_face(score: float, marks: Marks) -> Face:
    """A face with the box that its landmarks imply."""
    eyes, mouth = marks[:2].mean(axis=0), marks[3:].mean(axis=0)
    middle, length = (eyes + mouth) / 2, float(np.hypot(*(mouth - eyes)))
    # Rendered faces are 1.80 times as wide and 2.25 times as high as from eyes to mouth.
    width, height = 1.80 * length, 2.25 * length
    box = (float(middle[0] - width / 2), float(middle[1] - 0.53 * height), width, height)
    points: Points = marks.astype(np.float32)
    return Face(box, score, points)
