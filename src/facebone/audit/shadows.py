"""Shadows: verifiers that the attacker trains by the target's recipe, on halves of the same pool.

A shadow depends on its number, the seed, the data and the recipe alone. The heads are kept in a
store of their own; each is asked about every candidate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from facebone.attacks.access import Channel
from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.audit.answers import Answers, answer
from facebone.audit.material import Material
from facebone.audit.score_table import ScoreTable
from facebone.audit.shadow_heads import train_heads
from facebone.audit.target import TargetRecipe, members_of_seed
from facebone.audit.unit_material import UnitMaterial, members_of
from facebone.data.pairs import Pairs
from facebone.data.splits import split_mask
from facebone.seeding import derive_seed
from facebone.verification.heads import LearningHead

AT_ONCE = 8
"""Shadows that one job trains: what a killed run loses at most, and what memory depends on."""

Singles = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class ShadowBatch:
    """Some shadows' answers about n pairs.

    Args:
        log_odds: (S, n) float32, mean over the queries.
        trained: (S, m) bool, which of the m candidates each was trained on: at the level of pairs
            these are the pairs, else the units.
        channels: (S, n, f) float32 by what else was asked for.
    """

    log_odds: Singles
    trained: Mask
    channels: Mapping[Channel, Singles] = field(default_factory=dict)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All of it as arrays by name."""
        channels = {f"channel_{name}": values for name, values in self.channels.items()}
        return {"log_odds": self.log_odds, "trained": self.trained, **channels}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> ShadowBatch:
        """What `to_arrays` gave, or several of them joined."""
        known = {name: f"channel_{name}" for name in Channel}
        channels = {name: arrays[key] for name, key in known.items() if key in arrays}
        return cls(arrays["log_odds"], arrays["trained"], channels)


def shadow_members(material: Material | UnitMaterial, *, seed: int, numbers: Sequence[int]) -> Mask:
    """Which candidates shadows are trained on: a half, as the target is, (S, m)."""
    if isinstance(material, Material):
        return np.stack([membership(material, seed=seed, number=number) for number in numbers])
    return np.stack([members_of(material, seed=_half(seed, number))[2] for number in numbers])


def membership(material: Material, *, seed: int, number: int) -> Mask:
    """Which pairs of the pool a shadow is trained on, (n,)."""
    return split_mask(material.pool, fraction=0.5, seed=_half(seed, number))


def train_shadows(
    recipe: TargetRecipe,
    material: Material | UnitMaterial,
    *,
    seed: int,
    numbers: Sequence[int],
) -> list[LearningHead]:
    """Train the shadows of these numbers.

    Raises:
        UsageError: a recipe whose head learns nothing.
    """
    if isinstance(material, Material):
        members = shadow_members(material, seed=seed, numbers=numbers)
        pairs, rows = material.pool, [np.flatnonzero(mask) for mask in members]
    else:
        pairs = material.training
        rows = [members_of(material, seed=_half(seed, number))[1] for number in numbers]
    seeds = [derive_seed(seed, "shadow", number) for number in numbers]
    return train_heads(recipe, material, pairs, rows, seeds)


def ask_shadows(
    heads: Sequence[LearningHead],
    recipe: TargetRecipe,
    material: Material | UnitMaterial,
    *,
    seed: int,
    numbers: Sequence[int],
    channels: Sequence[Channel] = (),
) -> ShadowBatch:
    """Ask shadows about the pool, or about all questions of units."""
    found = answers_of(heads, recipe, material, seed=seed, numbers=numbers, channels=channels)
    return batch_of(found, material, seed=seed, numbers=numbers)


def answers_of(
    heads: Sequence[LearningHead],
    recipe: TargetRecipe,
    material: Material | UnitMaterial,
    *,
    seed: int,
    numbers: Sequence[int],
    channels: Sequence[Channel] = (),
) -> list[Answers]:
    """What each shadow answers about the pool, or about all questions of units."""
    columns = recipe.columns(material.backbones)
    pairs = _asked(material)
    return [
        answer(
            head,
            material,
            pairs,
            columns,
            channels=channels,
            seed=derive_seed(seed, "shadow queries", number),
        )
        for head, number in zip(heads, numbers, strict=True)
    ]


def batch_of(
    found: Sequence[Answers],
    material: Material | UnitMaterial,
    *,
    seed: int,
    numbers: Sequence[int],
) -> ShadowBatch:
    """Shadows' answers beside each other, with whom each was trained on."""
    return ShadowBatch(
        np.stack([one.log_odds.mean(axis=1) for one in found]).astype(np.float32),
        shadow_members(material, seed=seed, numbers=numbers),
        {name: np.stack([one.channels[name] for one in found]) for name in found[0].channels},
    )


def _asked(material: Material | UnitMaterial) -> Pairs:
    return material.pool if isinstance(material, Material) else material.questions


def _half(seed: int, number: int) -> int:
    return derive_seed(seed, "shadow half", number)


def attach(table: ScoreTable, batch: ShadowBatch, rows: npt.NDArray[np.intp]) -> ScoreTable:
    """A target's table with the shadows' answers beside its own, and beside the blind ones.

    Args:
        table: of a target of the same material.
        batch: all shadows.
        rows: (c,) the pool's row of each of the table's first c rows; the others are control
            pairs, about which no shadow was asked.
    """
    count, size = len(batch.log_odds), len(table)

    def spread(values: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        wide = np.zeros((count, size, *values.shape[2:]), dtype=values.dtype)
        wide[:, : len(rows)] = values[:, rows]
        return wide

    shadows = ShadowAnswers(
        spread(batch.log_odds),
        spread(batch.trained),
        {name: spread(values) for name, values in batch.channels.items()},
    )
    return replace(
        table,
        answers=replace(table.answers, shadows=shadows),
        blind=None if table.blind is None else replace(table.blind, shadows=shadows),
    )


def pool_rows(material: Material, *, seed: int) -> npt.NDArray[np.intp]:
    """The pool's row of each candidate in the table of a target of this seed, (n,)."""
    member = members_of_seed(material, seed=seed)
    return np.concatenate([np.flatnonzero(member), np.flatnonzero(~member)])
