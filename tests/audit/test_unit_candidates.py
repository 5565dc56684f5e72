"""Candidate pictures and people: what is asked is about them, and nobody stands on two sides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from facebone.audit.target import TargetRecipe
from facebone.audit.unit_candidates import (
    FEWEST_CONTROL,
    FEWEST_PEOPLE,
    MOST_OF_ONE,
    MOST_PROBES,
    STRANGERS,
    UnitCandidates,
    draw_units,
)
from facebone.audit.unit_material import UnitMaterial, members_of
from facebone.audit.unit_target import make_null_unit_target
from facebone.data.dataset import Dataset
from facebone.data.pictures import RGB, Picture
from facebone.data.splits import Level
from facebone.errors import DatasetError

LEVELS = pytest.mark.parametrize("level", [Level.IMAGE, Level.IDENTITY], ids=str)
COUNTS = (*[2] * 20, *[4] * 30, *[5] * 30, *[13] * 20, *[24] * 10)


@pytest.fixture(scope="module")
def people(make_people: Callable[..., Dataset]) -> Dataset:
    return make_people(COUNTS)


@pytest.fixture(scope="module")
def drawn(people: Dataset) -> dict[Level, UnitCandidates]:
    return {
        level: draw_units(people, level, limit=200, seed=1)
        for level in (Level.IMAGE, Level.IDENTITY)
    }


def owner(dataset: Dataset, positions: np.ndarray) -> np.ndarray:
    return np.array([dataset.pictures[i].person for i in positions])


def shown(found: UnitCandidates, row: np.ndarray) -> set[int]:
    """The pictures of the question that a row of `asked` names."""
    return {int(found.questions.left[row[0]]), int(found.questions.right[row[0]])}


@LEVELS
def test_labels_are_true_and_no_pair_stands_twice(
    people: Dataset, drawn: dict[Level, UnitCandidates], level: Level
) -> None:
    for pairs in (drawn[level].training, drawn[level].questions):
        left, right = owner(people, pairs.left), owner(people, pairs.right)
        assert ((left == right) == pairs.same).all()
        assert (pairs.left != pairs.right).all()
    found = drawn[level]
    keys = {tuple(sorted(p)) for p in zip(found.training.left, found.training.right, strict=True)}
    assert len(keys) == len(found.training)
    # Two control people may be asked about with the same pair, one person not twice.
    asked = {(int(row[1]), *sorted(shown(found, row))) for row in found.asked}
    assert len(asked) == len(found.asked)


@LEVELS
def test_control_people_are_in_no_pair_with_candidates_that_is_trained_on(
    people: Dataset, drawn: dict[Level, UnitCandidates], level: Level
) -> None:
    found = drawn[level]
    control = set(found.person[found.control])
    candidates = set(found.person[~found.control])
    assert len(control) >= 2
    assert not control & candidates
    assert not control & set(owner(people, found.training.pictures()))
    assert not found.control[found.training_units].any()
    if level is Level.IMAGE:
        sides = np.isin(owner(people, found.questions.left), sorted(control))
        assert (sides == np.isin(owner(people, found.questions.right), sorted(control))).all()


@LEVELS
def test_training_units_are_those_of_the_pictures(
    people: Dataset, drawn: dict[Level, UnitCandidates], level: Level
) -> None:
    found = drawn[level]
    for side, column in ((found.training.left, 0), (found.training.right, 1)):
        units = found.training_units[:, column]
        assert (found.person[units] == owner(people, side)).all()
        if level is Level.IMAGE:
            assert (found.names[units] == [people.pictures[i].id for i in side]).all()


@LEVELS
def test_every_candidate_can_become_a_member_and_is_asked_about(
    drawn: dict[Level, UnitCandidates], level: Level
) -> None:
    found = drawn[level]
    candidates = set(np.flatnonzero(~found.control).tolist())
    assert set(found.training_units.ravel().tolist()) == candidates
    matched = found.training_units[found.training.same]
    assert set(matched.ravel().tolist()) == candidates
    assert set(found.asked[:, 1].tolist()) == set(range(len(found.names)))
    assert set(found.asked[:, 0].tolist()) == set(range(len(found.questions)))


def test_about_a_picture_are_asked_the_pairs_that_show_it(
    people: Dataset, drawn: dict[Level, UnitCandidates]
) -> None:
    found = drawn[Level.IMAGE]
    for row in found.asked:
        assert people.index[found.names[row[1]]] in shown(found, row)
    # And all of them: each question twice, about its left picture and its right one.
    assert len(found.asked) == 2 * len(found.questions)
    assert len(np.unique(found.asked[:, :2], axis=0)) == len(found.asked)


def test_a_picture_has_strangers_and_no_person_has_more_pictures_than_their_share(
    drawn: dict[Level, UnitCandidates],
) -> None:
    found = drawn[Level.IMAGE]
    assert max(np.unique(found.person, return_counts=True)[1]) <= MOST_OF_ONE
    mismatched = ~found.questions.same[found.asked[:, 0]]
    strangers = np.bincount(found.asked[mismatched, 1], minlength=len(found.names))
    assert strangers.max() <= STRANGERS
    assert np.median(strangers) >= STRANGERS - 2


def test_about_a_person_are_asked_pictures_of_theirs_that_nobody_trains_on(
    people: Dataset, drawn: dict[Level, UnitCandidates]
) -> None:
    found = drawn[Level.IDENTITY]
    control = set(found.person[found.control])
    probes: dict[int, set[int]] = {}
    for row in found.asked:
        pair, who = shown(found, row), found.person[row[1]]
        own = {i for i in pair if people.pictures[i].person == who}
        others = {people.pictures[i].person for i in pair - own}
        matched = bool(found.questions.same[row[0]])
        assert len(own) == (2 if matched else 1)
        assert others <= control - {who}
        probes.setdefault(int(row[1]), set()).update(own)
    asked_about = set().union(*(probes[i] for i in np.flatnonzero(~found.control)))
    assert not asked_about & set(found.training.pictures().tolist())
    assert max(map(len, probes.values())) == MOST_PROBES
    # Half of the pictures at least, and what is asked about each is alike.
    sizes = {name: len(people.people[name]) for name in found.names}
    for unit, own in probes.items():
        assert len(own) == min(MOST_PROBES, -(-sizes[found.names[unit]] // 2))


def test_strata_are_the_numbers_of_pictures_that_may_be_trained_on(
    people: Dataset, drawn: dict[Level, UnitCandidates]
) -> None:
    found = drawn[Level.IDENTITY]
    sizes = np.array([len(people.people[name]) for name in found.names])
    assert (found.strata == np.minimum(sizes // 2, 10)).all()
    assert not drawn[Level.IMAGE].strata.any()


def test_at_most_so_many_pictures_of_a_person_are_trained_on(people: Dataset) -> None:
    found = draw_units(people, Level.IDENTITY, limit=200, seed=1, training_pictures=2)
    pictures = found.training.pictures()
    counts = np.unique(owner(people, pictures), return_counts=True)[1]
    assert counts.max() == 2
    more = draw_units(people, Level.IDENTITY, limit=200, seed=1)
    # The same people are asked about with the same pictures: only the training is less.
    assert (found.names == more.names).all()
    assert found.questions.tobytes() == more.questions.tobytes()


@LEVELS
def test_so_many_probes_are_the_first_ones_and_need_no_others(
    people: Dataset, drawn: dict[Level, UnitCandidates], level: Level
) -> None:
    found = drawn[level]
    assert (np.diff(found.asked[:, 1]) >= 0).all()
    for unit in range(0, len(found.names), 7):
        rows = found.asked[found.asked[:, 1] == unit]
        assert set(rows[:, 2].tolist()) == set(range(rows[:, 2].max() + 1))
        own = people.people[found.person[unit]]
        for count in (1, 2, 3):
            kept = rows[rows[:, 2] < count]
            used = set().union(*(shown(found, row) for row in kept))
            if level is Level.IMAGE:
                used -= {people.index[found.names[unit]]}
            else:
                used &= set(own)
            assert len(used) == min(count, rows[:, 2].max() + 1)


@LEVELS
def test_a_seed_draws_the_same_and_another_others(people: Dataset, level: Level) -> None:
    first, again, other = (draw_units(people, level, limit=100, seed=seed) for seed in (1, 1, 2))
    for name in ("names", "strata", "control", "training_units", "asked"):
        assert (getattr(first, name) == getattr(again, name)).all()
    for name in ("training", "questions"):
        mine = getattr(first, name).tobytes()
        assert mine == getattr(again, name).tobytes()
        assert mine != getattr(other, name).tobytes()
    assert set(first.person[first.control]) != set(other.person[other.control])


@LEVELS
def test_a_limit_bounds_what_is_trained_on_and_keeps_it_balanced(
    make_people: Callable[..., Dataset], make_unit_material: Callable[..., object], level: Level
) -> None:
    """Without a bound on pictures nearly all pairs would be mismatched, to meet all of them."""
    counts = (8,) * 400
    found = draw_units(make_people(counts), level, limit=60, seed=0)
    assert (~found.control).sum() <= 4 * 60
    material = make_unit_material(level, counts, limit=60, widths=(2,))
    _, rows, member = members_of(material, seed=0)
    matched = int(material.training.same[rows].sum())
    assert matched <= 1.3 * 60
    assert matched <= len(rows) - matched <= 2.2 * matched
    assert member.sum() >= 0.47 * (~material.control_units).sum()


@LEVELS
@pytest.mark.parametrize("most", [0, 1])
def test_too_few_people_say_how_many_are_needed(
    make_people: Callable[..., Dataset], level: Level, most: int
) -> None:
    fewest = FEWEST_PEOPLE[level]
    needed = max(fewest + FEWEST_CONTROL[level], round(fewest / 0.9))
    enough = needed - 1 + most
    few = make_people((4,) * enough + (1,) * 50)
    if most:
        found = draw_units(few, level, limit=200, seed=0)
        assert len(set(found.person[~found.control])) == fewest
        return
    with pytest.raises(DatasetError, match=f"{enough} people .* needs {needed}") as caught:
        draw_units(few, level, limit=200, seed=0)
    assert "level of pairs" in str(caught.value.hint)


def test_who_splits_people_can_be_trained_on_control_people_alone(
    make_unit_material: Callable[..., UnitMaterial],
) -> None:
    """The self-test does it, also where one in ten would be too few of them."""
    material = make_unit_material(Level.IDENTITY, (6,) * 52, limit=200, control_share=0.1)
    recipe = TargetRecipe("split", "facebone", head="whitening")
    assert len(make_null_unit_target(recipe, material, seed=0).member) == 52


@dataclass(frozen=True, slots=True)
class Sheet:
    """A photograph of clouds; copies of one are brighter."""

    number: int
    brightness: int = 0
    landmarks: None = None

    @property
    def location(self) -> str:
        return f"sheet {self.number} {self.brightness}"

    def read(self) -> bytes:
        return self.location.encode()

    def decode(self, content: bytes) -> RGB:
        rng = np.random.default_rng(self.number)
        coarse = rng.integers(0, 200, size=(16, 16))
        return np.repeat(
            (np.kron(coarse, np.ones((4, 4))) + self.brightness)[:, :, None], 3, axis=2
        ).astype(np.uint8)


@LEVELS
def test_of_copies_of_one_photograph_the_first_alone_is_used(level: Level) -> None:
    """Same bytes under another name, and the same look under other bytes."""
    pictures, copies = [], set()
    for number in range(60 * 4):
        person = f"p{number // 4:02d}"
        pictures.append(Picture(f"{person}/{number}", person, Sheet(number)))
        if number % 3 == 0:
            copies.add(f"{person}/{number} again")
            pictures.append(Picture(f"{person}/{number} again", person, Sheet(number)))
        if number % 5 == 0:
            other = f"p{(number // 4 + 7) % 60:02d}"
            copies.add(f"{other}/{number} bright")
            pictures.append(Picture(f"{other}/{number} bright", other, Sheet(number, 25)))
    found = draw_units(Dataset("copies", tuple(pictures)), level, limit=300, seed=3)
    used = {pictures[i].id for i in found.pictures()}
    assert len(used) > 150
    assert not used & copies
