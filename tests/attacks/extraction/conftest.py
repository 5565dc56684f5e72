"""A small world of faces for tests of extraction: people are points, pictures lie around them."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.attacks.extraction.known import KnownPictures
from facebone.data.pairs import Pairs
from facebone.verification.embedded_pairs import EmbeddedPairs


class World:
    """Pictures of 60 people under one backbone, six each, and a victim with eyes of its own.

    The victim weighs some directions far more than others: public cosines do not show it.
    """

    def __init__(self, seed=0, people=60, each=6, width=12):
        rng = np.random.default_rng((seed, 1))
        self.people = np.repeat(np.arange(people), each)
        centres = rng.normal(size=(people, width))
        rows = centres[self.people] + 0.5 * rng.normal(size=(len(self.people), width))
        self.matrix = rows.astype(np.float32)
        self.known = KnownPictures((self.matrix,), self.people)
        self.weights = np.random.default_rng(7).choice([0.1, 3.0], size=width)
        self.asked = 0

    def pairs(self, n=1000, seed=0):
        """Half matched; positions and whether they show one person."""
        rng = np.random.default_rng((seed, 2))
        left = rng.integers(0, len(self.people), n)
        right = rng.integers(0, len(self.people), n)
        matched = np.arange(n) % 2 == 0
        right[matched] = left[matched] // 6 * 6 + (left[matched] + 1 + right[matched] % 5) % 6
        kept = left != right
        same = self.people[left] == self.people[right]
        return left[kept], right[kept], same[kept]

    def embedded(self, left, right):
        same = self.people[left] == self.people[right]
        return EmbeddedPairs.gather([self.matrix], Pairs(left, right, same))

    def victim(self, left, right):
        """Log odds by a weighted cosine; counts what it is asked."""
        self.asked += len(left)
        pairs = self.embedded(left, right)
        return 10.0 * (pairs.products().astype(np.float64) @ self.weights) - 6.0


@pytest.fixture
def world():
    return World()


@pytest.fixture
def strangers():
    """The same kind of world, of other people."""
    return World(seed=5)
