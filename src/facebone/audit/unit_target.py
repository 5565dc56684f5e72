"""Targets at the levels of pictures and people: trained, asked, and what they say of each unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.attacks.access import Ask, Channel
from facebone.attacks.asking import as_asked, was_asked
from facebone.attacks.observations import Observations
from facebone.attacks.probe_answers import ProbeAnswers
from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.audit.score_table import (
    CONTROL,
    MEMBER,
    NON_MEMBER,
    ScoreTable,
    observed_from_arrays,
    observed_to_arrays,
)
from facebone.audit.target import TargetRecipe, observe, observe_blind, train
from facebone.audit.unit_material import UnitMaterial, members_of
from facebone.data.pairs import Pairs
from facebone.errors import UsageError
from facebone.seeding import derive_seed, make_rng
from facebone.verification.folds import draw_folds, fold_accuracies
from facebone.verification.heads import Head
from facebone.verification.heads.base import sigmoid
from facebone.verification.utility import Utility, measure_utility

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class UnitAnswers:
    """A target's answers about the questions of a `UnitMaterial`.

    Args:
        member: (u,) bool, units that it was trained on.
        answers: about the questions.
        blind: those of a verifier that never learnt from any of the units.
        seed: of the target.
    """

    member: Mask
    answers: Observations
    blind: Observations
    seed: int

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All of it as arrays by name."""
        return {
            "member": self.member,
            "seed": np.array(self.seed),
            **observed_to_arrays("answers", self.answers),
            **observed_to_arrays("blind", self.blind),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> UnitAnswers:
        """What `to_arrays` gave."""
        return cls(
            arrays["member"],
            observed_from_arrays("answers", arrays),
            observed_from_arrays("blind", arrays),
            int(arrays["seed"]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class UnitTarget:
    """A target of one seed, as what it answered.

    Args:
        answers: about the questions.
        utility: on pairs of units that are no members; at the level of people, of strangers.
        member_accuracy: accuracy of each of ten folds of the pairs it was trained on.
        members: number of these pairs.
        head: name of the head that it turned out to have.
    """

    answers: UnitAnswers
    utility: Utility
    member_accuracy: tuple[float, ...]
    members: int
    head: str


def make_unit_target(
    recipe: TargetRecipe, material: UnitMaterial, *, seed: int, channels: Sequence[Channel] = ()
) -> UnitTarget:
    """Train a target on half of the units and ask it all questions.

    Raises:
        UsageError: a recipe that does not fit the material.
    """
    chosen, rows, member = members_of(material, seed=seed)
    learnt = material.training.take(rows)
    head, columns = train(recipe, material, learnt, seed=seed)
    others = material.training_rows(~chosen & ~material.control_units, seed=seed)
    return UnitTarget(
        answers=_ask(head, material, columns, member, channels, seed=seed),
        utility=_utility(head, material, columns, material.training.take(others), seed=seed),
        member_accuracy=fold_accuracies(
            head.score(material.embedded(learnt, columns)),
            learnt.same,
            draw_folds(learnt.same, seed=derive_seed(seed, "member folds")),
        ),
        members=len(learnt),
        head=head.base_name,
    )


def make_null_unit_target(
    recipe: TargetRecipe, material: UnitMaterial, *, seed: int, channels: Sequence[Channel] = ()
) -> UnitAnswers:
    """The answers of a target trained on control people, with the members of a seed.

    It has met none of them, so no attack may tell them from the others.
    """
    _, _, member = members_of(material, seed=seed)
    head, columns = train(recipe, material, material.control_pairs(), seed=seed)
    return _ask(head, material, columns, member, channels, seed=seed)


def _ask(
    head: Head,
    material: UnitMaterial,
    columns: tuple[int, ...],
    member: Mask,
    channels: Sequence[Channel],
    *,
    seed: int,
) -> UnitAnswers:
    questions = material.questions
    everyone = np.ones(len(questions), dtype=np.bool_)
    answers = observe(
        head, material, questions, columns, known=everyone, channels=channels, seed=seed
    )
    blind = observe_blind(material, material.control_pairs(), questions, columns, channels)
    return UnitAnswers(member, answers, blind, seed)


def _utility(
    head: Head, material: UnitMaterial, columns: tuple[int, ...], pairs: Pairs, *, seed: int
) -> Utility:
    scores = head.score(material.embedded(pairs, columns))
    folds = draw_folds(pairs.same, seed=derive_seed(seed, "utility folds"))
    return measure_utility(
        scores,
        pairs.same,
        fold_accuracy=fold_accuracies(scores, pairs.same, folds),
        people=material.people_of(pairs),
        seed=derive_seed(seed, "utility"),
    )


def unit_table(
    material: UnitMaterial,
    answered: UnitAnswers,
    shadows: ShadowAnswers | None,
    *,
    shadow_members: Mask | None = None,
    ask: Ask = Ask.ONCE,
    probes: int | None = None,
) -> ScoreTable:
    """The table of units: each is described by the mean over the pairs that are asked about it.

    Args:
        material: of the level.
        answered: the target's answers.
        shadows: theirs about the same questions; their `trained` is not looked at.
        shadow_members: (S, u) bool, units that each shadow was trained on.
        ask: how each question is asked.
        probes: pictures of a person, or partners of a picture, that are used at most.

    Raises:
        UsageError: answers of that kind were not recorded, or nothing can be asked with so few.
    """
    rows = material.asked
    if probes is not None:
        rows = rows[rows[:, 2] < probes]
    if not len(rows):
        raise UsageError(f"with {probes} nothing can be asked", where="probes")
    units, place = np.unique(rows[:, 1], return_inverse=True)
    means = _Means(rows[:, 0], place, len(units))
    members = None if shadow_members is None else shadow_members[:, units]

    def about(observed: Observations) -> Observations:
        asked = as_asked(replace(observed, shadows=shadows), ask)
        return means.of(asked, None if shadows is None else members)

    control = material.control_units[units]
    membership = np.where(answered.member[units], MEMBER, NON_MEMBER).astype(np.int8)
    membership[control] = CONTROL
    person = material.person[units]
    return ScoreTable(
        left=material.names[units],
        right=material.names[units],
        people=(person, person),
        membership=membership,
        drawn=_draw(control, seed=answered.seed),
        answers=about(answered.answers),
        blind=about(answered.blind) if was_asked(answered.blind, ask) else None,
    )


def _draw(control: Mask, *, seed: int) -> Mask:
    """A coin's membership for half of the control units, (u,)."""
    drawn = np.zeros(len(control), dtype=np.bool_)
    rows = make_rng(seed, "control units").permutation(np.flatnonzero(control))
    drawn[rows[: len(rows) // 2]] = True
    return drawn


class _Means:
    """Means over the questions that are asked about each unit.

    Args:
        question: (r,) which question.
        unit: (r,) about which unit, 0 .. u - 1, not falling.
        size: u.
    """

    def __init__(
        self, question: npt.NDArray[np.intp], unit: npt.NDArray[np.intp], size: int
    ) -> None:
        self.question, self.unit, self.size = question, unit, size
        self.begins = np.searchsorted(unit, np.arange(size))
        self.count = np.bincount(unit, minlength=size)

    def mean(self, values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Of values (questions, f) over each unit's questions, (u, f)."""
        taken = values[self.question].astype(np.float64)
        sums: npt.NDArray[np.float64] = np.add.reduceat(taken, self.begins, axis=0)
        return sums / self.count[:, None]

    def of(self, observed: Observations, members: Mask | None) -> Observations:
        """Observations of units from those of questions."""
        sign = np.where(observed.same, 1.0, -1.0)[:, None]

        def channel(name: Channel, values: npt.NDArray[np.floating]) -> Any:
            return self.mean(values * sign if name.holds_log_odds else values)

        log_odds = self.mean(observed.log_odds * sign)
        shadows, margins = None, np.empty((0, len(self.question)), dtype=np.float32)
        if observed.shadows is not None and members is not None:
            of_all = observed.shadows.log_odds * sign[:, 0].astype(np.float32)
            shadows = ShadowAnswers(
                self.mean(of_all.T).T.astype(np.float32),
                members,
                {
                    name: np.stack([channel(name, one) for one in values]).astype(np.float32)
                    for name, values in observed.shadows.channels.items()
                },
            )
            margins = of_all[:, self.question]
        return Observations(
            score=sigmoid(log_odds),
            same=np.ones(self.size, dtype=np.bool_),
            log_odds=log_odds,
            threshold=0.5,
            shadows=shadows,
            channels={name: channel(name, values) for name, values in observed.channels.items()},
            probes=ProbeAnswers(
                candidate=self.unit,
                margin=(observed.log_odds.mean(axis=1) * sign[:, 0])[self.question],
                same=observed.same[self.question],
                margins=margins,
                size=self.size,
            ),
        )
