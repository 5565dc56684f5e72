"""Modified entropy: the paper's formula, and thresholds of each class."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import rankdata

from facebone.attacks.base import ATTACKS
from facebone.attacks.membership.modified_entropy import (
    best_balanced_threshold,
    negative_log_entropy,
)
from facebone.attacks.observations import Observations


def paper(margin):
    """-log of Mentr by its definition over both classes, in 800 digits."""
    with localcontext(prec=800):
        right = 1 / (1 + (-Decimal(margin)).exp())
        other = 1 - right
        return float(-(-other * right.ln() - other * (1 - other).ln()).ln())


@pytest.mark.parametrize(
    "margin", [-800.0, -40.0, -3.0, -1e-9, 0.0, 0.7, 5.0, 36.0, 39.9, 40.0, 40.1, 300.0, 800.0]
)
def test_follows_the_definition_to_the_last_digits(margin):
    found = negative_log_entropy(np.array([margin]))[0]
    assert found == pytest.approx(paper(margin), rel=1e-13, abs=1e-13)


def test_rises_strictly_with_the_margin():
    margins = np.concatenate([-np.geomspace(1e4, 1e-6, 300), np.geomspace(1e-6, 1e4, 300)])
    assert (np.diff(negative_log_entropy(margins)) > 0).all()


def observe(margin, same):
    odds = np.where(same, margin, -margin)[:, None]
    return Observations(expit(odds), same, odds, 0.5)


def sample(n=2000, seed=0):
    """Members are one unit surer; mismatched pairs are four units surer than matched ones."""
    rng = np.random.default_rng(seed)
    same, member = rng.random(n) < 0.5, rng.random(n) < 0.5
    margin = 2.0 + 4.0 * ~same + 1.5 * member + 0.5 * rng.normal(size=n)
    return observe(margin, same), member


def test_inside_a_class_it_ranks_as_the_loss_does():
    observed, member = sample()
    attack = ATTACKS.make("modified_entropy")
    attack.fit(observed, member, seed=0)
    found, loss = attack.score(observed), ATTACKS.make("loss_threshold").score(observed)
    for same in (True, False):
        rows = observed.same == same
        np.testing.assert_array_equal(rankdata(found[rows]), rankdata(loss[rows]))


def test_thresholds_of_classes_find_what_one_threshold_misses():
    known, member = sample(seed=1)
    fresh, truth = sample(seed=2)
    attack = ATTACKS.make("modified_entropy")
    attack.fit(known, member, seed=0)
    claimed = attack.score(fresh) >= 0
    loss = ATTACKS.make("loss_threshold").score(fresh)
    # Members are told by 1.5 at a deviation of 0.5 from the middle: Phi(1.5) = 0.933 at best.
    assert (claimed == truth).mean() > 0.91
    assert max(((loss >= t) == truth).mean() for t in loss) < 0.8


def test_a_score_of_zero_is_the_threshold_of_its_class():
    observed, member = sample()
    attack = ATTACKS.make("modified_entropy")
    attack.fit(observed, member, seed=0)
    found, strength = attack.score(observed), negative_log_entropy(observed.margin())
    for same in (True, False):
        rows = observed.same == same

        def balanced(t, rows=rows):
            above = strength[rows] >= t
            return above[member[rows]].mean() - above[~member[rows]].mean()

        best = max(balanced(t) for t in strength[rows])
        at_zero = (found[rows] >= 0)[member[rows]].mean() - (found[rows] >= 0)[~member[rows]].mean()
        assert at_zero == pytest.approx(best)


def test_a_class_known_from_one_side_only_has_the_common_threshold():
    observed, member = sample()
    for known in (observed.same, observed.same | member):
        attack = ATTACKS.make("modified_entropy")
        attack.fit(observed.take(known), member[known], seed=0)
        strength = negative_log_entropy(observed.margin())
        common = best_balanced_threshold(strength[known], member[known])
        rows = ~observed.same
        np.testing.assert_allclose(attack.score(observed)[rows], strength[rows] - common)


def test_the_threshold_does_not_depend_on_the_share_of_members():
    rng = np.random.default_rng(3)
    scores, member = rng.normal(size=200), np.arange(200) % 2 == 0
    scores[member] += 1
    often = np.concatenate([np.arange(200), np.repeat(np.flatnonzero(member), 3)])
    wanted = best_balanced_threshold(scores, member)
    assert best_balanced_threshold(scores[often], member[often]) == wanted


def test_the_threshold_is_finite_where_nothing_tells_members():
    member = np.array([True, False])
    assert best_balanced_threshold(np.array([0.0, 0.0]), member) == 0
    assert best_balanced_threshold(np.array([0.0, 1.0]), member) in (0, 1)
