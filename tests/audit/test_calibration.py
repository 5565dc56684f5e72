"""Calibration: thresholds against loops over all, risks against the known posterior."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import beta, norm

from facebone.audit.calibration import CLAIM_FPRS, best_balanced_threshold, calibrate
from facebone.audit.epsilon import epsilon_low
from facebone.errors import UsageError
from facebone.verification.intervals import clopper_pearson


def gaussian(members, non_members, shift=1.0, seed=0, digits=15):
    rng = np.random.default_rng(seed)
    member = rng.permutation(np.arange(members + non_members) < members)
    return np.round(rng.normal(size=len(member)) + shift * member, digits), member


@pytest.mark.parametrize(
    ("scores", "member", "threshold"),
    [
        ([0.0, 0.0, 1.0, 1.0], [False, False, True, True], 0.5),
        ([3.0, 1.0, 2.0, 0.0], [True, True, False, False], 2.5),
        ([0.0, 1.0], [True, False], -np.inf),
        ([0.5, 0.5], [True, False], -np.inf),
        ([-np.inf, np.inf], [False, True], np.inf),
        ([1e308, -1e308], [True, False], 0.0),
    ],
)
def test_threshold_of_the_best_balanced_accuracy(scores, member, threshold):
    assert best_balanced_threshold(np.array(scores), np.array(member)) == threshold
    assert calibrate(np.array(scores), np.array(member)).balanced == threshold


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 30), st.integers(0, 2))
def test_no_threshold_is_better(seed, n, digits):
    rng = np.random.default_rng(seed)
    member = np.arange(n) < max(1, n // 3)
    scores = np.round(rng.normal(size=n) + member, digits)

    def balanced(threshold):
        claimed = scores >= threshold
        return (np.mean(claimed[member]) + np.mean(~claimed[~member])) / 2

    found = balanced(best_balanced_threshold(scores, member))
    assert found == pytest.approx(max(balanced(t) for t in [*scores, np.inf]))


@pytest.mark.parametrize("digits", [0, 1, 15])
def test_thresholds_are_those_of_a_loop(digits):
    scores, member = gaussian(500, 3000, digits=digits)
    found = calibrate(scores, member).thresholds
    assert tuple(found) == CLAIM_FPRS
    for fpr, threshold in found.items():
        # The smallest score that claims few enough, and the next one below.
        levels = np.unique(scores)
        allowed = [t for t in levels if np.mean(scores[~member] >= t) <= fpr]
        below = max(t for t in levels if t < allowed[0])
        assert threshold == pytest.approx((allowed[0] + below) / 2)
        assert np.mean(scores[~member] >= threshold) <= fpr < np.mean(scores[~member] >= below)


@pytest.mark.parametrize(("known", "rates"), [(29, 0), (30, 1), (299, 1), (300, 2), (3000, 3)])
def test_rates_that_the_known_non_members_allow(known, rates):
    found = calibrate(*gaussian(40, known))
    assert tuple(found.thresholds) == CLAIM_FPRS[:rates]
    assert (found.members, found.non_members) == (40, known)


def test_a_rate_that_only_claiming_nobody_keeps():
    member = np.arange(120) < 20
    # Half of the non-members share the highest score.
    scores = np.where(np.arange(120) < 70, 1.0, 0.0)
    assert calibrate(scores, member).thresholds == {0.1: np.inf}
    scores[scores == 1] = np.inf
    assert calibrate(scores, member).thresholds == {}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(4, 120), st.integers(0, 2), st.sampled_from([-1, 1]))
@example(0, 4, 0, 1)
def test_no_claim_gives_a_larger_epsilon(seed, n, digits, sign):
    scores, member = gaussian(n // 3, n - n // 3, sign * 2.0, seed, digits)
    members, non_members = n // 3, n - n // 3
    bounds = {}
    for threshold in np.unique(scores)[1:]:
        above = scores >= threshold
        for side, claimed in (("member", above), ("non-member", ~above)):
            ours = clopper_pearson(int(np.sum(claimed & member)), members)
            theirs = clopper_pearson(int(np.sum(claimed & ~member)), non_members)
            right, wrong = (ours, theirs) if side == "member" else (theirs, ours)
            with np.errstate(divide="ignore"):
                bounds[threshold, side] = np.log(right.low / wrong.high)
    found = calibrate(scores, member)
    if not bounds:
        assert (found.epsilon_threshold, found.epsilon_side) == (-np.inf, "member")
        return
    lowest_claimed = scores[scores >= found.epsilon_threshold].min()
    chosen = bounds[lowest_claimed, found.epsilon_side]
    assert chosen == pytest.approx(max(bounds.values()))


def test_few_lucky_claims_do_not_set_the_epsilon_threshold():
    scores, member = gaussian(1000, 1000, 1.5)
    # Three members above everybody: an infinite estimate, and a bound of nothing.
    scores[np.flatnonzero(member)[:3]] = 99
    found = calibrate(scores, member)
    assert np.sum(scores >= found.epsilon_threshold) > 50
    assert np.sum(scores < found.epsilon_threshold) > 50


def test_risk_is_the_posterior():
    # Four non-members to a member: the odds are even all the same.
    calibration = calibrate(*gaussian(4000, 16000, 1.0))
    scores, member = gaussian(50_000, 50_000, 1.0, seed=1)
    risk = calibration.risk(scores)
    posterior = norm.pdf(scores, 1) / (norm.pdf(scores, 1) + norm.pdf(scores))
    for rows in np.array_split(np.argsort(scores), 10):
        assert risk[rows].mean() == pytest.approx(posterior[rows].mean(), abs=0.02)
        assert risk[rows].mean() == pytest.approx(member[rows].mean(), abs=0.03)


def test_risk_by_hand():
    member = np.array([False] * 4 + [True] * 2 + [False] * 4 + [True] * 6)
    scores = np.array([-np.inf] * 4 + [0.0] * 6 + [2.0] * 6)
    found = calibrate(scores, member)
    # Eight of each: 0 of 4, 2 of 6 in the middle, 6 of 6.
    assert found.risk_edges == (0.0, 1.0)
    assert found.risks == pytest.approx([1 / 6, 2 / 6, 7 / 8])
    asked = np.array([[-np.inf, -1e9, 0.0], [0.99, 1.0, np.inf]])
    expected = np.array([[1 / 6, 1 / 6, 1 / 3], [1 / 3, 7 / 8, 7 / 8]])
    np.testing.assert_allclose(found.risk(asked), expected)


def test_a_single_score_at_the_end_does_not_cap_the_risk():
    # 99 of 100 in a block of 200, and above it one member: (1 + 1) / (1 + 2) alone would be less.
    member = np.concatenate([np.arange(200) < 2, np.arange(200) < 197, [True]])
    scores = np.concatenate([np.zeros(200), np.ones(200), [2.0]])
    assert member.sum() == 200
    found = calibrate(scores, member)
    assert found.risk(np.array([1.0, 2.0])) == pytest.approx([0.98, 0.98], abs=0.01)


def test_a_few_scores_above_all_others():
    """Fewer than lie between two ranks of the grid."""
    scores = np.zeros(6000)
    scores[:12] = 1.0
    found = calibrate(scores, np.arange(6000) < 3000)
    assert (found.epsilon_threshold, found.epsilon_side) == (0.5, "member")


def test_scores_that_say_nothing():
    found = calibrate(np.zeros(60), np.arange(60) < 20)
    assert found.risk(np.array([-np.inf, 0, 1])) == pytest.approx([0.5] * 3)
    assert found.balanced == found.epsilon_threshold == -np.inf
    assert found.thresholds == {0.1: np.inf}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(4, 150), st.integers(0, 2))
@example(298, 19, 0)  # two blocks of one share, which rounding tells apart
def test_risk_never_falls_is_never_sure_and_mirrors(seed, n, digits):
    scores, member = gaussian(n // 3, n - n // 3, 1.0, seed, digits)
    found = calibrate(scores, member)
    asked = np.sort(np.concatenate([scores, np.random.default_rng(seed).normal(size=50) * 3]))
    risk = found.risk(asked)
    assert np.all(np.diff(risk) >= 0)
    assert 0 < risk.min() <= risk.max() < 1
    mirrored = calibrate(-scores, ~member)
    np.testing.assert_allclose(mirrored.risk(-scores), 1 - found.risk(scores), atol=1e-9)
    # Only the order counts.
    bent = calibrate(np.exp(scores), member)
    np.testing.assert_allclose(bent.risk(np.exp(scores)), found.risk(scores), atol=1e-9)


def test_mirrored_labels_turn_the_claim():
    scores, member = gaussian(80, 80, 1.0)
    # Half of the members, and nobody else, lie high: there the claim "member" is worth most.
    scores[np.flatnonzero(member)[::2]] += 9
    found, mirrored = calibrate(scores, member), calibrate(-scores, ~member)
    assert (found.epsilon_side, mirrored.epsilon_side) == ("member", "non-member")
    assert mirrored.epsilon_threshold == -found.epsilon_threshold


def test_as_strict_json_and_back():
    scores, member = gaussian(100, 400)
    scores[:5] = np.inf
    found = calibrate(scores, member)
    for one in (found, calibrate(np.zeros(60), np.arange(60) < 20), replace(found, risks=(0.5,))):
        again = type(one).from_json(json.loads(json.dumps(one.to_json(), allow_nan=False)))
        assert again == one


@pytest.mark.parametrize(
    ("scores", "member", "message"),
    [
        ([0.0, np.nan], [True, False], "attack scores: 1 of 2 are not a number"),
        ([0.0, 1.0], [True, True], "needs members and non-members, got 2 and 0"),
        ([], [], "needs members and non-members, got 0 and 0"),
        (
            [0.0, 1.0],
            [True],
            r"must be bool of the shape of the scores, \(2,\), got bool of \(1,\)",
        ),
        ([[0.0, 1.0]], [[True, False]], r"\(1, 2\)"),
    ],
)
def test_what_cannot_be_used(scores, member, message):
    with pytest.raises(UsageError, match=message):
        calibrate(np.array(scores), np.array(member, dtype=bool))


def test_numbers_are_no_labels_and_nan_has_no_risk():
    scores, member = gaussian(20, 20)
    with pytest.raises(UsageError, match=r"must be bool .* got int64"):
        calibrate(scores, member.astype(np.int64))
    with pytest.raises(UsageError, match="1 of 2 are not a number"):
        calibrate(scores, member).risk(np.array([0.0, np.nan]))


def test_the_vectorised_bound_is_the_formula():
    right, wrong = np.array([0, 7, 40, 50]), np.array([0, 3, 60, 60])
    found = epsilon_low(right, 50, wrong, 60, delta=0.01, confidence=0.9)
    assert found[0] == -np.inf
    for i in (1, 2, 3):
        low = beta.ppf(0.05, right[i], 50 - right[i] + 1)
        high = 1.0 if wrong[i] == 60 else beta.ppf(0.95, wrong[i] + 1, 60 - wrong[i])
        assert found[i] == pytest.approx(np.log((low - 0.01) / high))
