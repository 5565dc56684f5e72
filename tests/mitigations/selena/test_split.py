"""Splits over heads against their definition, pair by pair."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from facebone.mitigations.selena.split import split_units


def in_pairs(count=300, units=80, seed=0):
    """Two different units a pair."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.choice(units, 2, replace=False) for _ in range(count)])


@pytest.mark.parametrize(("parts", "left_out"), [(25, 10), (5, 2), (2, 1), (7, 6)])
def test_every_pair_is_left_out_of_exactly_as_many(parts, left_out):
    split = split_units(np.arange(200)[:, None], parts, left_out, seed=3)
    assert split.unseen.shape == split.learnt.shape == (parts, 200)
    np.testing.assert_array_equal(split.unseen.sum(axis=0), left_out)
    np.testing.assert_array_equal(split.learnt, ~split.unseen)
    np.testing.assert_array_equal(split.answered, np.arange(200))


def test_who_knows_a_pair_of_units_and_who_knows_nothing_of_it():
    units = in_pairs()
    split = split_units(units, 6, 2, seed=1)
    alone = split_units(np.arange(80)[:, None], 6, 2, seed=1).unseen
    for k in range(6):
        known = set()
        for pair, (a, b) in enumerate(units):
            assert split.learnt[k, pair] == (not alone[k, a] and not alone[k, b])
            known |= {a, b} if split.learnt[k, pair] else set()
        for pair, (a, b) in enumerate(units):
            assert split.unseen[k, pair] == (alone[k, a] and alone[k, b])
            # What counts: none of the two stands in any pair that it is trained on.
            assert not split.unseen[k, pair] or not known & {a, b}
    answered = [pair for pair in range(300) if any(split.unseen[k, pair] for k in range(6))]
    np.testing.assert_array_equal(split.answered, answered)
    assert 0 < len(answered) < 300


def test_units_given_twice_are_kept_from_the_same_heads():
    units = np.array([4, 0, 2, 4, 3, 0])[:, None]
    split = split_units(units, 9, 4, seed=0)
    for one, other in ((0, 3), (1, 5)):
        np.testing.assert_array_equal(split.learnt[:, one], split.learnt[:, other])
    # A person on both sides is one person.
    both = split_units(np.concatenate([units, units], axis=1), 9, 4, seed=0)
    np.testing.assert_array_equal(both.learnt, split.learnt)
    np.testing.assert_array_equal(both.unseen, split.unseen)


def test_all_choices_are_as_likely_and_another_seed_makes_others():
    split = split_units(np.arange(6000)[:, None], 5, 2, seed=2)
    found = [tuple(np.flatnonzero(column)) for column in split.unseen.T]
    share = [found.count(choice) / 6000 for choice in combinations(range(5), 2)]
    # Each of ten has 1/10, give or take 0.004: five deviations.
    np.testing.assert_allclose(share, 0.1, atol=0.02)
    again = split_units(np.arange(6000)[:, None], 5, 2, seed=2)
    np.testing.assert_array_equal(split.unseen, again.unseen)
    other = split_units(np.arange(6000)[:, None], 5, 2, seed=3)
    assert (split.unseen != other.unseen).mean() > 0.4


def test_more_pairs_change_nothing_for_those_there_were():
    few, many = (split_units(np.arange(n)[:, None], 8, 3, seed=5) for n in (50, 90))
    np.testing.assert_array_equal(few.unseen, many.unseen[:, :50])
