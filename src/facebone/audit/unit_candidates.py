"""Candidate pictures and people: what targets may train on, and what an attacker asks about each.

A unit is a picture or a person, by the level. Units of control people are in neither set. Pictures
of which the data set holds an earlier copy are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.audit.candidates import CONTROL_SHARE, first_copies, join
from facebone.data.dataset import Dataset
from facebone.data.pairs import Pairs
from facebone.data.sampling import Positions, count_pairs, draw_pairs
from facebone.data.splits import Level
from facebone.errors import DatasetError
from facebone.seeding import derive_seed, make_rng

Texts = npt.NDArray[np.str_]
Mask = npt.NDArray[np.bool_]

FEWEST_PICTURES = {Level.IMAGE: 2, Level.IDENTITY: 4}
"""Pictures a person must have: for a matched pair; for one to train on and one to ask about."""

FEWEST_PEOPLE = {Level.IMAGE: 24, Level.IDENTITY: 40}
"""People besides control people without whom no attack has the members it needs to be tried."""

FEWEST_CONTROL = {Level.IMAGE: 2, Level.IDENTITY: 8}
"""Control people, at least: a target that splits people must be trainable on them alone."""

MOST_TRAINING = MOST_PROBES = 10
"""Pictures of a person that may be trained on, and that are asked about, at most."""

MOST_OF_ONE = 10
"""Pictures of one person that are candidates at the level of pictures, at most."""

STRANGERS = 8
"""Mismatched partners of each picture."""


@dataclass(frozen=True, slots=True, eq=False)
class UnitCandidates:
    """u units; pairs hold positions in the data set.

    Args:
        level: `Level.IMAGE` or `Level.IDENTITY`.
        names: (u,) ids of the pictures, or names of the people.
        person: (u,) whose picture it is, or the person.
        strata: (u,) what members and non-members must have in like shares.
        control: (u,) bool, units of control people.
        training: pairs that a target trains on if the units of both pictures are members.
        training_units: (t, 2) the units of their pictures.
        questions: pairs that an attacker asks about.
        asked: (r, 3) question, unit that it is asked about, and the number, counted from 0, of the
            picture or partner of the unit that it needs; ordered by unit.
    """

    level: Level
    names: Texts
    person: Texts
    strata: npt.NDArray[np.intp]
    control: Mask
    training: Pairs
    training_units: npt.NDArray[np.intp]
    questions: Pairs
    asked: npt.NDArray[np.intp]

    def pictures(self) -> Positions:
        """Sorted positions of all pictures that occur."""
        return np.unique(np.concatenate([self.training.pictures(), self.questions.pictures()]))


def draw_units(
    dataset: Dataset,
    level: Level,
    *,
    limit: int,
    seed: int,
    training_pictures: int = MOST_TRAINING,
    control_share: float = CONTROL_SHARE,
) -> UnitCandidates:
    """Draw the candidates of an audit at the level of pictures or people.

    Of people, or pictures, there are no more than the limit lets train on a matched pair each: were
    there many more, targets would train on mismatched pairs for the most part, or not on them.

    Args:
        dataset: people and pictures.
        level: `Level.IMAGE` or `Level.IDENTITY`.
        limit: matched pairs that a target trains on, about, at most, and as many mismatched.
        seed: the same seed draws the same.
        training_pictures: of a person, at most; at the level of people only.
        control_share: share of people who stand in neither set.

    Raises:
        DatasetError: too few people with enough pictures.
    """
    people = _people(dataset, FEWEST_PICTURES[level], seed=derive_seed(seed, "pictures"))
    rng = make_rng(seed, "unit control")
    order = rng.permutation(len(people))
    fewest, fewest_control = FEWEST_PEOPLE[level], FEWEST_CONTROL[level]
    count = max(fewest_control, round(control_share * len(people)))
    if len(people) - count < fewest:
        needed = max(fewest + fewest_control, round(fewest / (1 - control_share)))
        raise DatasetError(
            f"has {len(people)} people with {FEWEST_PICTURES[level]} pictures or more, an audit at "
            f"the level {level} needs {needed}",
            where=dataset.name,
            hint="bring more pictures of each person, or audit at the level of pairs",
        )
    most = max(2 * limit, fewest)
    count = min(count, max(fewest_control, round(most * control_share / (1 - control_share))))
    chosen = np.sort(order[count:][:most]), np.sort(order[:count])
    sides = [[people[i] for i in side] for side in chosen]
    if level is Level.IMAGE:
        return _draw_images(dataset, sides, limit=limit, seed=seed)
    return _draw_people(dataset, sides, limit=limit, seed=seed, training=training_pictures)


def _people(dataset: Dataset, fewest: int, *, seed: int) -> list[Positions]:
    """Positions of the pictures of each person who has enough, in random order."""
    twin = first_copies(dataset)
    grouped: dict[str, list[int]] = {}
    for position in np.flatnonzero(twin == np.arange(len(twin))).tolist():
        grouped.setdefault(dataset.pictures[position].person, []).append(position)
    rng = make_rng(seed, "order of pictures")
    orders = [rng.permutation(np.array(grouped[name], dtype=np.intp)) for name in sorted(grouped)]
    return [order for order in orders if len(order) >= fewest]


def _draw_images(
    dataset: Dataset, sides: Sequence[Sequence[Positions]], *, limit: int, seed: int
) -> UnitCandidates:
    """Every picture with a matched pair is a unit; what may be trained on is what is asked about.

    A quarter of the pairs have both pictures among the members.
    """
    rng = make_rng(seed, "partners")
    pools, parts = [], []
    for number, side in enumerate(sides):
        positions = np.concatenate([person[:MOST_OF_ONE] for person in side])
        matched = draw_pairs(
            dataset,
            matched=min(2 * limit, count_pairs(dataset, positions=positions).matched),
            mismatched=0,
            seed=derive_seed(seed, "matched", number),
            positions=positions,
        )
        pools.append(matched.pictures())
        parts.append(join([matched, _strangers_all_round(dataset, pools[-1], rng)]))
    units, questions = np.concatenate(pools), join(parts)
    unit = np.full(len(dataset.pictures), -1, dtype=np.intp)
    unit[units] = np.arange(len(units))
    sides_of = np.stack([unit[questions.left], unit[questions.right]], axis=1)
    return UnitCandidates(
        level=Level.IMAGE,
        names=np.array([dataset.pictures[i].id for i in units]),
        person=np.array([dataset.pictures[i].person for i in units]),
        # Alike shares of each person would part the two pictures of most, and their matched pair.
        strata=np.zeros(len(units), dtype=np.intp),
        control=np.arange(len(units)) >= len(pools[0]),
        training=parts[0],
        training_units=sides_of[: len(parts[0])],
        questions=questions,
        asked=_asked_by_partner(sides_of, rng),
    )


def _strangers_all_round(dataset: Dataset, pool: Positions, rng: np.random.Generator) -> Pairs:
    """Mismatched pairs in which each picture stands `STRANGERS` times, but for chance meetings."""
    rounds = []
    for _ in range(STRANGERS):
        order = rng.permutation(pool)
        half = len(order) // 2
        rounds.append(np.sort(np.stack([order[:half], order[half : 2 * half]], axis=1), axis=1))
    both = np.unique(np.concatenate(rounds), axis=0)
    people = np.array([dataset.pictures[i].person for i in both.ravel()]).reshape(both.shape)
    both = both[people[:, 0] != people[:, 1]]
    return Pairs(both[:, 0], both[:, 1], np.zeros(len(both), dtype=np.bool_))


def _asked_by_partner(
    units: npt.NDArray[np.intp], rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Each question is asked about both of its pictures; partners are numbered in random order."""
    question = np.tile(np.arange(len(units)), 2)
    unit = units.T.ravel()
    order = rng.permutation(len(unit))
    order = order[np.argsort(unit[order], kind="stable")]
    first = np.searchsorted(unit[order], unit[order], "left")
    return np.stack([question[order], unit[order], np.arange(len(order)) - first], axis=1)


def _draw_people(
    dataset: Dataset,
    sides: Sequence[Sequence[Positions]],
    *,
    limit: int,
    seed: int,
    training: int,
) -> UnitCandidates:
    """Every person is a unit; half of their pictures may be trained on, others are asked about.

    Of the matched pairs a half belong to members; of the mismatched a quarter show two.
    """
    people = [*sides[0], *sides[1]]
    trained = [person[: min(len(person) // 2, training)] for person in people]
    probes = [person[len(person) // 2 :][:MOST_PROBES] for person in people]
    trainable = np.concatenate(trained[: len(sides[0])])
    possible = count_pairs(dataset, positions=trainable)
    matched = min(2 * limit, possible.matched)
    pairs = draw_pairs(
        dataset,
        matched=matched,
        # Twice as many would do in the mean, and leave half of all targets short of some.
        mismatched=min(3 * matched, possible.mismatched),
        seed=derive_seed(seed, "training pairs"),
        positions=trainable,
    )
    unit = np.full(len(dataset.pictures), -1, dtype=np.intp)
    for number, positions in enumerate(trained):
        unit[positions] = number
    strangers = np.concatenate([person[:MOST_OF_ONE] for person in sides[1]])
    questions, asked = _ask_with_probes(
        dataset, probes, strangers, make_rng(seed, "strangers of probes")
    )
    names = np.array([dataset.pictures[person[0]].person for person in people])
    return UnitCandidates(
        level=Level.IDENTITY,
        names=names,
        person=names,
        strata=np.array([len(positions) for positions in trained], dtype=np.intp),
        control=np.arange(len(people)) >= len(sides[0]),
        training=pairs,
        training_units=np.stack([unit[pairs.left], unit[pairs.right]], axis=1),
        questions=questions,
        asked=asked,
    )


def _ask_with_probes(
    dataset: Dataset,
    probes: Sequence[Positions],
    strangers: Positions,
    rng: np.random.Generator,
) -> tuple[Pairs, npt.NDArray[np.intp]]:
    """A person's probes among each other, and each with pictures of control people."""
    owner = np.array([dataset.pictures[i].person for i in strangers])
    left, right, same, asked = [], [], [], []
    for unit, own in enumerate(probes):
        others = strangers[owner != dataset.pictures[own[0]].person]
        a, b = np.triu_indices(len(own), k=1)
        partners = np.stack(
            [rng.choice(others, min(STRANGERS, len(others)), replace=False) for _ in own]
        )
        number = np.repeat(np.arange(len(own)), partners.shape[1])
        left += [own[a], own[number]]
        right += [own[b], partners.ravel()]
        same += [np.ones(len(a), dtype=np.bool_), np.zeros(len(number), dtype=np.bool_)]
        # A matched pair needs both of its probes.
        needed = np.concatenate([np.maximum(a, b), number])
        asked.append(np.stack([np.full_like(needed, unit), needed], axis=1))
    rows = np.concatenate(asked)
    questions = Pairs(np.concatenate(left), np.concatenate(right), np.concatenate(same))
    return questions, np.column_stack([np.arange(len(rows)), rows])
