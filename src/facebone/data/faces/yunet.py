"""YuNet: a small convolutional detector with five landmarks, run by OpenCV."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from facebone.config import ASSETS_VARIABLE, assets_folder, home_folder
from facebone.data.faces.face import Detector, Face
from facebone.data.hashes import file_sha256
from facebone.data.pictures import RGB
from facebone.errors import MissingPartError, WeightsError

FILENAME = "yunet_n_320.onnx"

DEFAULT_THRESHOLD = 0.5
"""Pure noise scores up to 0.4, every face that the pictures of LFW are about over 0.85."""

_SIDES = (640, 1280)
"""Longest side at which a picture is searched, the second only if the first shows nothing.

The network finds faces of about 15 to 500 pixels. In a picture shrunk to 640 these are faces that
fill it down to those of a large group; a second look in more detail finds the even smaller ones.
"""

_LOG_LEVEL = threading.Lock()


class YuNetDetector(Detector):
    """YuNet from an ONNX file.

    Args:
        path: the weights.
        score_threshold: least confidence, in 0..1, of a face that is returned.

    Raises:
        MissingPartError: there is no such file.
        WeightsError: the file is not a YuNet network.

    References:
        Wu, Peng, Yu: YuNet: A Tiny Millisecond-level Face Detector, 2023.
    """

    name = "yunet"

    def __init__(self, path: Path, score_threshold: float = DEFAULT_THRESHOLD) -> None:
        self._path = path
        self._hash = file_sha256(path)
        self._threshold = score_threshold
        self._size = (64, 64)
        try:
            with _quiet_opencv():
                self._network = cv2.FaceDetectorYN.create(
                    str(path), "", self._size, score_threshold
                )
                self._network.detect(np.zeros((64, 64, 3), dtype=np.uint8))
        except cv2.error as error:
            raise WeightsError(
                "is not a YuNet face detector, or is damaged", where=path, hint=f"get {FILENAME}"
            ) from error

    @property
    def key(self) -> str:
        """Name, settings and hash of the weights."""
        sides = "-".join(map(str, _SIDES))
        return f"yunet:{self._hash[:16]}:threshold={self._threshold:g}:sides={sides}"

    def detect(self, image: RGB) -> list[Face]:
        """All faces in an (h, w, 3) uint8 RGB picture, surest first; empty if there is none."""
        bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        longest = max(image.shape[:2])
        faces = self._search(bgr, min(1.0, _SIDES[0] / longest))
        if not faces and longest > _SIDES[0]:
            faces = self._search(bgr, min(1.0, _SIDES[1] / longest))
        return faces

    def _search(self, bgr: cv2.typing.MatLike, scale: float) -> list[Face]:
        """Faces found in the picture shrunk by `scale`, in coordinates of the whole picture."""
        height, width = bgr.shape[:2]
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        if size != (width, height):
            bgr = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA)
        if size != self._size:
            self._network.setInputSize(size)
            self._size = size
        found: Any = self._network.detect(bgr)[1]  # None where nothing was found
        if found is None:
            return []
        rows = np.asarray(found, dtype=np.float32)
        rows = rows[np.isfinite(rows).all(axis=1)]
        rows = rows[np.argsort(-rows[:, 14], kind="stable")]
        # From pixel centres of the shrunk picture to those of the whole one.
        grow = np.array([width / size[0], height / size[1]], dtype=np.float32)
        corners = (rows[:, :2] + 0.5) * grow - 0.5
        extents = rows[:, 2:4] * grow
        points = (rows[:, 4:14].reshape(-1, 5, 2) + 0.5) * grow - 0.5
        return [
            Face(
                box=(float(x), float(y), float(w), float(h)),
                confidence=float(row[14]),
                landmarks=np.ascontiguousarray(landmarks, dtype=np.float32),
            )
            for (x, y), (w, h), landmarks, row in zip(corners, extents, points, rows, strict=True)
        ]


def find_yunet() -> Path | None:
    """The weights in the folder of assets, or among those that were pulled, if they are there."""
    folders = [home_folder()]
    if (assets := assets_folder()) is not None:
        folders.insert(0, assets)
    for folder in folders:
        path = folder / "weights" / FILENAME
        if path.is_file():
            return path
    return None


def load_yunet() -> YuNetDetector:
    """YuNet from where its weights usually lie.

    Raises:
        MissingPartError: they do not.
    """
    path = find_yunet()
    if path is None:
        raise MissingPartError(
            f"the face detector YuNet needs its weights, {FILENAME}, which are not here",
            hint=f"set {ASSETS_VARIABLE} to a folder that holds weights/{FILENAME}, or name the "
            "file as the detector, or use dlib's: pip install 'facebone[dlib]'",
        )
    return YuNetDetector(path)


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    """Keep OpenCV from writing to stderr; its log level belongs to the process, hence the lock."""
    with _LOG_LEVEL:
        before = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            yield
        finally:
            cv2.utils.logging.setLogLevel(before)
