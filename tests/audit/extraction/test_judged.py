"""Which pairs set thresholds and judge copies: none that was trained on, nobody who was met."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facebone.audit.extraction.judged import (
    FAR,
    judged_pairs,
    met_by,
    own_rows,
    threshold_of,
)
from facebone.audit.other_goals.crowd import CONTROL, OWN
from facebone.audit.other_goals.victim import train_victim
from facebone.audit.target import TargetRecipe, members_of_seed
from facebone.data.pairs import Pairs
from facebone.data.splits import Level

RECIPE = TargetRecipe("none", "none", head="logistic")


@pytest.fixture(scope="module")
def victim(material):
    return train_victim(RECIPE, material, seed=0)


def test_the_victim_is_the_target_of_the_seed(material, victim):
    expected = material.pool.take(members_of_seed(material, seed=0))
    np.testing.assert_array_equal(victim.learnt.left, expected.left)
    head = victim.head
    pairs = material.control
    np.testing.assert_allclose(
        victim.answers(material.matrices, pairs.left, pairs.right),
        head.logit(material.embedded(pairs, victim.columns)),
        rtol=1e-6,
    )


def test_pairs_are_balanced_of_others_than_the_attackers(material, victim, make_crowd):
    crowd = make_crowd(material)
    judged = judged_pairs(victim, material, crowd, seed=0)
    assert judged.same.mean() == 0.5
    np.testing.assert_array_equal(
        crowd.people[judged.left] == crowd.people[judged.right], judged.same
    )
    assert not np.isin(judged.pictures(), crowd.rows(OWN)).any()
    assert np.isin(crowd.rows(CONTROL), judged.pictures()).any()
    keys = {frozenset(pair) for pair in zip(judged.left, judged.right, strict=True)}
    assert len(keys) == len(judged)
    np.testing.assert_array_equal(own_rows(victim, material, crowd), crowd.rows(OWN))


def test_no_pair_was_trained_on(material, victim, make_crowd):
    crowd = make_crowd(material)
    usual = judged_pairs(victim, material, crowd, seed=0)
    # The material's first pictures are those of the first judged pair, turned.
    ids = material.ids.astype("U20")
    ids[:2] = crowd.ids[[usual.right[0], usual.left[0]]]
    same = replace(material, ids=ids)
    met = replace(victim, learnt=Pairs(np.array([0]), np.array([1]), np.array([True])))
    without = judged_pairs(met, same, crowd, seed=0)
    pair = {usual.left[0], usual.right[0]}
    assert pair not in [{a, b} for a, b in zip(without.left, without.right, strict=True)]


def test_whom_an_adapted_target_met_is_left_out(make_unit_material, make_crowd):
    material = make_unit_material(Level.IDENTITY)
    victim = train_victim(TargetRecipe("none", "none", head="whitening"), material, seed=0)
    crowd = make_crowd(material)
    assert not met_by(victim, material, crowd).any()
    known = material.people[victim.learnt.pictures()[0]]
    people = crowd.people.astype("U20")
    people[people == people[crowd.rows(OWN)[0]]] = known
    crowd = replace(crowd, people=people)
    assert met_by(victim, material, crowd).sum() == 4
    assert known not in crowd.people[own_rows(victim, material, crowd)]


def test_the_threshold_lets_one_stranger_in_a_hundred_through(material, victim):
    threshold = threshold_of(victim, material, seed=0)
    left, right = np.triu_indices(len(material.ids), 1)
    apart = material.people[left] != material.people[right]
    scores = victim.answers(material.matrices, left[apart], right[apart])
    assert np.mean(scores >= threshold) == pytest.approx(FAR, abs=0.004)


def test_who_shows_decisions_alone_has_decided(material):
    recipe = TargetRecipe("decisions", "decision_only", head="logistic")
    victim = train_victim(recipe, material, seed=0)
    assert threshold_of(victim, material, seed=0) == 0.0
