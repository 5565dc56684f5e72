"""Pairs of people under several backbones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from facebone.verification.embedded_pairs import EmbeddedPairs

Toy = Callable[..., tuple[EmbeddedPairs, npt.NDArray[np.bool_]]]


@pytest.fixture
def toy() -> Toy:
    """Makes pairs whose pictures look alike under all backbones, turned and cut off for each."""

    def make(pairs=300, widths=(12, 12, 8), seed=0, noise=0.4):
        rng = np.random.default_rng(seed)
        same = np.arange(pairs) % 2 == 0
        a = rng.normal(size=(pairs, 12))
        b = np.where(same[:, None], a, rng.normal(size=a.shape))
        pictures = [side + noise * rng.normal(size=side.shape) for side in (a, b)]
        sides = ([], [])
        for k, width in enumerate(widths):
            turn = np.linalg.qr(np.random.default_rng(k).normal(size=(12, 12)))[0][:, :width]
            for side, picture in zip(sides, pictures, strict=True):
                seen = picture @ turn + 0.1 * rng.normal(size=(pairs, width))
                side.append(seen.astype(np.float32))
        return EmbeddedPairs.scale(*sides), same

    return make
