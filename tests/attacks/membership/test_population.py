"""The population attack: shares of known non-members, by class, in order everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import rankdata

from facebone.attacks.base import ATTACKS
from facebone.attacks.membership.population import share_reached
from facebone.attacks.observations import Observations


def observe(margin, same):
    odds = np.where(same, margin, -np.asarray(margin))[:, None]
    return Observations(expit(odds), same, odds, 0.5)


def test_a_false_alarm_is_as_frequent_as_the_score_says():
    rng = np.random.default_rng(0)
    same = rng.random(40000) < 0.5
    # Non-members of one class are surer by four: one threshold on margins would call them all.
    observed = observe(rng.normal(size=40000) + 4 * same, same)
    member = rng.random(40000) < 0.5
    known = np.arange(40000) < 20000
    attack = ATTACKS.make("population")
    attack.fit(observed.take(known), member[known], seed=0)
    found = attack.score(observed.take(~known & ~member))
    for share in (0.01, 0.1, 0.5):
        for kind in (True, False):
            rows = same[~known & ~member] == kind
            # About 5,000 of either kind, in the population and of those asked.
            deviation = (2 * share * (1 - share) / 5000) ** 0.5
            assert (found[rows] >= 1 - share).mean() == pytest.approx(share, abs=3 * deviation)


def test_members_are_not_learnt_from():
    rng = np.random.default_rng(1)
    same, member = rng.random(300) < 0.5, rng.random(300) < 0.5
    margin = rng.normal(size=300)
    first, second = ATTACKS.make("population"), ATTACKS.make("population")
    first.fit(observe(margin, same), member, seed=0)
    second.fit(observe(np.where(member, 99.0, margin), same), member, seed=0)
    asked = observe(rng.normal(size=50), rng.random(50) < 0.5)
    np.testing.assert_array_equal(first.score(asked), second.score(asked))


def test_a_class_without_known_non_members_is_compared_with_all():
    same = np.array([True, True, False, False])
    attack = ATTACKS.make("population")
    attack.fit(observe(np.array([1.0, 2.0, 5.0, 6.0]), same), same, seed=0)
    found = attack.score(observe(np.array([5.0, 5.0]), np.array([True, False])))
    np.testing.assert_allclose(found, [1 / 3, 1 / 3])


def test_equal_ones_share_the_mean_of_their_places():
    population = np.array([0.0, 1.0, 1.0, 1.0, 2.0])
    found = share_reached(np.array([0.0, 1.0, 2.0]), population)
    np.testing.assert_allclose(found, [1 / 6, 3 / 6, 5 / 6])


@given(
    st.lists(st.integers(-8, 8), min_size=1, max_size=30),
    st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 2)), min_size=1, max_size=30),
)
def test_no_order_is_lost_inside_or_beyond(population, values):
    found = share_reached(np.array(values), np.sort(np.array(population, dtype=float)))
    np.testing.assert_array_equal(rankdata(found), rankdata(values))
    assert found.min() > 0
    assert found.max() < 1
