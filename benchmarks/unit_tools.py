"""What studies of people and pictures share: accuracy beside the unadapted, and models attacked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from facebone.attacks.access import Channel
from facebone.attacks.asking import parse_attack
from facebone.attacks.base import make_attack
from facebone.attacks.observations import Observations
from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.audit.score_table import CONTROL
from facebone.audit.shadows import ShadowBatch
from facebone.audit.unadapted import unadapted_scores
from facebone.audit.unit_material import UnitMaterial
from facebone.audit.unit_target import UnitAnswers, unit_table
from facebone.data.pairs import Pairs
from facebone.seeding import make_rng
from facebone.verification.folds import draw_folds, fold_accuracies
from facebone.verification.heads.base import sigmoid
from facebone.verification.metrics import auc

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

ACCURACIES = ("strangers before", "strangers", "members before", "members")


def accuracies(
    log_odds: Callable[[Pairs], Floats],
    material: UnitMaterial,
    member: Mask,
    columns: tuple[int, ...],
    *,
    seed: int,
) -> list[float]:
    """`ACCURACIES` on pictures that were not trained on; before is the mean of the cosines."""
    found: list[float] = []
    for group in (~member & ~material.control_units, member):
        pairs = pairs_among(material, group, seed=seed)
        folds = draw_folds(pairs.same, seed=seed)
        both = unadapted_scores(material, pairs, columns), log_odds(pairs)
        found += [float(np.mean(fold_accuracies(one, pairs.same, folds))) for one in both]
    return found


def pairs_among(material: UnitMaterial, group: Mask, *, seed: int) -> Pairs:
    """All matched pairs of the probes of some people, and as many random mismatched ones."""
    mine = np.unique(material.asked[group[material.asked[:, 1]], 0])
    matched = material.questions.take(mine[material.questions.same[mine]])
    drawn = make_rng(seed, "mismatched").choice(matched.pictures(), (3 * len(matched), 2))
    apart = material.people[drawn[:, 0]] != material.people[drawn[:, 1]]
    drawn = drawn[apart][: len(matched)]
    return Pairs(
        np.concatenate([matched.left, drawn[:, 0]]),
        np.concatenate([matched.right, drawn[:, 1]]),
        np.arange(len(matched) + len(drawn)) < len(matched),
    )


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


@dataclass(frozen=True, slots=True, eq=False)
class Attacked:
    """One model beside all others, trained by the same recipe, as shadows.

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
        channels: dict[Channel, npt.NDArray[np.floating]],
    ) -> Attacked:
        """Answers of another model in the place of the one of this number."""
        others = np.arange(len(batch.log_odds)) != target
        odds = log_odds.astype(np.float64)[:, None]
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

    def tried(self, spec: str, *, probes: int | None = None) -> Tried:
        """What an attack finds among candidates, and among control people."""
        asking = parse_attack(spec)
        table = unit_table(
            self.material,
            self.answered,
            self.shadows,
            shadow_members=self.members,
            ask=asking.ask,
            probes=probes,
        )
        attack = make_attack(asking.name, asking.settings)
        control = np.flatnonzero(table.membership == CONTROL)
        rows = np.flatnonzero(table.candidates)
        member, scores = table.member[rows], attack.score(table.answers.take(rows))
        return Tried(
            auc(scores, member),
            float(np.mean(scores[member] > np.quantile(scores[~member], 0.99))),
            auc(attack.score(table.answers.take(control)), table.drawn[control]),
        )
