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
from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.audit.answers import scores_of
from facebone.audit.bought import Bought, bought_by
from facebone.audit.bought_pairs import unit_groups
from facebone.audit.score_table import (
    CONTROL,
    MEMBER,
    NON_MEMBER,
    ScoreTable,
    observed_from_arrays,
    observed_to_arrays,
)
from facebone.audit.target import TargetRecipe, observe, observe_blind, train
from facebone.audit.unit_centre import Album, albums, with_centres
from facebone.audit.unit_material import UnitMaterial, members_of
from facebone.audit.unit_means import UnitMeans
from facebone.data.pairs import Pairs
from facebone.data.splits import Level
from facebone.errors import UsageError
from facebone.seeding import derive_seed, make_rng
from facebone.verification.folds import draw_folds, fold_accuracies
from facebone.verification.heads import Head, PeopleHead
from facebone.verification.utility import Utility, measure_utility

Mask = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.intp]


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
        bought: what training bought; None of a head that learns nothing.
    """

    answers: UnitAnswers
    utility: Utility
    member_accuracy: tuple[float, ...]
    members: int
    head: str
    bought: Bought | None = None


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
            scores_of(head, material, learnt, columns),
            learnt.same,
            draw_folds(learnt.same, seed=derive_seed(seed, "member folds")),
        ),
        members=len(learnt),
        head=head.base_name,
        bought=bought_by(
            head, material, columns, unit_groups(material, chosen, rows, member), seed=seed
        ),
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
    adapted = isinstance(head, PeopleHead)
    blind = observe_blind(
        material, material.control_pairs(), questions, columns, channels, adapted=adapted
    )
    return UnitAnswers(member, answers, blind, seed)


def _utility(
    head: Head, material: UnitMaterial, columns: tuple[int, ...], pairs: Pairs, *, seed: int
) -> Utility:
    scores = scores_of(head, material, pairs, columns)
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
    """The table of units: each is described by a mean over the pairs that are asked about it.

    See `UnitMeans`, and `with_centres` for the one way of asking that looks at templates.

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
    if ask.matched_only:
        rows = rows[material.questions.same[rows[:, 0]]]
    if probes is not None:
        rows = rows[rows[:, 2] < probes]
    if not len(rows):
        few = "of this kind" if probes is None else f"with {probes}"
        raise UsageError(f"{few} nothing can be asked", where="probes")
    units, place = np.unique(rows[:, 1], return_inverse=True)
    questions, question = np.unique(rows[:, 0], return_inverse=True)
    means = UnitMeans(question, place, material.questions.same[questions])
    members = None if shadow_members is None else shadow_members[:, units]
    chosen = _albums(material, units, rows[:, 0], place) if ask is Ask.CENTRE else None

    def about(observed: Observations) -> Observations:
        every = replace(observed, shadows=shadows)
        # What is fitted to answers is fitted to those that are asked for.
        few = every if len(questions) == len(every) else every.take(questions)
        of_units = means.of(as_asked(few, ask), None if shadows is None else members)
        return of_units if chosen is None else with_centres(of_units, every, chosen)

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


def _albums(
    material: UnitMaterial, units: Positions, question: Positions, place: Positions
) -> list[Album]:
    """The pictures that are asked with of each unit."""
    of_people = material.level is Level.IDENTITY
    row = {} if of_people else {str(name): i for i, name in enumerate(material.ids)}
    candidates = [row.get(str(name)) for name in material.names[units]]
    return albums(material.questions, question, place, candidates)


def _draw(control: Mask, *, seed: int) -> Mask:
    """A coin's membership for half of the control units, (u,)."""
    drawn = np.zeros(len(control), dtype=np.bool_)
    rows = make_rng(seed, "control units").permutation(np.flatnonzero(control))
    drawn[rows[: len(rows) // 2]] = True
    return drawn
