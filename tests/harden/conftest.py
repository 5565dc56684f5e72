"""Made-up material, recipes and defences for the tests of hardening."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from facebone.audit.material import Material
from facebone.audit.settings import AuditSettings
from facebone.audit.target import TargetRecipe
from facebone.audit.trained_targets import target_recipe
from facebone.data.pairs import Pairs

QUICK = {"layers": [16], "batch_norm": [], "epochs": 40, "learning_rate": 0.01}
"""A small head that learns its pairs by heart."""


@pytest.fixture(scope="session")
def material() -> Material:
    """Material of 60 people under two imagined backbones."""
    return make_material()


@pytest.fixture(scope="session")
def make(material: Material) -> Callable[[str], TargetRecipe]:
    """Makes recipes from words, on that material."""
    return maker(material.backbones)


@pytest.fixture(scope="session")
def make_maker() -> Callable[..., Callable[[str], TargetRecipe]]:
    """Makes what makes recipes; see `maker`."""
    return maker


@pytest.fixture(scope="session")
def make_some() -> Callable[..., Material]:
    """Makes material; see `make_material`."""
    return make_material


def maker(
    backbones: tuple[str, ...],
    head: str = "mlp",
    head_settings: Mapping[str, Any] | None = None,
) -> Callable[[str], TargetRecipe]:
    """From words to recipes, as a hardening has it."""
    asked = AuditSettings(
        data="made up",
        backbones=backbones,
        head=head,
        head_settings=QUICK if head_settings is None else head_settings,
        mitigations=("none",),
        device="cpu",
    )
    return lambda words: target_recipe(words, asked, backbones, "cpu")


def make_material(
    *,
    people: int = 60,
    pictures: int = 4,
    widths: Sequence[int] = (16, 12),
    pairs: int = 80,
    seed: int = 0,
) -> Material:
    """Balanced pairs of people as directions, pictures as those with noise."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(people), pictures)
    matrices = []
    for width in widths:
        centres = rng.normal(size=(people, width))
        found = centres[owner] + 1.2 * rng.normal(size=(len(owner), width))
        matrices.append((found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32))
    left, right = np.triu_indices(len(owner), k=1)
    same = owner[left] == owner[right]
    chosen = np.concatenate(
        [rng.choice(np.flatnonzero(kind), pairs, replace=False) for kind in (same, ~same)]
    )
    drawn = Pairs(left[chosen], right[chosen], same[chosen])
    nothing = drawn.take(np.zeros(len(drawn), dtype=np.bool_))
    return Material(
        backbones=tuple(f"backbone_{i}" for i in range(len(widths))),
        matrices=tuple(matrices),
        ids=np.array([f"p{who:03d}/{i:02d}" for i, who in enumerate(owner)]),
        people=np.array([f"p{who:03d}" for who in owner]),
        pool=drawn,
        control=nothing,
        strangers=nothing,
        copies=0,
    )
