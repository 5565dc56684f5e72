"""Material without pictures, for the audit's tests: people as directions, pictures as copies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from facebone.audit.material import Material
from facebone.data.pairs import Pairs


@pytest.fixture(scope="session")
def make_material() -> Callable[..., Material]:
    """Makes material without pictures."""
    return _make


@pytest.fixture(scope="session")
def material() -> Material:
    """Material of 100 people under three imagined backbones."""
    return _make()


def _make(
    *,
    people: int = 80,
    pictures: int = 6,
    control_people: int = 20,
    dimensions: tuple[int, ...] = (16, 12, 16),
    noise: float = 1.2,
    pairs: int = 150,
    control_pairs: int = 60,
    seed: int = 0,
) -> Material:
    """Balanced pool and control pairs of people whom K imagined backbones know more or less."""
    rng = np.random.default_rng(seed)
    total = people + control_people
    owner = np.repeat(np.arange(total), pictures)
    matrices = []
    for width in dimensions:
        centres = rng.normal(size=(total, width))
        found = centres[owner] + noise * rng.normal(size=(len(owner), width))
        matrices.append((found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32))
    pool_rows = np.flatnonzero(owner < people)
    control_rows = np.flatnonzero(owner >= people)
    return Material(
        backbones=tuple(f"backbone_{i}" for i in range(len(dimensions))),
        matrices=tuple(matrices),
        ids=np.array([f"p{who:03d}/{i:02d}" for i, who in enumerate(owner)]),
        people=np.array([f"p{who:03d}" for who in owner]),
        pool=_draw(pool_rows, owner, pairs, pairs, rng),
        control=_draw(control_rows, owner, control_pairs, control_pairs, rng),
        strangers=_draw(pool_rows, owner, 0, 40, rng),
        copies=0,
    )


def _draw(
    rows: np.ndarray, owner: np.ndarray, matched: int, mismatched: int, rng: np.random.Generator
) -> Pairs:
    left, right = np.triu_indices(len(rows), k=1)
    left, right = rows[left], rows[right]
    same = owner[left] == owner[right]
    chosen = np.concatenate(
        [
            rng.choice(np.flatnonzero(same), matched, replace=False),
            rng.choice(np.flatnonzero(~same), mismatched, replace=False),
        ]
    )
    return Pairs(left[chosen], right[chosen], same[chosen])
