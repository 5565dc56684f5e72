"""Groups of people, and which adaptation answers: held against loops that say it plainly."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facebone.mitigations.multi_backbone import people_registry
from facebone.mitigations.multi_backbone.people_groups import choices, split_people, unseen_by
from facebone.mitigations.multi_backbone.people_registry import (
    Registry,
    answering,
    distinct,
    likeness_to_groups,
)
from facebone.verification.embedded_pairs import normalise


def rows(count, width=6, seed=0):
    return normalise(np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32))


def test_any_two_groups_are_left_out_together_by_somebody():
    assert choices(4, 2) == ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
    for parts, left_out in ((4, 2), (5, 3), (3, 2)):
        for pair in combinations(range(parts), 2):
            assert any(set(pair) <= set(choice) for choice in choices(parts, left_out))


def test_groups_are_even_and_each_has_somebody_of_two_pictures():
    pictures = np.array([1] * 9 + [3] * 5)
    for seed in range(20):
        groups = split_people(pictures, 4, splits=3, seed=seed)
        assert groups.shape == (3, 14)
        for group in groups:
            assert sorted(np.bincount(group, minlength=4)) == [3, 3, 4, 4]
            assert set(group[pictures >= 2]) == {0, 1, 2, 3}


def test_splits_are_random_and_repeat_for_a_seed():
    pictures = np.full(4000, 2)
    one, other = split_people(pictures, 4, splits=2, seed=1)
    np.testing.assert_array_equal(split_people(pictures, 4, splits=2, seed=1), [one, other])
    # A second split is independent of the first, as is that of another seed.
    for again in (other, split_people(pictures, 4, splits=1, seed=2)[0]):
        together = np.bincount(4 * one + again, minlength=16)
        assert together.min() > 200
        assert together.max() < 300


def test_who_is_unseen_by_whom():
    groups = np.array([[0, 1, 2], [2, 0, 1]])
    person = np.array([0, 0, 2, 1])
    masks = unseen_by(person, groups, 3, 2)
    wanted = [[group[p] in choice for p in person] for group in groups for choice in choices(3, 2)]
    np.testing.assert_array_equal(masks, wanted)
    assert masks.shape == (6, 4)
    # Of any two pictures some adaptation of each split saw neither.
    for split in (masks[:3], masks[3:]):
        assert (split[:, :, None] & split[:, None, :]).any(axis=0).all()


def test_likeness_is_that_to_the_likest_of_each_group(monkeypatch):
    monkeypatch.setattr(people_registry, "LOOKED_UP_AT_ONCE", 3)
    templates, people = rows(10), rows(7, seed=1)
    group = np.array([2, 0, 1, 1, 2, 0, 0])
    found = likeness_to_groups(templates, people, group, 3)
    for x, row in zip(templates, found, strict=True):
        for g in range(3):
            assert row[g] == pytest.approx(max(x @ p for p in people[group == g]), abs=1e-6)
    assert likeness_to_groups(templates[:0], people, group, 3).shape == (0, 3)


likenesses = st.lists(
    st.lists(st.floats(-1, 1, width=32), min_size=5, max_size=5, unique=True),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(likenesses, st.integers(2, 4), st.randoms())
def test_a_pair_is_answered_without_the_groups_it_is_likest_to(left, left_out, random):
    right = [random.sample(row, len(row)) for row in left]
    found = answering(np.array(left, np.float32), np.array(right, np.float32), left_out)
    for a, b, place in zip(left, right, found, strict=True):
        chosen = choices(5, left_out)[place]
        first, second = int(np.argmax(a)), int(np.argmax(b))
        assert {first, second} <= set(chosen)
        both = np.array(a, np.float32) + np.array(b, np.float32)
        rest = [both[g] for g in range(5) if g not in chosen]
        more = [both[g] for g in chosen if g not in (first, second)]
        assert not more or min(more) >= max(rest)
    turned = answering(np.array(right, np.float32), np.array(left, np.float32), left_out)
    np.testing.assert_array_equal(turned, found)


def test_a_registry_keeps_the_mean_of_each_person_and_shares_out_every_pair():
    templates, person = rows(12, seed=3), np.arange(12) % 6
    groups = split_people(np.full(6, 2), 3, splits=2, seed=0)
    registry = Registry.of(templates, person, groups, 3, 2)
    for p, kept in enumerate(registry.people):
        mean = templates[person == p].mean(axis=0)
        np.testing.assert_allclose(kept, mean / np.linalg.norm(mean), atol=1e-6)
    left, right = np.array([0, 1, 2, 3, 3]), np.array([6, 7, 3, 9, 4])
    met = np.zeros((2, 5), dtype=int)
    for number, pairs in registry.asked(templates, left, right):
        met[number // 3, pairs] += 1
        # Each adaptation never saw those whom the pictures are likest to.
        unseen = unseen_by(np.arange(6), groups, 3, 2)[number]
        for side in (left, right):
            assert unseen[(templates[side[pairs]] @ registry.people.T).argmax(axis=1)].all()
    assert (met == 1).all()


def test_equal_rows_are_one():
    matrix = rows(3)[[2, 0, 2, 1, 0]]
    kept, which = distinct(matrix)
    assert kept.tolist() == [0, 1, 3]
    assert which.tolist() == [0, 1, 0, 2, 1]
    np.testing.assert_array_equal(matrix[kept][which], matrix)
