"""Metrics against loops over all pairs and thresholds, scikit-learn, and what must hold always."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from facebone.errors import UsageError
from facebone.verification.metrics import (
    accuracy,
    auc,
    det_curve,
    eer,
    mismatched_needed,
    roc_curve,
    tar_at_far,
)


@st.composite
def scored(draw):
    """Few distinct values, so that ties are common; both classes."""
    n = draw(st.integers(2, 40))
    scores = draw(arrays(np.float64, n, elements=st.integers(-4, 4).map(float)))
    same = draw(arrays(np.bool_, n))
    same[0], same[1] = True, False
    return scores, same


def points(scores, same):
    """Exact (far, tar) at every threshold by counting, from accepting none to accepting all."""
    matched, mismatched = int(same.sum()), int((~same).sum())
    found = [(Fraction(0), Fraction(0))]
    for threshold in sorted(set(scores.tolist()), reverse=True):
        accepted = wrongly = 0
        for score, truth in zip(scores, same, strict=True):
            if score >= threshold:
                accepted += bool(truth)
                wrongly += not truth
        found.append((Fraction(wrongly, mismatched), Fraction(accepted, matched)))
    return found


def naive_auc(scores, same):
    wins = Fraction(0)
    for a in scores[same]:
        for b in scores[~same]:
            wins += 1 if a > b else Fraction(1, 2) if a == b else 0
    return wins / (int(same.sum()) * int((~same).sum()))


def naive_eer(scores, same):
    """Walk along the segments between operating points until false accepts catch up."""
    found = points(scores, same)
    for (far0, tar0), (far1, tar1) in pairwise(found):
        before, after = far0 - (1 - tar0), far1 - (1 - tar1)
        if before < 0 <= after:
            return far0 + (far1 - far0) * (-before / (after - before))
    raise AssertionError("the rates never meet")


@given(scored())
def test_auc_counts_wins_and_half_of_ties(data):
    assert auc(*data) == pytest.approx(float(naive_auc(*data)), abs=1e-15)


@given(scored())
def test_curve_is_the_counts_at_every_threshold(data):
    curve = roc_curve(*data)
    assert curve.far.tolist() == [float(far) for far, _ in points(*data)]
    assert curve.tar.tolist() == [float(tar) for _, tar in points(*data)]
    assert curve.thresholds.tolist() == [np.inf, *sorted(set(data[0].tolist()), reverse=True)]


@given(scored())
def test_eer_is_where_the_rates_meet(data):
    assert eer(*data) == pytest.approx(float(naive_eer(*data)), abs=1e-12)


@given(scored(), st.sampled_from([0.01, 0.1, 0.25, 1 / 3, 0.5, 0.9]))
def test_tar_at_far_is_the_best_allowed_threshold(data, limit):
    best = max(tar for far, tar in points(*data) if float(far) <= limit)
    assert tar_at_far(*data, limit) == float(best)


@pytest.mark.parametrize("ties", [False, True])
def test_agrees_with_scikit_learn(ties):
    from sklearn import metrics

    rng = np.random.default_rng(3)
    same = rng.random(700) < 0.4
    scores = rng.normal(size=700) + same
    if ties:
        scores = np.round(scores, 1)
    far, tar, thresholds = metrics.roc_curve(same, scores, drop_intermediate=False)
    curve = roc_curve(scores, same)
    np.testing.assert_allclose(curve.far, far, atol=1e-15)
    np.testing.assert_allclose(curve.tar, tar, atol=1e-15)
    np.testing.assert_array_equal(curve.thresholds, thresholds)
    assert auc(scores, same) == pytest.approx(metrics.roc_auc_score(same, scores), abs=1e-13)
    their_far, their_frr, their_thresholds = metrics.det_curve(same, scores)
    far, frr, thresholds = det_curve(scores, same)
    for row in zip(their_far, their_frr, their_thresholds, strict=True):
        place = np.flatnonzero(thresholds == row[2])[0]
        assert (far[place], frr[place]) == pytest.approx(row[:2], abs=1e-12)
    threshold = float(np.median(scores))
    assert accuracy(scores, same, threshold) == metrics.accuracy_score(same, scores >= threshold)


@given(scored(), st.randoms(use_true_random=False))
def test_order_of_rows_does_not_count(data, random):
    scores, same = data
    rows = list(range(len(scores)))
    random.shuffle(rows)
    for metric in (auc, eer, lambda s, y: tar_at_far(s, y, 0.2)):
        assert metric(scores[rows], same[rows]) == metric(scores, same)


@given(scored())
def test_only_the_order_of_scores_counts(data):
    scores, same = data
    for metric in (auc, eer, lambda s, y: tar_at_far(s, y, 0.2)):
        assert metric(np.exp(scores) * 7 - 2, same) == metric(scores, same)


@given(scored())
def test_swapped_labels_and_swapped_scores_mirror_the_auc_exactly(data):
    scores, same = data
    assert auc(scores, ~same) == 1 - auc(scores, same)
    assert auc(-scores, same) == 1 - auc(scores, same)
    assert auc(-scores, ~same) == auc(scores, same)


@given(scored())
def test_eer_does_not_care_which_class_is_called_matched(data):
    scores, same = data
    assert eer(-scores, ~same) == pytest.approx(eer(scores, same), abs=1e-12)


def test_known_values():
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    same = np.array([True, True, False, True, False, False])
    assert auc(scores, same) == pytest.approx(8 / 9)
    assert eer(scores, same) == pytest.approx(1 / 3)
    assert tar_at_far(scores, same, 0.3) == pytest.approx(2 / 3)
    assert tar_at_far(scores, same, 0.34) == 1.0
    assert auc(np.zeros(6), same) == 0.5
    assert eer(np.zeros(6), same) == 0.5


def test_infinite_scores_are_ordered():
    same = np.array([True, True, False, False])
    assert auc(np.array([np.inf, 1.0, 0.0, -np.inf]), same) == 1.0
    assert eer(np.array([np.inf, 1.0, 0.0, -np.inf]), same) == 0.0


@pytest.mark.parametrize(
    ("scores", "same", "message"),
    [
        ([0.1, np.nan], [True, False], "1 are not a number"),
        ([0.1, 0.2], [True, True], "needs matched and mismatched pairs, got 2 and 0"),
        ([], [], "bool labels|needs matched"),
        ([0.1, 0.2, 0.3], [True, False], "equally long"),
        ([[0.1, 0.2]], [[True, False]], "1-d"),
        ([0.1, 0.2], [1, 0], "bool labels"),
    ],
)
def test_bad_scores_are_refused(scores, same, message):
    for metric in (roc_curve, auc, eer):
        with pytest.raises(UsageError, match=message):
            metric(np.array(scores, dtype=float), np.array(same))


def test_accuracy_refuses_nothing_and_misfits():
    with pytest.raises(UsageError, match="not empty"):
        accuracy(np.array([]), np.array([], dtype=bool), 0.0)
    with pytest.raises(UsageError, match="as long as the labels"):
        accuracy(np.zeros(3), np.zeros(2, dtype=bool), 0.0)


@pytest.mark.parametrize("far", [0.0, 1.0, -0.1, float("nan")])
def test_far_must_be_a_rate(far):
    with pytest.raises(UsageError, match="far: must be more than 0 and less than 1"):
        tar_at_far(np.array([0.0, 1.0]), np.array([False, True]), far)


def test_rule_of_three():
    assert [mismatched_needed(far) for far in (0.1, 0.01, 0.003, 0.001)] == [30, 300, 1000, 3000]
    assert mismatched_needed(0.4) == 8
    # Where it comes from: with that many pairs, seeing no false accept is a 5 % event at most.
    for far in (0.1, 0.01, 0.001):
        assert (1 - far) ** mismatched_needed(far) <= 0.05
