"""One model attacked with all others of its ring as shadows, at any level."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from facebone.attacks.access import Channel
from facebone.attacks.asking import Asking, as_asked, parse_attack
from facebone.attacks.base import ATTACKS, MembershipAttack
from facebone.attacks.observations import Observations
from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.audit.score_table import CONTROL, ScoreTable
from facebone.audit.shadows import ShadowBatch
from facebone.audit.unit_material import UnitMaterial
from facebone.audit.unit_target import UnitAnswers, unit_table
from facebone.verification.heads.base import sigmoid
from facebone.verification.intervals import People
from facebone.verification.metrics import auc

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

CONTROL_FPR = 0.01


class Scored(NamedTuple):
    """What an attack says of n candidates.

    Args:
        score: (n,) larger for members.
        member: (n,) bool, the truth.
        same: (n,) bool, whether each shows one person.
        people: who is left and right in each; None where it is not known.
    """

    score: Floats
    member: Mask
    same: Mask
    people: People | None


class Tried(NamedTuple):
    """What an attack finds.

    Args:
        auc: of members against others.
        tpr: members found at one false alarm in 100.
        control: AUC of control people, half of them called members by a coin.
    """

    auc: float
    tpr: float
    control: float


class OneOfMany(ABC):
    """A model beside the others of its ring."""

    @abstractmethod
    def scored(self, asking: Asking) -> Scored:
        """What an attack, asking so, says of the candidates.

        Raises:
            UsageError: answers of that kind were not recorded.
        """


@dataclass(frozen=True, slots=True, eq=False)
class AttackedPairs(OneOfMany):
    """A model asked about the pairs of a pool.

    Args:
        seen: its answers, beside those of its shadows.
        member: (n,) bool, which pairs it was trained on.
        people: who is left and right in each pair.
    """

    seen: Observations
    member: Mask
    people: People

    @classmethod
    def among(
        cls, batch: ShadowBatch, target: int, log_odds: Floats, same: Mask, people: People
    ) -> AttackedPairs:
        """The model of this number among those of a batch.

        Args:
            batch: the ring.
            target: number of the model.
            log_odds: (n, q) its answers to each query.
            same: (n,) bool.
            people: who is left and right in each pair.
        """
        others = np.arange(len(batch.log_odds)) != target
        shadows = ShadowAnswers(
            batch.log_odds[others],
            batch.trained[others],
            {name: values[others] for name, values in batch.channels.items()},
        )
        own = {name: values[target].astype(np.float64) for name, values in batch.channels.items()}
        seen = Observations(sigmoid(log_odds), same, log_odds, 0.5, shadows, own)
        return cls(seen, batch.trained[target], people)

    def scored(self, asking: Asking) -> Scored:
        """See `OneOfMany`."""
        seen = as_asked(self.seen, asking.ask)
        return Scored(_attack(asking).score(seen), self.member, seen.same, self.people)


@dataclass(frozen=True, slots=True, eq=False)
class Attacked(OneOfMany):
    """A model of people or pictures beside all others, trained by the same recipe, as shadows.

    Args:
        material: that all were asked about.
        answered: by the model.
        shadows: the others' answers.
        members: (S, u) whom each of these was trained on.
    """

    material: UnitMaterial
    answered: UnitAnswers
    shadows: ShadowAnswers
    members: Mask

    @classmethod
    def among(cls, material: UnitMaterial, batch: ShadowBatch, target: int) -> Attacked:
        """The model of this number among those of a batch."""
        own = {name: values[target] for name, values in batch.channels.items()}
        return cls.beside(
            material, batch, target, batch.trained[target], batch.log_odds[target], own
        )

    @classmethod
    def beside(
        cls,
        material: UnitMaterial,
        batch: ShadowBatch,
        target: int,
        member: Mask,
        log_odds: npt.NDArray[np.floating],
        channels: Mapping[Channel, npt.NDArray[np.floating]],
    ) -> Attacked:
        """Answers of another model in the place of the one of this number.

        Args:
            material: that all were asked about.
            batch: the ring.
            target: number of the model whose place is taken.
            member: (u,) bool, whom the other was trained on.
            log_odds: (n,) or (n, q) its answers.
            channels: (n, f) what else was recorded of it.
        """
        others = np.arange(len(batch.log_odds)) != target
        odds = log_odds.astype(np.float64).reshape(len(log_odds), -1)
        own = {name: values.astype(np.float64) for name, values in channels.items()}
        seen = Observations(sigmoid(odds), material.questions.same, odds, 0.5, channels=own)
        shadows = ShadowAnswers(
            batch.log_odds[others],
            np.zeros((int(others.sum()), len(odds)), dtype=np.bool_),
            {name: values[others] for name, values in batch.channels.items()},
        )
        return cls(
            material, UnitAnswers(member, seen, seen, target), shadows, batch.trained[others]
        )

    def scored(self, asking: Asking) -> Scored:
        """See `OneOfMany`."""
        table = self._table(asking)
        rows = np.flatnonzero(table.candidates)
        people = None if table.people is None else (table.people[0][rows], table.people[1][rows])
        seen = table.answers.take(rows)
        return Scored(_attack(asking).score(seen), table.member[rows], seen.same, people)

    def tried(self, spec: str, *, probes: int | None = None) -> Tried:
        """What an attack finds among candidates, and among control people."""
        asking = parse_attack(spec)
        table = self._table(asking, probes)
        attack = _attack(asking)
        control = np.flatnonzero(table.membership == CONTROL)
        rows = np.flatnonzero(table.candidates)
        member, scores = table.member[rows], attack.score(table.answers.take(rows))
        return Tried(
            auc(scores, member),
            float(np.mean(scores[member] > np.quantile(scores[~member], 1 - CONTROL_FPR))),
            auc(attack.score(table.answers.take(control)), table.drawn[control]),
        )

    def _table(self, asking: Asking, probes: int | None = None) -> ScoreTable:
        return unit_table(
            self.material,
            self.answered,
            self.shadows,
            shadow_members=self.members,
            ask=asking.ask,
            probes=asking.probes if probes is None else probes,
        )


def _attack(asking: Asking) -> MembershipAttack:
    return ATTACKS.make(asking.name, asking.settings)
