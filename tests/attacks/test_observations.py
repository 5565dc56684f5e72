"""What an attacker sees: shapes, log odds, margins and decisions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from facebone.attacks.observations import Observations, probability_log_odds
from facebone.errors import UsageError

SAME = np.array([True, False, True, False])
COSINES = np.array([0.9, -0.4, 0.2, 0.3])


def observe(score, same=SAME, **kwargs):
    return Observations.from_scores(np.asarray(score), same, **kwargs)


def test_probabilities_are_taken_as_they_are():
    observed = observe([0.9, 0.25, 0.5, 0.01])
    assert len(observed) == 4
    assert observed.queries == 1
    assert observed.threshold == 0.5
    wanted = [math.log(p / (1 - p)) for p in (0.9, 0.25, 0.5, 0.01)]
    np.testing.assert_allclose(observed.log_odds[:, 0], wanted, rtol=1e-13, atol=1e-15)
    np.testing.assert_array_equal(observed.score[:, 0], [0.9, 0.25, 0.5, 0.01])


def test_log_odds_at_the_ends_are_finite_and_keep_their_order():
    rising = np.array([0.0, 1e-300, 0.5, 1 - 2**-52, 1 - 2**-53, 1.0])
    found = probability_log_odds(rising)
    assert np.isfinite(found).all()
    assert (np.diff(found) > 0).all()


def test_other_scores_are_calibrated_as_a_logistic_regression_would():
    """Oracle: the likelihood equations of a logistic regression, solved when both sums are 0."""
    rng = np.random.default_rng(0)
    same = rng.random(500) < 0.5
    score = np.where(same, 0.6, 0.1) + 0.3 * rng.normal(size=500)
    observed = observe(score, same)
    residual = 1 / (1 + np.exp(-observed.log_odds[:, 0])) - same
    assert abs(residual.sum()) < 0.01
    assert abs((residual * score).sum()) < 0.01
    # The threshold is where the log odds are 0.
    order = np.argsort(score)
    at = np.interp(observed.threshold, score[order], observed.log_odds[order, 0])
    assert at == pytest.approx(0, abs=0.05)


def test_a_threshold_that_is_given_stays():
    assert observe(COSINES, threshold=0.25).threshold == 0.25
    assert observe([0.1, 0.2, 0.3, 0.4], threshold=0.7).threshold == 0.7


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e12, 1e300])
def test_calibration_keeps_order_at_any_scale(scale):
    rng = np.random.default_rng(1)
    same = np.arange(100) % 2 == 0
    score = scale * (rng.normal(size=100) + same)
    found = observe(score, same).log_odds[:, 0]
    assert (np.diff(found[np.argsort(score)]) > 0).all()


@settings(max_examples=40, deadline=None)
@given(arrays(np.float64, 20, elements=st.floats(-1e6, 1e6)))
def test_calibration_never_turns_an_order_around(score):
    found = observe(score, np.arange(20) % 2 == 0)
    assert np.isfinite(found.threshold)
    assert (np.diff(found.log_odds[np.argsort(score), 0]) >= 0).all()


def test_scores_that_separate_the_classes_stay_finite():
    same = np.arange(40) % 2 == 0
    found = observe(np.where(same, 2.0, -2.0), same)
    assert found.right().all()
    assert np.abs(found.log_odds).max() < 100


def test_constant_scores_tell_nothing():
    found = observe(np.full(4, 1.1))
    np.testing.assert_array_equal(found.log_odds, np.zeros((4, 1)))
    assert found.threshold == 1.1


def test_scores_that_fall_with_sameness_are_noise_not_another_direction():
    found = observe([-2.0, 2.0, -3.0, 3.0])
    assert (np.diff(found.log_odds[np.argsort(found.score[:, 0]), 0]) > 0).all()
    assert np.abs(found.log_odds).max() < 1e-3


def test_margin_is_the_log_odds_of_the_right_answer():
    observed = observe([0.8, 0.8, 0.3, 0.3])
    a, b = math.log(4), math.log(3 / 7)
    np.testing.assert_allclose(observed.margin(), [a, -a, b, -b])


def test_queries_are_averaged_for_margin_and_decision():
    observed = observe([[0.9, 0.9, 0.2], [0.9, 0.4, 0.4], [0.6, 0.1, 0.6], [0.1, 0.2, 0.3]])
    assert observed.queries == 3
    np.testing.assert_array_equal(observed.right(), [True, False, False, True])
    np.testing.assert_allclose(observed.right_share(), [2 / 3, 2 / 3, 2 / 3, 1])
    np.testing.assert_allclose(observed.margin()[0], observed.log_odds[0].mean())


def test_a_score_at_the_threshold_means_same():
    observed = observe([0.5, 0.5, 0.5, 0.5])
    np.testing.assert_array_equal(observed.right(), SAME)
    np.testing.assert_array_equal(observed.right_share(), SAME.astype(float))


def test_rows_are_taken_by_position_and_by_mask():
    observed = observe(np.linspace(0.1, 0.8, 8).reshape(4, 2), threshold=0.3)
    for rows in (np.array([2, 0]), np.array([True, False, True, False])):
        part = observed.take(rows)
        np.testing.assert_array_equal(part.score, observed.score[rows])
        np.testing.assert_array_equal(part.log_odds, observed.log_odds[rows])
        np.testing.assert_array_equal(part.same, SAME[rows])
        assert part.threshold == 0.3


def test_first_queries():
    observed = observe(np.linspace(0.1, 0.8, 8).reshape(4, 2))
    first = observed.first_queries(1)
    np.testing.assert_array_equal(first.score, observed.score[:, :1])
    np.testing.assert_array_equal(first.log_odds, observed.log_odds[:, :1])
    for count in (0, 3):
        with pytest.raises(UsageError, match=rf"{count} answers .* 2 were recorded"):
            observed.first_queries(count)


def test_no_candidates_are_allowed():
    observed = observe(np.empty(0), np.empty(0, dtype=bool))
    assert len(observed) == 0
    assert observed.margin().shape == observed.right().shape == (0,)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_answers_that_are_not_finite_are_refused_with_their_row(bad):
    with pytest.raises(UsageError, match=r"scores: 1 of 4 are not finite, the first in row 2"):
        observe([0.1, 0.2, bad, 0.4])


def test_log_odds_that_are_not_finite_are_refused():
    score = np.full((4, 1), 0.5)
    with pytest.raises(UsageError, match="log odds: 4 of 4 are not finite"):
        Observations(score, SAME, np.full((4, 1), np.inf), 0.5)


@pytest.mark.parametrize("shape", [(), (3,), (4, 0), (4, 1, 1), (5, 2)])
def test_scores_of_another_shape_are_refused(shape):
    with pytest.raises(UsageError, match=r"scores: must have shape \(4, queries\)"):
        observe(np.full(shape, 0.5))


def test_labels_that_are_not_bool_are_refused():
    with pytest.raises(UsageError, match=r"observations: .*labels of int64"):
        observe([0.1, 0.2, 0.3, 0.4], SAME.astype(np.int64))


def test_log_odds_of_another_shape_are_refused():
    with pytest.raises(UsageError, match=r"log odds of \(4, 2\)"):
        Observations(np.full((4, 1), 0.5), SAME, np.zeros((4, 2)), 0.5)


def test_a_threshold_that_is_no_number_is_refused():
    with pytest.raises(UsageError, match="threshold: must be a number"):
        observe([0.1, 0.2, 0.3, 0.4], threshold=math.nan)


def test_calibration_needs_both_kinds_of_pairs():
    with pytest.raises(UsageError, match="needs matched and mismatched pairs"):
        observe(COSINES, np.ones(4, dtype=bool))
