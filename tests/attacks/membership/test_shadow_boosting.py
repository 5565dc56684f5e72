"""Boosting on shadows: near the best test, better than LiRA where answers are not normal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from facebone.attacks.base import ATTACKS
from facebone.errors import UsageError
from facebone.verification.metrics import auc


def test_comes_near_the_best_test_there_is(gaussian_target):
    observed, member = gaussian_target(1.5, shadows=24, n=6000)
    found = auc(ATTACKS.make("shadow_boosting").score(observed), member)
    assert found == pytest.approx(float(ndtr(1.5 / 2**0.5)), abs=0.03)


def saturated(beside, seed, n=3000, shadows=4):
    """Members are drawn to one level, others lie around as they are hard; heads differ in scale."""
    rng = np.random.default_rng(seed)
    hard, same = 4 * rng.normal(size=n) + 4, rng.random(n) < 0.5
    trained = rng.random((shadows + 1, n)) < 0.5
    inside = 8 + 0.2 * hard + rng.normal(size=(shadows + 1, n))
    outside = hard + 3 * rng.normal(size=(shadows + 1, n))
    margins = np.where(trained, inside, outside) * rng.uniform(0.7, 1.4, size=(shadows + 1, 1))
    return beside(margins[0], margins[1:], trained[1:], same), trained[0]


@pytest.mark.parametrize("seed", [0, 1])
def test_beats_lira_with_four_shadows_where_members_saturate(beside, seed):
    observed, member = saturated(beside, seed)
    boosted = auc(ATTACKS.make("shadow_boosting").score(observed), member)
    assert boosted > auc(ATTACKS.make("lira").score(observed), member) + 0.03


def test_one_shadow_teaches_from_margins_alone(beside, reordered):
    observed, member = saturated(beside, 3)
    found = ATTACKS.make("shadow_boosting").score(reordered(observed, [0]))
    # The band of members shows without others to compare with.
    assert auc(found, member) > 0.8


@pytest.mark.parametrize("everyone", [True, False])
def test_without_one_kind_of_shadow_it_ranks_by_what_is_expected(random_answers, everyone):
    observed = random_answers(n=100)
    trained = np.full_like(observed.shadows.trained, everyone)
    given = replace(observed, shadows=replace(observed.shadows, trained=trained))
    found = ATTACKS.make("shadow_boosting", {"align": False}).score(given)
    higher = replace(given, log_odds=given.log_odds + np.where(given.same, 1.0, -1.0)[:, None])
    assert (ATTACKS.make("shadow_boosting", {"align": False}).score(higher) > found).all()


def test_constant_shadows_teach_nothing(beside):
    rng = np.random.default_rng(0)
    trained, member = rng.random((4, 1000)) < 0.5, rng.random(1000) < 0.5
    observed = beside(rng.normal(size=1000), np.ones((4, 1000)), trained)
    for align in (True, False):
        found = ATTACKS.make("shadow_boosting", {"align": align}).score(observed)
        assert auc(found, member) == pytest.approx(0.5, abs=3.5 * (1 / 3000) ** 0.5)


def test_twice_as_large_log_odds_change_nothing_once_aligned(beside):
    observed, _ = saturated(beside, 4, n=500)
    shadows = observed.shadows
    scale = np.array([1, 2, 1, 4], dtype=np.float32)[:, None]
    mean = np.abs(shadows.log_odds).mean()
    larger = replace(observed, log_odds=observed.log_odds * 8)
    other = replace(larger, shadows=replace(shadows, log_odds=shadows.log_odds * scale))
    attack = ATTACKS.make("shadow_boosting")
    # Everything is scaled by one factor, which trees do not see but for rounding.
    assert mean > 0
    assert np.corrcoef(attack.score(other), attack.score(observed))[0, 1] > 0.98


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"align": 1}, "align: must be true or false, got 1"),
        ({"rounds": 0}, "rounds: must be an integer of at least 1, got 0"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(UsageError, match=message):
        ATTACKS.make("shadow_boosting", settings)
