"""Which pairs are asked about."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.attacks.extraction.known import KnownPictures
from facebone.attacks.extraction.queries import Mix, QueryStream, matched_pairs
from facebone.errors import UsageError


def taken(world, count, *, seed=0, **mix):
    left, right = QueryStream(world.known, mix=Mix(**mix), seed=seed).take(count)
    return np.stack([left, right], axis=1)


def test_fewer_questions_are_the_first_of_more(world):
    stream = QueryStream(world.known, seed=3)
    parts = [np.stack(stream.take(count), axis=1) for count in (100, 200, 700)]
    np.testing.assert_array_equal(np.concatenate(parts), taken(world, 1000, seed=3))


def test_another_seed_asks_about_others(world):
    assert (taken(world, 100, seed=3) != taken(world, 100, seed=4)).any()


def test_no_pair_is_asked_twice_and_none_of_a_picture_with_itself(world):
    pairs = taken(world, 3000)
    assert len({tuple(pair) for pair in pairs.tolist()}) == 3000
    assert (pairs[:, 0] != pairs[:, 1]).all()


def test_each_kind_has_about_its_share(world):
    pairs = taken(world, 2000, matched=0.3, turned=0.1)
    same = world.people[pairs[:, 0]] == world.people[pairs[:, 1]]
    asked = {tuple(pair) for pair in pairs.tolist()}
    both = np.mean([(b, a) in asked for a, b in pairs.tolist()])
    # A turned pair, and the one that it turns, make 2 of 1.1 questions for each 10th.
    assert both == pytest.approx(2 * 0.1 / 1.1, abs=0.03)
    assert same.mean() == pytest.approx(0.3, abs=0.04)


def test_lookalikes_are_more_alike_than_chance_has_it(world):
    plain, alike = (taken(world, 1000, matched=0.0, lookalikes=share) for share in (0.0, 1.0))
    likeness = [np.median(world.known.likeness(*pairs.T)) for pairs in (plain, alike)]
    everyday = world.known.likeness(*plain.T)
    # The best of eight lies about the 8th part from the top.
    assert likeness[1] > np.quantile(everyday, 0.8)
    assert likeness[0] == pytest.approx(np.median(everyday))


def test_matched_pairs_are_all_there_are_once(world):
    pairs = matched_pairs(world.known, np.random.default_rng(0))
    # 60 people with six pictures: 15 pairs each.
    assert len(pairs) == 60 * 15
    assert len({frozenset(pair) for pair in pairs.tolist()}) == 60 * 15
    assert (world.people[pairs[:, 0]] == world.people[pairs[:, 1]]).all()
    assert 0.4 < np.mean(pairs[:, 0] < pairs[:, 1]) < 0.6


def test_where_matched_pairs_run_out_strangers_are_asked_about(world):
    pairs = taken(world, 5000, matched=0.9, turned=0.0)
    same = world.people[pairs[:, 0]] == world.people[pairs[:, 1]]
    assert same.sum() == 60 * 15


def test_a_few_pictures_are_soon_used_up():
    known = KnownPictures((np.eye(4, dtype=np.float32),), np.array([0, 0, 1, 1]))
    stream = QueryStream(known, seed=0)
    with pytest.raises(UsageError, match="4 pictures make no 13 more pairs"):
        stream.take(13)
    # Six pairs, and hardly more of them turned.
    assert len(QueryStream(known, mix=Mix(turned=0.0), seed=0).take(6)[0]) == 6


def test_proposals_are_free_and_what_is_marked_is_not_drawn(world):
    stream = QueryStream(world.known, mix=Mix(turned=0.0), seed=0)
    asked = {frozenset(pair) for pair in np.stack(stream.take(500), axis=1).tolist()}
    left, right = stream.propose(400, rng=np.random.default_rng(1))
    proposed = {frozenset(pair) for pair in np.stack([left, right], axis=1).tolist()}
    assert len(left) > 300
    assert not asked & proposed
    stream.mark(left, right)
    later = {frozenset(pair) for pair in np.stack(stream.take(3000), axis=1).tolist()}
    assert not later & proposed
