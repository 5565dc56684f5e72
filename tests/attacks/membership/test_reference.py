"""The reference attack: margins and losses less what verifiers without the pair give."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from facebone.attacks.base import ATTACKS
from facebone.errors import UsageError
from facebone.verification.metrics import auc


@pytest.fixture
def small(beside):
    trained = np.array([[True, False, False], [False, False, False], [False, True, False]])
    margins = np.array([[9.0, 1.0, -2.0], [2.0, 3.0, 0.0], [4.0, 8.0, 2.0]])
    return beside(np.array([5.0, 1.0, 0.5]), margins, trained, np.array([True, False, True]))


def test_is_the_margin_less_its_mean_over_shadows_without_the_pair(small):
    found = ATTACKS.make("reference").score(small)
    np.testing.assert_allclose(found, [5 - 3, 1 - 2, 0.5 - 0], atol=1e-12)


def test_losses_are_compared_as_in_the_paper(small):
    def loss(m):
        return -np.log(1 / (1 + np.exp(-m)))

    without = [[2.0, 4.0], [1.0, 3.0], [-2.0, 0.0, 2.0]]
    wanted = [
        np.mean([loss(w) for w in row]) - loss(m)
        for m, row in zip([5.0, 1.0, 0.5], without, strict=True)
    ]
    found = ATTACKS.make("reference", {"signal": "loss"}).score(small)
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_a_pair_that_all_shadows_were_trained_on_is_taken_back_by_the_usual_gap(beside):
    trained = np.array([[True, False, True], [False, True, True]])
    margins = np.array([[3.0, 2.0, 6.0], [1.0, 6.0, 8.0]])
    found = ATTACKS.make("reference").score(beside(np.zeros(3), margins, trained))
    # The gaps are 2 and 4: without the third pair, shadows would answer 7 - 3 about it.
    np.testing.assert_allclose(found, [-1, -2, -4], atol=1e-12)


def test_reaches_what_two_noises_leave(gaussian_target):
    observed, member = gaussian_target(1.5, n=12000)
    found = auc(ATTACKS.make("reference").score(observed), member)
    assert found == pytest.approx(float(ndtr(1.5 / 2**0.5)), abs=0.012)


def test_bad_signal():
    with pytest.raises(UsageError, match="signal: must be margin or loss, got 'score'"):
        ATTACKS.make("reference", {"signal": "score"})
