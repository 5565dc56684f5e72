"""Pairs of people who stand in several of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from facebone.data.pairs import Pairs
from facebone.verification.embedded_pairs import EmbeddedPairs

Crowd = Callable[..., tuple[EmbeddedPairs, npt.NDArray[np.bool_]]]


@pytest.fixture
def crowd() -> Crowd:
    """Makes pairs of pictures of people with three pictures each, half of the pairs matched."""

    def make(pairs=400, people=200, widths=(12, 8), noise=0.4, seed=0):
        rng = np.random.default_rng(seed)
        person = np.repeat(np.arange(people), 3)
        matrices = []
        for width in widths:
            # What a width makes of a person is the same for every seed.
            centres = np.random.default_rng(width).normal(size=(people, width))
            rows = centres[person] + noise * rng.normal(size=(len(person), width))
            matrices.append(rows.astype(np.float32))
        same = np.arange(pairs) % 2 == 0
        left = rng.integers(len(person), size=pairs)
        matched = 3 * person[left] + (left + 1 + rng.integers(2, size=pairs)) % 3
        other = (left + 3 * rng.integers(1, people, size=pairs)) % len(person)
        right = np.where(same, matched, other)
        names = np.array([f"person {number}" for number in person])
        return EmbeddedPairs.gather(matrices, Pairs(left, right, same), names), same

    return make
