"""Quantile regression: the quantiles of non-members are found, and what lies above them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from facebone.attacks.base import ATTACKS
from facebone.verification.metrics import auc


def test_scores_are_standard_where_non_members_are_normal(beside):
    """Their quantiles are 0 and 1 in the units of the score, whatever class and difficulty."""
    rng = np.random.default_rng(0)
    n, S = 4000, 12
    same, hard = rng.random(n) < 0.5, rng.normal(size=n)
    noise = np.where(same, 0.3, 2.0)
    trained = rng.random((S, n)) < 0.5
    margins = 2 * hard + 1.5 * trained + noise * rng.normal(size=(S, n))
    observed = beside(2 * hard + noise * rng.normal(size=n), margins, trained, same)
    found = ATTACKS.make("quantile").score(observed)
    for kind in (True, False):
        rows = found[same == kind]
        assert (rows > 0).mean() == pytest.approx(0.5, abs=0.05)
        assert (rows > 1).mean() == pytest.approx(1 - ndtr(1), abs=0.04)


def test_tells_members_that_the_margin_alone_does_not(gaussian_target):
    observed, member = gaussian_target(2.0, shadows=12)
    found = auc(ATTACKS.make("quantile").score(observed), member)
    assert found == pytest.approx(float(ndtr(2 / 2**0.5)), abs=0.05)
    assert found > auc(observed.margin(), member) + 0.1


def test_one_shadow_tells_the_classes_apart_and_no_more(gaussian_target, reordered):
    observed, _ = gaussian_target(2.0, n=500)
    found = ATTACKS.make("quantile").score(reordered(observed, [0]))
    for kind in (True, False):
        rows = observed.same == kind
        order = np.argsort(observed.margin()[rows])
        assert (np.diff(found[rows][order]) > 0).all()


def test_shadows_all_trained_on_all_stand_for_the_rest(random_answers):
    observed = random_answers(n=100)
    shadows, attack = observed.shadows, ATTACKS.make("quantile")
    scores = [
        attack.score(
            replace(observed, shadows=replace(shadows, trained=np.full_like(shadows.trained, all_)))
        )
        for all_ in (True, False)
    ]
    np.testing.assert_array_equal(*scores)


def test_constant_shadows_leave_the_margin(beside):
    rng = np.random.default_rng(0)
    trained = rng.random((4, 100)) < 0.5
    observed = beside(rng.normal(size=100), np.ones((4, 100)), trained)
    found = ATTACKS.make("quantile").score(observed)
    np.testing.assert_array_equal(np.argsort(found), np.argsort(observed.margin()))
