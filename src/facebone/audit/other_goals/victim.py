"""A target of one seed as an attacker meets it: what it stores, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.audit.material import Material
from facebone.audit.target import TargetRecipe, members_of_seed, train
from facebone.audit.unit_material import UnitMaterial, members_of
from facebone.data.pairs import Pairs
from facebone.seeding import make_rng
from facebone.verification.embedded_pairs import EmbeddedPairs, Matrix, normalise
from facebone.verification.heads import Head, LearningHead, PeopleHead

Rows = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]

AT_ONCE = 16_384
"""Pairs that are embedded side by side at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Victim:
    """A trained target.

    Args:
        head: fitted.
        columns: the backbones that it uses, of the audit's.
        learnt: pairs that it was trained on, by rows of its material.
    """

    head: Head
    columns: tuple[int, ...]
    learnt: Pairs

    def stored(self, embeddings: tuple[Matrix, ...]) -> Floats:
        """What it keeps of n pictures, (n, t), from K matrices (n, d_k) of any length."""
        return self.head.stored(tuple(normalise(one) for one in embeddings)).astype(np.float64)

    def answers(self, embeddings: tuple[Matrix, ...], left: Rows, right: Rows) -> Floats:
        """What it says of pairs of pictures, (n,): log odds, of a head that learns nothing scores.

        Args:
            embeddings: K matrices (N, d_k) of all pictures.
            left: (n,) rows of them.
            right: (n,) likewise.
        """
        head = self.head
        if isinstance(head, PeopleHead):
            made = head.templates(tuple(normalise(one) for one in embeddings))
            return head.compare(made[left], made[right])
        say = head.logit if isinstance(head, LearningHead) else head.score
        found = [np.empty(0)]
        for first in range(0, len(left), AT_ONCE):
            sides = left[first : first + AT_ONCE], right[first : first + AT_ONCE]
            parts = [tuple(one[side] for one in embeddings) for side in sides]
            found.append(say(EmbeddedPairs.scale(*parts)))
        return np.concatenate(found)


def train_victim(recipe: TargetRecipe, material: Material | UnitMaterial, *, seed: int) -> Victim:
    """The target of a seed, trained on the members of that seed.

    Args:
        recipe: of it.
        material: that its members are drawn from.
        seed: of members, training, and answers that vary.
    """
    if isinstance(material, UnitMaterial):
        _, rows, _ = members_of(material, seed=seed)
        learnt = material.training.take(rows)
    else:
        learnt = material.pool.take(members_of_seed(material, seed=seed))
    head, columns = train(recipe, material, learnt, seed=seed)
    if head.answers_vary:
        head.reseed(make_rng(seed, "queries"))
    return Victim(head, columns, learnt)
