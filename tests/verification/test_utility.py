"""Utility: the shape that the schema fixes, refusals, and intervals that claim no certainty."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from facebone.errors import UsageError
from facebone.verification.estimates import Estimate, Refused
from facebone.verification.folds import fold_accuracies
from facebone.verification.intervals import clopper_pearson
from facebone.verification.metrics import auc, eer, tar_at_far
from facebone.verification.utility import measure_utility


def sample(matched=3000, mismatched=3000, shift=2.0, seed=0):
    rng = np.random.default_rng(seed)
    same = rng.permutation(np.arange(matched + mismatched) < matched)
    return rng.normal(size=len(same)) + shift * same, same


def figures(utility):
    return [utility.auc, utility.eer, *utility.tar_at_far.values(), utility.accuracy]


def test_values_are_the_metrics_and_lie_inside_their_intervals():
    scores, same = sample()
    fold = np.arange(6000) // 600
    utility = measure_utility(scores, same, fold=fold, seed=0, replicates=200)
    assert utility.auc.value == auc(scores, same)
    assert utility.eer.value == eer(scores, same)
    for far in (0.01, 0.001):
        assert utility.tar_at_far[far].value == tar_at_far(scores, same, far)
    accuracies = fold_accuracies(scores, same, fold)
    assert utility.fold_accuracy == accuracies
    assert utility.accuracy.value == pytest.approx(np.mean(accuracies))
    assert utility.accuracy_standard_error == pytest.approx(stats.sem(accuracies))
    for figure in figures(utility):
        assert 0 <= figure.low < figure.value < figure.high <= 1


def test_intervals_hold_the_truth_of_the_normal_model():
    scores, same = sample()
    utility = measure_utility(scores, same, seed=0, replicates=500)
    assert utility.auc.low < stats.norm.cdf(2 / np.sqrt(2)) < utility.auc.high
    assert utility.eer.low < stats.norm.cdf(-1) < utility.eer.high
    assert utility.accuracy.low < stats.norm.cdf(1) < utility.accuracy.high
    for far, figure in utility.tar_at_far.items():
        assert figure.low < stats.norm.sf(stats.norm.isf(far) - 2) < figure.high


def test_uncertainty_of_the_threshold_widens_a_tar():
    """At FAR 0.001 three of 3,000 pairs set the threshold; the matched pairs alone know nothing."""
    scores, same = sample()
    figure = measure_utility(scores, same, seed=0, replicates=500).tar_at_far[0.001]
    exact = clopper_pearson(round(figure.value * 3000), 3000)
    assert figure.low <= exact.low
    assert figure.high >= exact.high
    assert figure.high - figure.low > 3 * (exact.high - exact.low)


def test_json_is_the_object_of_the_schema():
    scores, same = sample(500, 500)
    document = measure_utility(scores, same, seed=0, replicates=50).to_json()
    assert list(document) == ["accuracy", "auc", "eer", "tar_at_far"]
    assert list(document["tar_at_far"]) == ["0.01", "0.001"]
    for figure in (document["accuracy"], document["auc"], document["eer"]):
        assert list(figure) == ["value", "low", "high"]
    assert list(document["tar_at_far"]["0.01"]) == ["value", "low", "high"]
    assert document["tar_at_far"]["0.001"] == {
        "refused": "TAR at FAR 0.001 needs at least 3000 mismatched pairs, got 500"
    }
    assert json.loads(json.dumps(document, allow_nan=False)) == document


@pytest.mark.parametrize(("count", "refused"), [(299, True), (300, False)])
def test_a_rate_is_refused_below_three_over_it(count, refused):
    scores, same = sample(100, count)
    figure = measure_utility(scores, same, seed=0, replicates=20).tar_at_far[0.01]
    assert isinstance(figure, Refused) == refused
    if refused:
        assert "at least 300 mismatched pairs, got 299" in figure.reason


def test_perfect_scores_do_not_claim_certainty():
    """What 300 trials without an error allow: an error rate up to 1.2 % (Clopper-Pearson)."""
    same = np.arange(700) < 400
    utility = measure_utility(same.astype(float), same, seed=0, replicates=50)
    bound = 1 - 0.025 ** (1 / 300)
    assert utility.auc == Estimate(1.0, pytest.approx(1 - bound), 1.0)
    assert utility.eer == Estimate(0.0, 0.0, pytest.approx(bound))
    assert utility.tar_at_far[0.01] == Estimate(1.0, pytest.approx(0.025 ** (1 / 400)), 1.0)
    assert utility.accuracy == Estimate(1.0, pytest.approx(0.025 ** (1 / 700)), 1.0)


def test_people_widen_the_interval_where_they_share_pairs():
    """Thirty people with an effect each: pairs of one person agree, so they tell less."""
    rng = np.random.default_rng(0)
    same = np.arange(1200) < 600
    left = np.tile(np.repeat(np.arange(30), 20), 2)
    right = np.where(same, left, (left + rng.integers(1, 30, 1200)) % 30)
    effect = rng.normal(size=30)
    scores = rng.normal(size=1200) * 0.3 + same * (1 + effect[left])
    over_people = measure_utility(scores, same, people=(left, right), seed=0, replicates=300)
    over_pairs = measure_utility(scores, same, seed=0, replicates=300)
    assert over_people.auc.value == over_pairs.auc.value
    width = over_people.auc.high - over_people.auc.low
    assert width > 1.8 * (over_pairs.auc.high - over_pairs.auc.low)


def test_too_few_people_refuse_the_figures_but_not_the_accuracy():
    scores = np.array([1.0, 0.9, 0.2, 0.1])
    same = np.array([True, True, False, False])
    people = (np.array([0, 0, 1, 3]), np.array([0, 0, 2, 4]))
    refused = measure_utility(scores, same, people=people, seed=0, replicates=400)
    assert isinstance(refused.eer, Refused)
    assert refused.accuracy.value == 1.0
    assert isinstance(refused.auc, Refused)
    assert "too few people" in refused.auc.reason


def test_same_seed_same_intervals():
    scores, same = sample(400, 400)
    one = measure_utility(scores, same, seed=4, replicates=50)
    assert one == measure_utility(scores, same, seed=4, replicates=50)
    assert one.auc != measure_utility(scores, same, seed=5, replicates=50).auc


def test_known_fold_accuracies_are_taken_as_they_are():
    scores, same = sample(50, 50)
    utility = measure_utility(scores, same, fold_accuracy=[0.8, 0.9], seed=0, replicates=20)
    assert utility.fold_accuracy == (0.8, 0.9)
    assert utility.accuracy.value == pytest.approx(0.85)
    assert utility.accuracy_standard_error == pytest.approx(0.05)


def test_no_replicates_are_refused():
    scores, same = sample(50, 50)
    with pytest.raises(UsageError, match="replicates: must be at least 1, got 0"):
        measure_utility(scores, same, seed=0, replicates=0)


def test_scores_that_are_not_numbers_are_refused():
    scores, same = sample(50, 50)
    scores[3] = np.nan
    with pytest.raises(UsageError, match="scores: 1 are not a number"):
        measure_utility(scores, same, seed=0)
