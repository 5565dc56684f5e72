"""Candidates: balanced, no pair twice, control people apart, official pairs first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facebone.audit.candidates import FEWEST, draw_candidates
from facebone.data.dataset import Dataset
from facebone.data.pairs import Pairs
from facebone.data.synthetic import synthetic_dataset
from facebone.errors import DatasetError, UsageError


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return synthetic_dataset(people=40, pictures_per_person=4, seed=3)


def people(dataset: Dataset, pairs: Pairs) -> set[str]:
    return {dataset.pictures[i].person for i in pairs.pictures()}


def keys(pairs: Pairs) -> list[tuple[int, int]]:
    return [tuple(sorted(pair)) for pair in zip(pairs.left, pairs.right, strict=True)]


def test_parts_are_balanced_and_apart(dataset: Dataset) -> None:
    found = draw_candidates(dataset, limit=100, seed=1)
    assert len(found.pool) == 200
    assert found.pool.same.mean() == found.control.same.mean() == 0.5
    assert not found.strangers.same.any()
    assert not people(dataset, found.pool) & people(dataset, found.control)
    assert not set(keys(found.pool)) & set(keys(found.strangers))
    for part in (found.pool, found.control, found.strangers):
        assert len(set(keys(part))) == len(part)
        for left, right, same in zip(part.left, part.right, part.same, strict=True):
            pictures = dataset.pictures[left], dataset.pictures[right]
            assert (pictures[0].person == pictures[1].person) == same
    assert people(dataset, found.strangers) <= people(dataset, found.pool)


def test_a_seed_draws_the_same_and_another_others(dataset: Dataset) -> None:
    first, again, other = (draw_candidates(dataset, limit=60, seed=seed) for seed in (1, 1, 2))
    assert first.pool.tobytes() == again.pool.tobytes()
    assert first.control.tobytes() == again.control.tobytes()
    assert first.strangers.tobytes() == again.strangers.tobytes()
    assert first.pool.tobytes() != other.pool.tobytes()


def test_official_pairs_come_first_but_for_those_of_control_people(dataset: Dataset) -> None:
    rng = np.random.default_rng(0)
    groups = list(dataset.people.values())
    matched = [(own[0], own[1]) for own in groups]
    order = rng.permutation(len(groups))
    mismatched = [
        (groups[a][2], groups[b][3]) for a, b in zip(order, np.roll(order, 1), strict=True)
    ]
    left, right = np.array(matched + mismatched).T
    official = Pairs(left, right, np.arange(len(left)) < len(matched))
    found = draw_candidates(replace(dataset, official_pairs=official), limit=50, seed=4)
    apart = people(dataset, found.control)
    expected = {
        key for key in keys(official) if not {dataset.pictures[i].person for i in key} & apart
    }
    assert expected <= set(keys(found.pool))
    assert len(found.pool) == 100  # filled up with drawn ones
    assert len(apart) >= 1


def test_copies_of_one_photograph_are_one_picture(dataset: Dataset) -> None:
    """A person's picture that stands there twice makes no pair with itself, and no pair twice."""
    pictures = list(dataset.pictures)
    doubled = [replace(picture, id=f"{picture.id}-copy") for picture in pictures]
    twice = Dataset(name="twice", pictures=(*pictures, *doubled))
    found = draw_candidates(twice, limit=200, seed=0)
    assert found.copies > 0
    count = len(pictures)
    for part in (found.pool, found.control):
        shown = [
            tuple(sorted((left % count, right % count)))
            for left, right in zip(part.left, part.right, strict=True)
        ]
        assert len(set(shown)) == len(shown)
        assert all(left != right for left, right in shown)
    # Copies never stand on both sides.
    pool_pictures = {int(i) % count for i in found.pool.pictures()}
    assert not pool_pictures & {int(i) % count for i in found.control.pictures()}


def test_strangers_fill_up_to_what_the_smallest_rate_needs(dataset: Dataset) -> None:
    found = draw_candidates(dataset, limit=100, seed=1)
    # 3,000 mismatched pairs are needed, half of the pool's 100 are non-members of any seed.
    assert len(found.strangers) == 3000 - 50


def test_too_few_people_say_how_many_are_needed() -> None:
    few = synthetic_dataset(people=6, pictures_per_person=2, seed=0)
    with pytest.raises(DatasetError, match=f"an audit needs {FEWEST} of each"):
        draw_candidates(few, limit=100, seed=0)


def test_a_limit_too_low_is_refused(dataset: Dataset) -> None:
    with pytest.raises(UsageError, match=f"pairs: must be at least {FEWEST}, got 3"):
        draw_candidates(dataset, limit=3, seed=0)
