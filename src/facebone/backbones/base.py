"""What a backbone is: facts in a frozen spec, behaviour behind one method."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError

Faces = npt.NDArray[np.uint8]
"""Aligned faces as (n, h, w, 3) uint8, red first."""

Embeddings = npt.NDArray[np.float32]
"""Embeddings as (n, d) float32, as the network gives them: not normalised."""


@dataclass(frozen=True, slots=True)
class BackboneSpec:
    """Every fact about a backbone that a user or an engine needs.

    Args:
        name: unique name in the zoo.
        architecture: name of the network family, such as ``mobilefacenet`` or ``iresnet100``.
        runtime: the registered runtime that executes it: ``onnx``, ``torch``, ``exported``,
            ``torchscript`` or ``dlib``.
        input_size: (height, width) of an aligned face in pixels.
        dimension: length d of an embedding.
        template: name of the alignment template that the network was trained on.
        colour: order of the channels that the network expects.
        mean: per channel in the network's order, subtracted from values in 0..255.
        std: per channel, divides what is left.
        licence: SPDX identifier or words; ``not stated`` where the publisher does not say.
        commercial: whether the licence allows commercial use; None where that is not known.
        source: who published it, in words.
        paper: author, title and year.
        sha256: full or leading hex digits of the file's hash, or None for a file not hashed yet.
        filename: name of the weights file.
        url: where `pull` gets the file, or None.
        training_data: what it was trained on.
        detector: the detector it was published with, or ``auto`` for the best one at hand.
    """

    name: str
    architecture: str
    runtime: str
    input_size: tuple[int, int]
    dimension: int
    template: str
    colour: Literal["rgb", "bgr"] = "rgb"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    licence: str = "not stated"
    commercial: bool | None = None
    source: str = ""
    paper: str = ""
    sha256: str | None = None
    filename: str | None = None
    url: str | None = None
    training_data: str = ""
    detector: str = "auto"


class Backbone(ABC):
    """A pre-trained network: aligned faces -> embeddings.

    A subclass implements `_forward`; this class checks what goes in and what comes out. `embed`
    may be called from several threads at once.

    Args:
        spec: the facts.
        weights_hash: sha256 of the weights, the part of a store's key that names the network.
        device: where it runs, in words for the user, such as ``cpu`` or ``cuda:0``.
    """

    holds_lock: ClassVar[bool] = False
    """Whether `embed` keeps Python's lock, so that threads gain nothing and processes do."""

    def __init__(self, spec: BackboneSpec, *, weights_hash: str, device: str) -> None:
        self.spec = spec
        self.weights_hash = weights_hash
        self.device = device

    def embed(self, faces: Faces) -> Embeddings:
        """Embed aligned faces.

        Args:
            faces: (n, h, w, 3) uint8 RGB, h and w as `spec.input_size` says; n may be 0.

        Returns:
            (n, d) float32, not normalised.

        Raises:
            UsageError: wrong shape or type.
            WeightsError: the network returned something else than (n, d) finite numbers.
        """
        height, width = self.spec.input_size
        if faces.ndim != 4 or faces.shape[1:] != (height, width, 3):
            raise UsageError(
                f"faces must be (n, {height}, {width}, 3), got {faces.shape}", where=self.spec.name
            )
        if faces.dtype != np.uint8:
            raise UsageError(f"faces must be uint8, got {faces.dtype}", where=self.spec.name)
        if len(faces) == 0:
            return np.empty((0, self.spec.dimension), dtype=np.float32)
        embeddings = np.asarray(self._forward(faces), dtype=np.float32)
        self._check_output(embeddings, len(faces))
        return embeddings

    def _check_output(self, embeddings: Embeddings, count: int) -> None:
        from facebone.errors import WeightsError

        expected = (count, self.spec.dimension)
        if embeddings.shape != expected:
            raise WeightsError(
                f"gave embeddings of shape {embeddings.shape}, its spec says {expected}",
                where=self.spec.name,
                hint="correct the dimension with 'facebone backbones add'",
            )
        if not np.isfinite(embeddings).all():
            raise WeightsError(
                "gave embeddings that are not finite",
                where=self.spec.name,
                hint="the weights are damaged or the preparation of the pictures is wrong",
            )

    @abstractmethod
    def _forward(self, faces: Faces) -> Embeddings:
        """Embed at least one face of checked shape and type."""
