"""Shadows: verifiers that the attacker trains by the target's recipe, on halves of the same pool.

Each is asked about every candidate. They are kept in a store of their own, under a key of data,
recipe and seed: a later audit, or one with more shadows, trains only what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.audit.material import Material
from facebone.audit.score_table import ScoreTable
from facebone.audit.target import REPEATED_QUERIES, TargetRecipe
from facebone.data.splits import split_mask
from facebone.errors import UsageError
from facebone.seeding import derive_seed, make_rng
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads import Head, LearningHead

AT_ONCE = 8
"""Shadows that one job trains: what a killed run loses at most, and what memory depends on."""

ALIKE = 3.0
"""A target is called unlike its shadows so many of their deviations away from their mean."""


@dataclass(frozen=True, slots=True, eq=False)
class ShadowBatch:
    """Some shadows' answers about the pool.

    Args:
        log_odds: (S, n) float32, mean over the queries.
        trained: (S, n) bool.
    """

    log_odds: npt.NDArray[np.float32]
    trained: npt.NDArray[np.bool_]


def train_shadows(
    recipe: TargetRecipe, material: Material, *, seed: int, numbers: Sequence[int]
) -> ShadowBatch:
    """Train the shadows of these numbers, and ask each about the whole pool.

    A shadow depends on its number, the seed and the recipe alone, not on which others are trained
    at its side.

    Raises:
        UsageError: a recipe whose head learns nothing.
    """
    pool = material.pool
    columns = recipe.columns(material.backbones)
    embedded = material.embedded(pool, columns)
    trained = np.stack([membership(material, seed=seed, number=number) for number in numbers])
    unfitted = recipe.unfitted(tuple(material.backbones[i] for i in columns))
    heads = unfitted.fit_many(
        embedded,
        pool.same,
        [np.flatnonzero(mask) for mask in trained],
        [derive_seed(seed, "shadow", number) for number in numbers],
    )
    answers = [
        _ask(head, embedded, derive_seed(seed, "shadow queries", number))
        for head, number in zip(heads, numbers, strict=True)
    ]
    return ShadowBatch(np.stack(answers), trained)


def membership(material: Material, *, seed: int, number: int) -> npt.NDArray[np.bool_]:
    """Which pairs of the pool a shadow is trained on: a half, as the target is, (n,)."""
    return split_mask(material.pool, fraction=0.5, seed=derive_seed(seed, "shadow half", number))


def _ask(head: Head, embedded: EmbeddedPairs, seed: int) -> npt.NDArray[np.float32]:
    if not isinstance(head, LearningHead):
        raise UsageError(
            "learns nothing, so no shadow of it can tell anything",
            where=f"head {head.name}",
            hint="leave out the attacks that need shadows",
        )
    if head.answers_vary:
        head.reseed(make_rng(seed, "queries"))
    queries = REPEATED_QUERIES if head.answers_vary else 1
    answers = np.stack([head.logit(embedded) for _ in range(queries)])
    mean: npt.NDArray[np.float32] = answers.mean(axis=0).astype(np.float32)
    return mean


def attach(table: ScoreTable, batch: ShadowBatch, rows: npt.NDArray[np.intp]) -> ScoreTable:
    """A target's table with the shadows' answers beside its own, and beside the blind ones.

    Args:
        table: of a target of the same material.
        batch: all shadows.
        rows: (c,) the pool's row of each of the table's first c rows; the others are control
            pairs, about which no shadow was asked.
    """
    count, size = len(batch.log_odds), len(table)
    log_odds = np.zeros((count, size), dtype=np.float32)
    trained = np.zeros((count, size), dtype=np.bool_)
    log_odds[:, : len(rows)] = batch.log_odds[:, rows]
    trained[:, : len(rows)] = batch.trained[:, rows]
    shadows = ShadowAnswers(log_odds, trained)
    return replace(
        table,
        answers=replace(table.answers, shadows=shadows),
        blind=None if table.blind is None else replace(table.blind, shadows=shadows),
    )


def pool_rows(material: Material, *, seed: int) -> npt.NDArray[np.intp]:
    """The pool's row of each candidate in the table of a target of this seed, (n,)."""
    member = split_mask(material.pool, fraction=0.5, seed=derive_seed(seed, "membership"))
    return np.concatenate([np.flatnonzero(member), np.flatnonzero(~member)])


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Whether shadows are like the target: if they are not, what they teach does not apply to it.

    Args:
        count: of shadows.
        target: the target's accuracy on pairs it was trained on and on others.
        mean: the shadows', mean.
        deviation: theirs, standard deviation over shadows.
    """

    count: int
    target: tuple[float, float]
    mean: tuple[float, float]
    deviation: tuple[float, float]

    @property
    def alike(self) -> bool:
        """Whether the target lies among its shadows in both, see `ALIKE`."""
        # Accuracies of few pairs come in steps: half a per cent is no difference.
        return all(
            abs(target - mean) <= max(ALIKE * deviation, 0.005)
            for target, mean, deviation in zip(self.target, self.mean, self.deviation, strict=True)
        )

    def to_json(self) -> Mapping[str, Any]:
        """As plain values."""
        names = ("on_members", "on_others")
        return {
            "count": self.count,
            "target": dict(zip(names, self.target, strict=True)),
            "shadows": dict(zip(names, self.mean, strict=True)),
            "deviation": dict(zip(names, self.deviation, strict=True)),
            "alike": self.alike,
        }


def fidelity(table: ScoreTable) -> Fidelity:
    """Compare a target with its shadows, by accuracy at a probability of a half.

    Raises:
        UsageError: the table has no shadows.
    """
    shadows = table.answers.shadows
    if shadows is None:
        raise UsageError("has no shadows to compare with", where="scores")
    inside = np.flatnonzero(table.candidates)
    right = shadows.take(inside).margins(table.same[inside]) > 0
    trained = shadows.trained[:, inside]
    found = [
        (right & mask).sum(axis=1) / np.maximum(mask.sum(axis=1), 1) for mask in (trained, ~trained)
    ]
    own = table.answers.take(inside).margin() > 0
    member = table.member[inside]
    return Fidelity(
        len(shadows),
        (float(own[member].mean()), float(own[~member].mean())),
        (float(found[0].mean()), float(found[1].mean())),
        (float(found[0].std()), float(found[1].std())),
    )
