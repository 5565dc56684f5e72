"""Attacks that learn nothing: loss, entropy and gap against the textbook's formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, softplus
from scipy.stats import entropy as shannon
from scipy.stats import rankdata

from facebone.attacks.access import Access
from facebone.attacks.base import ATTACKS
from facebone.attacks.observations import Observations


def observe(n=300, queries=1, spread=4.0, seed=0):
    rng = np.random.default_rng(seed)
    same = rng.random(n) < 0.5
    log_odds = rng.normal(size=(n, queries)) * spread + np.where(same, 2.0, -2.0)[:, None]
    return Observations(expit(log_odds), same, log_odds, 0.5)


def test_loss_threshold_ranks_as_minus_the_cross_entropy():
    observed = observe()
    p = observed.score[:, 0]
    loss = -np.log(np.where(observed.same, p, 1 - p))
    found = ATTACKS.make("loss_threshold").score(observed)
    np.testing.assert_array_equal(rankdata(found), rankdata(-loss))
    np.testing.assert_allclose(softplus(-found), loss, rtol=1e-9, atol=1e-15)


def test_loss_threshold_keeps_the_order_where_the_loss_has_vanished():
    margins = np.array([700.0, 40.0, 38.0, 800.0, 5000.0])
    observed = Observations(expit(margins)[:, None], np.ones(5, dtype=bool), margins[:, None], 0.5)
    assert len(np.unique(-np.log(observed.score))) == 1
    found = ATTACKS.make("loss_threshold").score(observed)
    np.testing.assert_array_equal(np.argsort(found), [2, 1, 0, 3, 4])


def test_entropy_ranks_as_minus_the_entropy():
    observed = observe(spread=3.0)
    p = observed.score[:, 0]
    bits = shannon(np.stack([p, 1 - p]), base=2)
    found = ATTACKS.make("entropy").score(observed)
    np.testing.assert_array_equal(rankdata(found.round(9)), rankdata((-bits).round(12)))


def test_entropy_knows_no_label():
    observed = observe()
    other = Observations(observed.score, ~observed.same, observed.log_odds, 0.5)
    attack = ATTACKS.make("entropy")
    np.testing.assert_array_equal(attack.score(observed), attack.score(other))


def test_entropy_keeps_the_order_where_the_entropy_has_vanished():
    odds = np.array([900.0, -800.0, 50.0])
    observed = Observations(expit(odds)[:, None], np.ones(3, dtype=bool), odds[:, None], 0.5)
    np.testing.assert_array_equal(np.argsort(ATTACKS.make("entropy").score(observed)), [2, 1, 0])


def test_gap_is_the_share_of_right_decisions():
    same = np.array([True, True, False, False])
    score = np.array([[0.9, 0.4], [0.6, 0.5], [0.9, 0.8], [0.1, 0.2]])
    observed = Observations.from_scores(score, same)
    np.testing.assert_array_equal(ATTACKS.make("gap").score(observed), [0.5, 1, 0, 1])


@pytest.mark.parametrize("queries", [1, 3])
def test_gap_sees_decisions_alone(queries):
    assert ATTACKS.make("gap").access is Access.DECISION
    observed = observe(queries=queries)
    # Other scores on the same sides of the threshold.
    rng = np.random.default_rng(1)
    score = np.where(observed.score >= 0.5, 0.5, 0.0) + 0.49 * rng.random(observed.score.shape)
    other = Observations.from_scores(score, observed.same)
    attack = ATTACKS.make("gap")
    np.testing.assert_array_equal(attack.score(observed), attack.score(other))


def test_balanced_accuracy_of_gap_is_a_half_plus_half_the_gap():
    observed = observe(spread=2.0)
    member = np.random.default_rng(2).random(len(observed)) < 0.5
    right = observed.right()
    gap = right[member].mean() - right[~member].mean()
    claimed = ATTACKS.make("gap").score(observed) > 0.5
    balanced = (claimed[member].mean() + (~claimed[~member]).mean()) / 2
    assert balanced == pytest.approx(0.5 + gap / 2)
