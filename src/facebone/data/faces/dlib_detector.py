"""dlib's detector: histograms of gradients, then landmarks by regression trees.

Needs the ``dlib`` extra: the package dlib and the files of face_recognition_models. The latter is
only looked up, never imported, as its import asks for a module that setuptools no longer has.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.data.faces.align import apply_similarity, fit_similarity
from facebone.data.faces.face import Detector, Face
from facebone.data.faces.templates import ARCFACE
from facebone.data.hashes import file_sha256
from facebone.data.pictures import RGB, Points
from facebone.errors import MissingPartError

_HINT = "pip install 'facebone[dlib]'"
_FIVE = "shape_predictor_5_face_landmarks.dat"
_SIXTY_EIGHT = "shape_predictor_68_face_landmarks.dat"

_SIDE = 1000
"""Longest side at which a picture is searched: what that costs grows with the area."""

_LADDER: tuple[tuple[int, float], ...] = ((0, 0.0), (1, 0.0), (1, -0.2))
"""How often the picture is doubled, and by how much dlib's threshold is moved, in turn.

On LFW the first finds a face in 99.8 % of the pictures.
"""

# dlib's box around a face in coordinates of the 112x112 ArcFace template, centre and side: the
# median over 963 pictures of LFW. Its predictors were trained on such boxes.
_BOX_CENTRE = (57.5, 71.8)
_BOX_SIDE = 86.0

_LOADING = Lock()


class DlibDetector(Detector):
    """dlib's frontal face detector and its two landmark predictors.

    Raises:
        MissingPartError: the ``dlib`` extra is not installed.

    References:
        King: Dlib-ml: A Machine Learning Toolkit, 2009. Kazemi, Sullivan: One millisecond face
        alignment with an ensemble of regression trees, 2014.
    """

    name = "dlib"

    def __init__(self) -> None:
        self._dlib = _import_dlib()
        self._find = self._dlib.get_frontal_face_detector()
        self._sixty_eight = _predictor(_SIXTY_EIGHT)

    @property
    def key(self) -> str:
        """Name, settings, version and hashes of the weights."""
        hashes = "-".join(file_sha256(model_path(name))[:16] for name in (_FIVE, _SIXTY_EIGHT))
        ladder = "-".join(f"{times}/{threshold:g}" for times, threshold in _LADDER)
        return f"dlib:{self._dlib.__version__}:{hashes}:side={_SIDE}:ladder={ladder}"

    def detect(self, image: RGB) -> list[Face]:
        """All faces in an (h, w, 3) uint8 RGB picture, surest first; empty if there is none."""
        import cv2

        height, width = image.shape[:2]
        scale = min(1.0, _SIDE / max(height, width))
        small = image
        if scale < 1:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        for times, threshold in _LADDER:
            boxes, scores, _ = self._find.run(small, times, threshold)
            if boxes:
                found = zip(boxes, scores, strict=True)
                faces = [self._face(image, box, score, scale) for box, score in found]
                return sorted(faces, key=lambda face: -face.confidence)
        return []

    def _face(self, image: RGB, box: Any, score: float, scale: float) -> Face:
        left, top = box.left() / scale, box.top() / scale
        extents = (box.width() / scale, box.height() / scale)
        return Face(
            box=(left, top, *extents),
            confidence=float(score),
            landmarks=self._usual_five(image, (left, top, *extents)),
            dlib_landmarks=predict_dlib_landmarks(image, (left, top, *extents)),
        )

    def _usual_five(self, image: RGB, box: tuple[float, float, float, float]) -> Points:
        points = _predict(self._sixty_eight, image, box)
        # Of the 68 points 36..41 surround the image-left eye and 42..47 the other, 30 is the tip
        # of the nose, 48 and 54 are the corners of the mouth.
        eyes = [points[36:42].mean(axis=0), points[42:48].mean(axis=0)]
        return np.array([*eyes, points[30], points[48], points[54]], dtype=np.float32)


def dlib_installed() -> bool:
    """Whether the ``dlib`` extra is here; nothing is imported to find out."""
    return find_spec("dlib") is not None and find_spec("face_recognition_models") is not None


def model_path(filename: str) -> Path:
    """A file of the package face_recognition_models.

    Raises:
        MissingPartError: the package, or the file in it, is not here.
    """
    spec = find_spec("face_recognition_models")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(folder) / "models" / filename
        if path.is_file():
            return path
    raise MissingPartError(
        f"dlib needs {filename} of the package face_recognition_models, which is not here",
        hint=_HINT,
    )


def box_around(landmarks: npt.ArrayLike) -> tuple[float, float, float, float]:
    """The box (x, y, width, height) that dlib would draw around the usual five landmarks (5, 2).

    Raises:
        PictureError: the landmarks are no face.
    """
    matrix = fit_similarity(ARCFACE, landmarks)
    side = _BOX_SIDE * float(np.hypot(matrix[0, 0], matrix[1, 0]))
    x, y = apply_similarity(matrix, [_BOX_CENTRE])[0]
    return float(x) - side / 2, float(y) - side / 2, side, side


def predict_dlib_landmarks(image: RGB, box: tuple[float, float, float, float]) -> Points:
    """The five landmarks (5, 2) of dlib's own kind, of the face in a box.

    Raises:
        MissingPartError: the ``dlib`` extra is not installed.
    """
    return _predict(_predictor(_FIVE), image, box)


def _predict(predictor: Any, image: RGB, box: tuple[float, float, float, float]) -> Points:
    left, top, width, height = box
    rectangle = _import_dlib().rectangle(
        round(left), round(top), round(left + width) - 1, round(top + height) - 1
    )
    shape = predictor(image, rectangle)
    count = shape.num_parts
    points = [(part.x, part.y) for part in (shape.part(i) for i in range(count))]
    return np.array(points, dtype=np.float32)


def _import_dlib() -> Any:
    try:
        import dlib
    except ImportError as error:
        raise MissingPartError("the package dlib is not installed", hint=_HINT) from error
    return dlib


def _predictor(filename: str) -> Any:
    # One for all threads: a predictor does not change by use, and the larger one takes 100 MB.
    with _LOADING:
        return _load_predictor(filename)


@lru_cache(maxsize=2)
def _load_predictor(filename: str) -> Any:
    dlib = _import_dlib()
    return dlib.shape_predictor(str(model_path(filename)))
