"""The models of a ring: trained, asked, and each as an attacker sees it beside all others."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.attacks.access import Access, Channel
from facebone.audit.answers import REPEATED_QUERIES, Answers, scores_of
from facebone.audit.assemble import AttackFacts, TargetFacts
from facebone.audit.audit_plan import PlannedTarget, attacks_on
from facebone.audit.material import Material
from facebone.audit.shadows import ShadowBatch, answers_of, batch_of, train_shadows
from facebone.audit.target import TargetRecipe
from facebone.audit.unit_material import UnitMaterial
from facebone.data.splits import Level
from facebone.harden.attacked import Attacked, AttackedPairs, OneOfMany
from facebone.seeding import derive_seed
from facebone.verification.folds import draw_folds, fold_accuracies
from facebone.verification.heads import LearningHead, PeopleHead

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class RingModels:
    """Models of one recipe, each trained on a random half.

    Args:
        material: the candidates.
        heads: the models.
        columns: of the backbones that they use.
        ways: the attacks as an audit would run them on such a model.
        answers: of each model about all candidates.
        batch: the same, as shadows of one another.
        seed: of halves, training and folds.
        seconds: that the training of all of them took.
    """

    material: Material | UnitMaterial
    heads: tuple[LearningHead, ...]
    columns: tuple[int, ...]
    ways: tuple[AttackFacts, ...]
    answers: tuple[Answers, ...]
    batch: ShadowBatch
    seed: int
    seconds: float

    def __len__(self) -> int:
        return len(self.heads)

    def attacked(self, number: int) -> OneOfMany:
        """A model as an attacker sees it, with all others as shadows."""
        material, own = self.material, self.answers[number]
        if isinstance(material, Material):
            pairs = material.pool
            people = material.people_of(pairs)
            return AttackedPairs.among(self.batch, number, own.log_odds, pairs.same, people)
        trained = self.batch.trained[number]
        return Attacked.beside(material, self.batch, number, trained, own.log_odds, own.channels)

    def held_out(self, number: int) -> tuple[Floats, Labels]:
        """Scores of pairs that a model was not trained on, and whether each shows one person.

        One answer counts, as somebody who verifies gets it. Of people, pairs of those are taken who
        are neither members nor control.
        """
        member = self.batch.trained[number]
        if isinstance(self.material, Material):
            return self.answers[number].log_odds[~member, 0], self.material.pool.same[~member]
        strangers = ~member & ~self.material.control_units
        own_seed = derive_seed(self.seed, "pairs of strangers", number)
        rows = self.material.training_rows(strangers, seed=own_seed)
        pairs = self.material.training.take(rows)
        return scores_of(self.heads[number], self.material, pairs, self.columns), pairs.same

    def accuracies(self, number: int) -> tuple[tuple[float, ...], int]:
        """Accuracy of each fold of `held_out`, and of how many pairs."""
        scores, same = self.held_out(number)
        folds = draw_folds(same, seed=derive_seed(self.seed, "folds", number))
        return fold_accuracies(scores, same, folds), len(same)


def make_ring(
    recipe: TargetRecipe,
    material: Material | UnitMaterial,
    *,
    models: int,
    seed: int,
    attacks: Sequence[str],
) -> RingModels:
    """Train a ring and ask each of its models about all candidates.

    Args:
        recipe: of every model.
        material: the candidates.
        models: how many.
        seed: of halves and training.
        attacks: specs; where answers vary, where each backbone can be asked, and where people are
            members, they also ask as an attacker would there, see `attacks_on`.

    Raises:
        UsageError: a recipe that does not fit the material or whose head learns nothing, or an
            attack that cannot be asked.
    """
    numbers = range(models)
    began = time.perf_counter()
    heads = train_shadows(recipe, material, seed=seed, numbers=numbers)
    seconds = time.perf_counter() - began
    ways = _ways(recipe, material, heads[0], attacks)
    wanted = {channel for way in ways for channel in way.asking.channels}
    channels = [channel for channel in Channel if channel in wanted]
    answers = answers_of(heads, recipe, material, seed=seed, numbers=numbers, channels=channels)
    return RingModels(
        material=material,
        heads=tuple(heads),
        columns=recipe.columns(material.backbones),
        ways=tuple(ways),
        answers=tuple(answers),
        batch=batch_of(answers, material, seed=seed, numbers=numbers),
        seed=seed,
        seconds=seconds,
    )


def _ways(
    recipe: TargetRecipe,
    material: Material | UnitMaterial,
    head: LearningHead,
    attacks: Sequence[str],
) -> list[AttackFacts]:
    level = Level.PAIR if isinstance(material, Material) else material.level
    target = PlannedTarget(
        facts=TargetFacts(recipe.name, recipe.mitigation, "", level=level),
        made=(),
        queries=REPEATED_QUERIES if head.answers_vary else 1,
        ways=len(recipe.columns(material.backbones)) if head.alternates else 1,
        adapts=isinstance(head, PeopleHead),
    )
    return attacks_on(attacks, target, Access.WEIGHTS)
