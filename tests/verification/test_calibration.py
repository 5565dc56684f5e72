"""Thresholds against a search over every threshold that makes a difference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from facebone.errors import UsageError
from facebone.verification.calibration import best_accuracy_threshold, calibrate_threshold
from facebone.verification.metrics import accuracy, tar_at_far


@st.composite
def scored(draw, least=2):
    n = draw(st.integers(least, 60))
    scores = draw(arrays(np.float64, n, elements=st.integers(-6, 6).map(float)))
    same = draw(arrays(np.bool_, n))
    same[0], same[1] = True, False
    return scores, same


@given(scored())
def test_best_threshold_reaches_the_best_accuracy_of_any(data):
    scores, same = data
    best = max(accuracy(scores, same, t) for t in np.arange(-7, 8, 0.5))
    threshold = best_accuracy_threshold(scores, same)
    assert accuracy(scores, same, threshold) == best


@given(scored(), st.sampled_from([0.1, 0.25, 0.5]))
def test_calibrated_threshold_keeps_the_rate_and_accepts_all_it_can(data, far):
    scores, same = data
    needed = int(np.ceil(3 / far))
    # Copies of the mismatched pairs make the sample large enough and leave the rates alone.
    copies = -(-needed // int((~same).sum()))
    scores = np.concatenate([scores[same], np.tile(scores[~same], copies)])
    same = np.arange(len(scores)) < same.sum()
    threshold = calibrate_threshold(scores, same, far=far)
    assert np.mean(scores[~same] >= threshold) <= far
    assert np.mean(scores[same] >= threshold) == tar_at_far(scores, same, far)


def test_threshold_lies_in_the_middle_of_the_widest_gap():
    scores = np.array([9.0, 8.0, 4.0, 3.0])
    assert best_accuracy_threshold(scores, np.array([True, True, False, False])) == 6.0
    # Two thresholds are right 5 times of 6: between 7 and 6, and between 5 and 2.
    scores = np.array([8.0, 7.0, 6.0, 5.0, 2.0, 1.0])
    same = np.array([True, True, False, True, False, False])
    assert best_accuracy_threshold(scores, same) == 3.5


def test_all_scores_tied():
    same = np.array([True, False, False])
    assert accuracy(np.full(3, 0.5), same, best_accuracy_threshold(np.full(3, 0.5), same)) == 2 / 3
    assert best_accuracy_threshold(np.full(3, 0.5), same) == np.nextafter(0.5, 1)
    assert best_accuracy_threshold(np.full(3, 0.5), ~same) == 0.5


def test_neighbouring_floats_are_still_told_apart():
    low = 0.3
    for _ in range(50):
        high = float(np.nextafter(low, 1))
        threshold = best_accuracy_threshold(np.array([low, high]), np.array([False, True]))
        assert low < threshold <= high
        low = high


def test_huge_scores_do_not_overflow():
    threshold = best_accuracy_threshold(np.array([1.7e308, -1.7e308]), np.array([True, False]))
    assert threshold == 0.0


def test_allowed_false_accepts_are_counted_exactly():
    """29 of 100 is 0.29, though 0.29 * 100 is less than 29 in floating point."""
    scores = np.arange(101, dtype=float)
    same = scores == 100
    assert calibrate_threshold(scores, same, far=0.29) == 70.5


def test_too_few_mismatched_pairs_are_refused_with_the_number_needed():
    same = np.arange(3999) < 1000
    scores = np.linspace(1, 0, 3999)
    with pytest.raises(UsageError, match=r"at FAR 0\.001 needs at least 3000 .* got 2999"):
        calibrate_threshold(scores, same, far=0.001)
    same = np.arange(4000) < 1000
    threshold = calibrate_threshold(np.linspace(1, 0, 4000), same, far=0.001)
    assert np.sum(np.linspace(1, 0, 4000)[~same] >= threshold) == 3


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_scores_that_are_not_finite_are_refused(bad):
    with pytest.raises(UsageError, match=r"finite|not a number"):
        best_accuracy_threshold(np.array([bad, 1.0]), np.array([True, False]))


@pytest.mark.parametrize("far", [0, 1, 2.5])
def test_far_must_be_a_rate(far):
    with pytest.raises(UsageError, match="far: must be more than 0"):
        calibrate_threshold(np.array([0.0, 1.0]), np.array([False, True]), far=far)
