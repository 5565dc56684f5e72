"""Rounded scores, by hand and by their properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facebone.errors import UsageError
from facebone.mitigations.guards.rounding import Rounding, RoundingGuard, RoundingSettings
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads.base import sigmoid


def shown(log_odds, digits=1):
    rows = np.zeros((len(log_odds), 1), dtype=np.float32)
    guard = RoundingGuard(RoundingSettings(digits=digits))
    return guard.show(np.asarray(log_odds, dtype=np.float64), EmbeddedPairs((rows,), (rows,)))


@pytest.mark.parametrize(
    ("score", "digits", "expected"),
    [
        (0.62, 1, 0.6), (0.66, 1, 0.7), (0.47, 1, 0.5), (0.04, 1, 0.05), (0.96, 1, 0.95),
        (1e-9, 1, 0.05), (0.123456, 3, 0.123), (0.9996, 3, 0.9995), (0.9994, 3, 0.999),
    ],
)  # fmt: skip
def test_scores_by_hand(score, digits, expected):
    log_odds = np.log(score / (1 - score))
    np.testing.assert_allclose(sigmoid(shown([log_odds], digits)), expected, rtol=1e-12)


@given(st.lists(st.floats(-800, 800), min_size=2, max_size=20), st.integers(1, 12))
def test_log_odds_are_finite_and_rise_and_mirror(given_odds, digits):
    odds = np.sort(np.array(given_odds))
    found = shown(odds, digits)
    assert np.isfinite(found).all()
    assert (np.diff(found) >= 0).all()
    np.testing.assert_array_equal(shown(-odds, digits), -found)
    assert np.abs(sigmoid(found) - sigmoid(odds)).max() <= 0.5 * 10.0**-digits + 1e-12


def test_few_values_are_shown():
    assert len(np.unique(shown(np.linspace(-20, 20, 10_001)))) == 11


def test_decisions_may_change_just_below_one_half():
    guard = RoundingGuard(RoundingSettings())
    assert not guard.keeps_decisions
    assert shown([-0.1]) == [0.0]


@pytest.mark.parametrize(("digits", "message"), [(0, "at least 1"), (13, "at most 12")])
def test_digits_out_of_range(digits, message):
    with pytest.raises(UsageError, match=f"digits: must be .*{message}"):
        RoundingSettings(digits=digits)


def test_what_it_says():
    assert Rounding().effect() == "scores are shown rounded (1 digit)"
    assert Rounding(RoundingSettings(digits=2)).effect().endswith("(2 digits)")
