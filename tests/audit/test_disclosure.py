"""Claims at calibrated thresholds: against counting, simulation and mechanisms of known epsilon."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import beta, norm

from facebone.audit.calibration import calibrate
from facebone.audit.disclosure import (
    PRIORS,
    ClaimRates,
    Disclosure,
    claim_rates,
    disclose,
    pool_disclosures,
)
from facebone.audit.pooling import pool
from facebone.errors import UsageError
from facebone.verification.estimates import Estimate, Refused
from facebone.verification.intervals import clopper_pearson


def gaussian(members, non_members, shift=1.0, seed=0):
    rng = np.random.default_rng(seed)
    member = rng.permutation(np.arange(members + non_members) < members)
    return rng.normal(size=len(member)) + shift * member, member


def randomised_response(epsilon, each, rng):
    """Membership told truly with odds of exp(epsilon): exactly epsilon-private."""
    member = np.arange(2 * each) < each
    lie = rng.random(2 * each) < 1 / (1 + np.exp(epsilon))
    return (member ^ lie).astype(np.float64), member


def test_rates_are_counts_at_the_learnt_thresholds():
    calibration = calibrate(*gaussian(3000, 3000))
    scores, member = gaussian(700, 900, seed=1)
    found = disclose(scores, member, calibration)
    assert (found.members, found.non_members) == (700, 900)
    assert list(found.at_fpr) == [0.1, 0.01, 0.001]
    for fpr, rates in found.at_fpr.items():
        ours = sum(s >= calibration.thresholds[fpr] for s in scores[member])
        theirs = sum(s >= calibration.thresholds[fpr] for s in scores[~member])
        assert rates.tpr == clopper_pearson(ours, 700)
        assert rates.fpr == clopper_pearson(theirs, 900)
        # The threshold keeps its promise on others, too.
        assert rates.fpr.low <= fpr <= rates.fpr.high
        assert rates.tpr.low <= norm.sf(norm.isf(fpr) - 1) <= rates.tpr.high
    (bound,) = found.epsilon_by_seed
    claimed = (scores >= calibration.epsilon_threshold) == (bound.side == "member")
    assert bound.members_claimed == sum(claimed[member])
    assert bound.non_members_claimed == sum(claimed[~member])
    assert found.epsilon == bound.value


def test_precision_is_that_of_a_crowd_with_few_members():
    calibration = calibrate(*gaussian(3000, 3000, 2.0))
    rates = disclose(*gaussian(20_000, 20_000, 2.0, seed=1), calibration).at_fpr
    for prior in PRIORS:
        crowd = 400_000
        scores, member = gaussian(int(prior * crowd), int((1 - prior) * crowd), 2.0, seed=2)
        for fpr in (0.1, 0.01):
            claimed = scores >= calibration.thresholds[fpr]
            precision = rates[fpr].precision_at_prior[prior]
            assert np.mean(member[claimed]) == pytest.approx(precision.value, rel=0.08)
            assert precision.low < np.mean(member[claimed]) < precision.high
            assert precision.high / precision.low < 1.5


def test_the_interval_of_the_precision_covers():
    rng = np.random.default_rng(0)
    member = np.arange(600) < 300
    tpr, fpr = 0.06, 0.02
    truth = 0.1 * tpr / (0.1 * tpr + 0.9 * fpr)
    missed = 0
    for _ in range(300):
        claims = rng.random(600) < np.where(member, tpr, fpr)
        precision = claim_rates(claims, member).precision_at_prior[0.1]
        missed += not precision.low <= truth <= precision.high
    # At most 5 %, and two deviations of 300 draws.
    assert missed <= 0.05 * 300 + 2 * np.sqrt(300 * 0.05 * 0.95)


def test_precision_by_hand():
    claims = np.array([True, True, False, False, True, False, False, False, False, False])
    found = claim_rates(claims, np.arange(10) < 4)
    assert (found.tpr.value, found.fpr.value) == (1 / 2, 1 / 6)
    precision = found.precision_at_prior[0.1]
    assert precision.value == pytest.approx(0.05 / (0.05 + 0.15))
    # Ends of the rates at 98.75 %, one-sided.
    high, low = beta.ppf(0.9875, 2, 5), beta.ppf(0.0125, 2, 3)
    assert precision.low == pytest.approx(0.1 * low / (0.1 * low + 0.9 * high))


def test_claims_about_nobody_or_only_one_kind():
    member = np.arange(60) < 30
    nobody = claim_rates(np.zeros(60, dtype=bool), member)
    assert nobody.precision_at_prior == dict.fromkeys(PRIORS, Refused("claims nobody"))
    assert nobody.tpr == nobody.fpr == clopper_pearson(0, 30)
    right = claim_rates(np.arange(60) < 5, member).precision_at_prior[0.01]
    assert (right.value, right.high) == (1, 1)
    assert 0 < right.low < 0.1
    wrong = claim_rates(np.arange(60) >= 55, member).precision_at_prior[0.01]
    assert (wrong.value, wrong.low) == (0, 0)
    assert 0 < wrong.high < 0.1
    everybody = claim_rates(np.ones(60, dtype=bool), member).precision_at_prior[0.1]
    assert everybody.value == pytest.approx(0.1)


@pytest.mark.parametrize("epsilon", [0.0, 1.0, 3.0])
def test_the_bound_exceeds_the_true_epsilon_no_more_often_than_allowed(epsilon):
    rng = np.random.default_rng(7)
    values = []
    for _ in range(100):
        calibration = calibrate(*randomised_response(epsilon, 100, rng))
        values += [
            disclose(*randomised_response(epsilon, 100, rng), calibration).epsilon for _ in range(3)
        ]
    over = np.sum(np.array(values) > epsilon)
    assert over <= 0.05 * 300 + 2 * np.sqrt(300 * 0.05 * 0.95)
    assert epsilon == 0 or np.mean(values) > 0.3 * epsilon


def test_the_bound_comes_near_the_true_epsilon():
    rng = np.random.default_rng(3)
    found = [
        disclose(
            *randomised_response(1.0, 3000, rng), calibrate(*randomised_response(1.0, 3000, rng))
        ).epsilon
        for _ in range(20)
    ]
    assert 0.7 < np.mean(found) < 1.0


def test_no_leak_is_not_found_with_a_threshold_from_elsewhere():
    over = chosen_here = 0
    for seed in range(100):
        known = gaussian(60, 60, 0.0, seed=2 * seed)
        calibration = calibrate(*known)
        over += disclose(*gaussian(60, 60, 0.0, seed=2 * seed + 1), calibration).epsilon > 0
        # The test has power: on the candidates that chose the threshold, chance looks like a leak.
        chosen_here += disclose(*known, calibration).epsilon > 0
    assert over <= 5
    assert chosen_here > over


@pytest.mark.parametrize("delta", [0.0, 0.05])
def test_both_sides_of_the_bound_by_hand(delta):
    scores, member = np.arange(100.0), np.arange(100) >= 50
    scores[member] += 30
    calibration = calibrate(*gaussian(40, 40))
    for threshold, side in ((95, "member"), (45, "non-member")):
        chosen = replace(calibration, epsilon_threshold=threshold, epsilon_side=side)
        (bound,) = disclose(scores, member, chosen, delta=delta).epsilon_by_seed
        right, wrong = (35, 0) if side == "member" else (45, 0)
        claimed = (right, wrong) if side == "member" else (wrong, right)
        assert (bound.members_claimed, bound.non_members_claimed) == claimed
        assert (bound.side, bound.delta, bound.confidence) == (side, delta, 0.95)
        low, high = beta.ppf(0.025, right, 50 - right + 1), beta.ppf(0.975, wrong + 1, 50 - wrong)
        assert bound.value == pytest.approx(np.log((low - delta) / high))
    # A claim that is wrong more often than right bounds nothing.
    against = replace(calibration, epsilon_threshold=95, epsilon_side="non-member")
    assert disclose(scores, member, against).epsilon > 0
    assert disclose(scores, ~member, against).epsilon == 0


def test_mirrored_labels_give_the_same_epsilon():
    scores, member = gaussian(100, 100, 2.0)
    scores[np.flatnonzero(member)[::2]] += 9
    held_out, truth = gaussian(80, 90, 5.0, seed=1)
    found = disclose(held_out, truth, calibrate(scores, member))
    mirrored = disclose(-held_out, ~truth, calibrate(-scores, ~member))
    assert found.epsilon == pytest.approx(mirrored.epsilon)
    assert found.epsilon > 1
    sides = [part.epsilon_by_seed[0].side for part in (found, mirrored)]
    assert sides == ["member", "non-member"]


def test_infinite_scores_are_claimed():
    scores, member = gaussian(300, 300)
    calibration = calibrate(scores, member)
    scores[:] = np.where(member, np.inf, -np.inf)
    rates = disclose(scores, member, calibration).at_fpr[0.01]
    assert (rates.tpr.value, rates.fpr.value) == (1, 0)


def test_thresholds_that_could_not_be_learnt_are_refused():
    found = disclose(*gaussian(50, 50), calibrate(*gaussian(40, 299)))
    refused = Refused("a threshold for FPR 0.01 needs at least 300 known non-members, got 299")
    assert found.at_fpr[0.01] == ClaimRates(refused, refused, dict.fromkeys(PRIORS, refused))
    assert isinstance(found.at_fpr[0.1].tpr, Estimate)
    scores, member = gaussian(40, 300)
    scores[:] = np.inf
    found = disclose(*gaussian(50, 50), calibrate(scores, member))
    assert "known non-members score infinity" in found.at_fpr[0.01].tpr.reason


def test_what_cannot_be_used():
    scores, member = gaussian(30, 30)
    calibration = calibrate(scores, member)
    for delta in (-0.1, 1.0, np.nan):
        with pytest.raises(UsageError, match="delta: must be at least 0 and less than 1"):
            disclose(scores, member, calibration, delta=delta)
    with pytest.raises(UsageError, match="60 of 60 are not a number"):
        disclose(scores * np.nan, member, calibration)
    with pytest.raises(UsageError, match="needs members and non-members, got 60 and 0"):
        disclose(scores, member | True, calibration)
    with pytest.raises(UsageError, match="at least one seed, got none"):
        pool_disclosures([])


def test_as_json_and_back():
    found = disclose(*gaussian(50, 50, -5.0), calibrate(*gaussian(40, 299)))
    pooled = pool_disclosures([found, found])
    for one in (found, pooled):
        again = Disclosure.from_json(json.loads(json.dumps(one.to_json(), allow_nan=False)))
        assert again == one
    written = found.to_json()
    assert set(written["at_fpr"]["0.1"]) == {"tpr", "fpr", "precision_at_prior"}
    assert "refused" in written["at_fpr"]["0.01"]["tpr"]
    assert written["epsilon"]["by_seed"][0]["members"] == 50


def test_pooled_over_seeds():
    calibration = calibrate(*gaussian(400, 400))
    parts = [disclose(*gaussian(200 + i, 210 - i, seed=i), calibration) for i in (1, 2, 3)]
    found = pool_disclosures(parts)
    assert (found.members, found.non_members) == (201, 207)
    rates = found.at_fpr[0.1]
    for name in ("tpr", "fpr"):
        pooled = getattr(rates, name)
        assert isinstance(pooled, Estimate)
        assert pooled == pool([getattr(part.at_fpr[0.1], name) for part in parts])
    for prior in PRIORS:
        figures = [part.at_fpr[0.1].precision_at_prior[prior] for part in parts]
        assert rates.precision_at_prior[prior] == pool(figures)
    assert found.at_fpr[0.001] == parts[0].at_fpr[0.001]
    bounds = [part.epsilon for part in parts]
    assert [bound.value for bound in found.epsilon_by_seed] == bounds
    assert found.epsilon == pytest.approx(np.mean(bounds))
    assert min(bounds) < found.epsilon < max(bounds)
    # Pooling what was pooled weighs every seed alike.
    again = pool_disclosures([pool_disclosures(parts[:2]), parts[2]])
    assert again.epsilon == pytest.approx(found.epsilon)
    assert pool_disclosures(parts[:1]) == parts[0]
