"""Pairs of people made of numbers, for heads and defences to learn from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from facebone.data.pairs import Pairs
from facebone.settings import parse_settings
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads import Head

Labels = np.ndarray[Any, np.dtype[np.bool_]]

NAMES = ("one", "two", "three")
"""Backbones of `turned_pairs`."""


@dataclass(frozen=True)
class HeadSubject:
    """A head, and how an unfitted one is made.

    Args:
        name: of the head, for errors.
        make: an unfitted one, with settings that differ from the quick ones.
        ways: in how many ways it answers.
        averages: whether its answer is the mean of them.
    """

    name: str
    make: Callable[[Mapping[str, Any]], Head]
    ways: int = 1
    averages: bool = True

    @classmethod
    def of(cls, kind: type[Head], settings: Mapping[str, Any]) -> HeadSubject:
        """The subject of a class, under quick settings."""

        def make(more: Mapping[str, Any]) -> Head:
            given = {**settings, **more}
            return kind(parse_settings(kind.settings_type, given, owner=f"head {kind.name}"))

        return cls(kind.name, make)

    def unfitted(self) -> Head:
        """One under the quick settings."""
        return self.make({})


def pairs_of_people(
    count: int = 400, seed: int = 0, widths: Sequence[int] = (12, 8), noise: float = 0.5
) -> tuple[EmbeddedPairs, Labels]:
    """People as random directions, pictures as people plus noise, under several backbones."""
    rng = np.random.default_rng(seed)
    people = rng.integers(0, 150, size=(2, count))
    same = np.arange(count) % 2 == 0
    people[1] = np.where(same, people[0], (people[0] + rng.integers(1, 150, count)) % 150)
    matrices = []
    for width in widths:
        centres = np.random.default_rng(width).normal(size=(150, width))
        rows = centres[people.ravel()] + noise * rng.normal(size=(2 * count, width))
        matrices.append(rows.astype(np.float32))
    positions = np.arange(2 * count)
    columns = Pairs(positions[:count], positions[count:], same)
    return EmbeddedPairs.gather(matrices, columns), same


def turned_pairs(count: int = 240, seed: int = 0) -> tuple[EmbeddedPairs, Labels]:
    """Pairs under three backbones of one width, each of which turns the space its own way."""
    rng = np.random.default_rng(seed)
    same = np.arange(count) % 2 == 0
    a = rng.normal(size=(count, 10))
    b = np.where(same[:, None], a, rng.normal(size=a.shape))
    sides: tuple[list[Any], list[Any]] = ([], [])
    for k in range(len(NAMES)):
        turn = np.linalg.qr(np.random.default_rng(k).normal(size=(10, 10)))[0]
        for side, matrix in zip(sides, (a, b), strict=True):
            seen = matrix @ turn + 0.3 * rng.normal(size=matrix.shape)
            side.append(seen.astype(np.float32))
    number = np.arange(count)
    people = np.stack([number, np.where(same, number, count + number)], axis=1)
    return replace(EmbeddedPairs.scale(*sides), people=people), same


def nobody(pairs: EmbeddedPairs) -> EmbeddedPairs:
    """None of the pairs."""
    return pairs.take(np.array([], dtype=np.intp))
