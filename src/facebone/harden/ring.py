"""A ring: models of one recipe, each attacked with all the others as shadows.

Every model is trained on its own random half of the same pairs, or people, under the same defence:
an attacker who knows the recipe. Model k has the same members whatever the recipe, so figures of
two recipes differ by the recipes, not by who was trained on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.audit.assemble import AttackFacts
from facebone.audit.material import Material
from facebone.audit.pooling import pool
from facebone.audit.statistics import figure_from_json, measure_auc
from facebone.audit.target import TargetRecipe
from facebone.audit.unit_material import UnitMaterial
from facebone.harden.attacked import OneOfMany
from facebone.harden.ring_models import make_ring
from facebone.seeding import derive_seed
from facebone.verification.estimates import Figure
from facebone.verification.metrics import auc, tar_at_far
from facebone.verification.utility import fold_figure

FPRS = (0.01, 0.001)

REPLICATES = 200
"""Resamples of people behind the interval of one model's AUC; there are several models."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure of several models.

    Args:
        mean: over them.
        deviation: of one model, with n - 1.
        models: how many.
    """

    mean: float
    deviation: float
    models: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of the figures of two models or more."""
        return cls(float(np.mean(values)), float(np.std(values, ddof=1)), len(values))

    @property
    def error(self) -> float:
        """Standard error of the mean. Models share their candidates: it is about these alone."""
        return float(self.deviation / np.sqrt(self.models))


@dataclass(frozen=True, slots=True)
class Found:
    """What one attack found in a ring.

    Args:
        attack: its name, and how it asked.
        auc: over the models.
        tpr_at_fpr: false positive rate -> true positive rate over the models.
    """

    attack: str
    auc: Spread
    tpr_at_fpr: Mapping[str, Spread]


@dataclass(frozen=True, slots=True)
class Ring:
    """What a ring shows of a recipe.

    Args:
        accuracy: of candidates that were not trained on, over the models.
        accuracy_interval: 95 %, see `pool`: it holds the figure of every model.
        leak_interval: likewise of the strongest attack's AUC, over people.
        found: by each attack.
    """

    accuracy: Spread
    accuracy_interval: Figure
    leak_interval: Figure
    found: tuple[Found, ...]

    @property
    def strongest(self) -> Found:
        """The attack with the highest mean AUC."""
        return max(self.found, key=lambda one: one.auc.mean)

    def to_json(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "accuracy": asdict(self.accuracy),
            "accuracy_interval": self.accuracy_interval.to_json(),
            "leak_interval": self.leak_interval.to_json(),
            "found": [asdict(one) for one in self.found],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Ring:
        """What `to_json` gave."""
        found = tuple(
            Found(
                one["attack"],
                Spread(**one["auc"]),
                {fpr: Spread(**tpr) for fpr, tpr in one["tpr_at_fpr"].items()},
            )
            for one in values["found"]
        )
        return cls(
            Spread(**values["accuracy"]),
            figure_from_json(values["accuracy_interval"]),
            figure_from_json(values["leak_interval"]),
            found,
        )


def measure_ring(
    recipe: TargetRecipe,
    material: Material | UnitMaterial,
    *,
    models: int,
    seed: int,
    attacks: Sequence[str],
    replicates: int = REPLICATES,
) -> Ring:
    """Train a ring by a recipe and attack each model with the others.

    Args:
        recipe: of every model.
        material: the candidates.
        models: how many, 3 or more.
        seed: of halves, training and bootstrap.
        attacks: specs; where answers vary, where each backbone can be asked, and where people are
            members, they also ask as an attacker would there, see `attacks_on`.
        replicates: resamples of people behind an interval.

    Raises:
        UsageError: a recipe that does not fit the material or whose head learns nothing, or an
            attack that cannot be asked.
    """
    ring = make_ring(recipe, material, models=models, seed=seed, attacks=attacks)
    folds = [ring.accuracies(number) for number in range(models)]
    seen = [ring.attacked(number) for number in range(models)]
    found = tuple(_found(way, seen) for way in ring.ways)
    strongest = max(range(len(found)), key=lambda i: found[i].auc.mean)
    return Ring(
        accuracy=Spread.of([float(np.mean(values)) for values, _ in folds]),
        accuracy_interval=pool([fold_figure(values, count) for values, count in folds]),
        leak_interval=_interval(ring.ways[strongest], seen, seed=seed, replicates=replicates),
        found=found,
    )


def _found(way: AttackFacts, seen: Sequence[OneOfMany]) -> Found:
    scored = [one.scored(way.asking) for one in seen]
    return Found(
        way.label,
        Spread.of([auc(one.score, one.member) for one in scored]),
        {
            f"{fpr:g}": Spread.of([tar_at_far(one.score, one.member, fpr) for one in scored])
            for fpr in FPRS
        },
    )


def _interval(way: AttackFacts, seen: Sequence[OneOfMany], *, seed: int, replicates: int) -> Figure:
    """Of an attack's AUC, over people."""
    figures = []
    for number, one in enumerate(seen):
        found = one.scored(way.asking)
        figures.append(
            measure_auc(
                found.score,
                found.member,
                found.same,
                found.people,
                seed=derive_seed(seed, "ring bootstrap", number),
                replicates=replicates,
            )
        )
    return pool(figures)
