"""Histograms of local binary patterns: a backbone without weights."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from facebone.backbones.base import Backbone, BackboneSpec, Embeddings, Faces
from facebone.backbones.runtimes import Settings

SIDE = 112
REGIONS = 7
"""The face is divided into so many rows and columns of regions."""

NEIGHBOURS, RADIUS = 8, 2
PATTERNS = NEIGHBOURS * (NEIGHBOURS - 1) + 3
"""Uniform patterns, and one for all others."""

SPEC = BackboneSpec(
    name="lbp",
    architecture="local-binary-patterns",
    runtime="lbp",
    input_size=(SIDE, SIDE),
    dimension=REGIONS * REGIONS * PATTERNS,
    template="arcface-112x112",
    licence="Apache-2.0",
    commercial=True,
    source="an example of FaceBone's documentation",
    paper="Ahonen, Hadid and Pietikäinen, Face Recognition with Local Binary Patterns, 2004",
    training_data="none: nothing is learnt",
)


class LocalBinaryPatterns(Backbone):
    """Square roots of the histograms of uniform patterns in each region of the grey picture.

    The inner product of two square roots of histograms is their Bhattacharyya coefficient, so that
    cosines compare histograms as distributions.
    """

    holds_lock = True

    def _forward(self, faces: Faces) -> Embeddings:
        return np.stack([_describe(face) for face in faces])


def lbp() -> tuple[BackboneSpec, Path]:
    """The facts; what decides embeddings is this file."""
    return SPEC, Path(__file__)


def load(spec: BackboneSpec, path: Path, settings: Settings) -> Backbone:
    """The backbone; it runs on the CPU whatever the settings say."""
    del settings
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return LocalBinaryPatterns(spec, weights_hash=digest, device="cpu")


def _describe(face: np.ndarray) -> np.ndarray:
    from skimage.feature import local_binary_pattern

    grey = np.rint(face @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    patterns = local_binary_pattern(grey, NEIGHBOURS, RADIUS, method="nri_uniform").astype(int)
    step = SIDE // REGIONS
    regions = patterns.reshape(REGIONS, step, REGIONS, step).swapaxes(1, 2).reshape(-1, step**2)
    counts = np.stack([np.bincount(region, minlength=PATTERNS) for region in regions])
    return np.sqrt(counts.ravel() / step**2).astype(np.float32)
