"""Folds: how they are drawn, and the rule of View 2 against a search over every threshold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facebone.errors import UsageError
from facebone.verification.folds import check_folds, draw_folds, fold_accuracies


@given(st.integers(2, 60), st.integers(2, 60), st.integers(0, 5))
def test_drawn_folds_share_both_classes_evenly(matched, mismatched, seed):
    same = np.random.default_rng(seed).permutation(np.arange(matched + mismatched) < matched)
    fold = draw_folds(same, seed=seed)
    count = min(10, matched, mismatched)
    for label in (True, False):
        sizes = np.bincount(fold[same == label], minlength=count)
        assert len(sizes) == count
        assert sizes.max() - sizes.min() <= 1
    assert check_folds(fold, same).tolist() == list(range(count))


def test_draw_depends_on_the_seed_alone():
    same = np.arange(100) % 2 == 0
    np.testing.assert_array_equal(draw_folds(same, seed=1), draw_folds(same, seed=1))
    assert (draw_folds(same, seed=1) != draw_folds(same, seed=2)).any()


def test_accuracy_of_each_fold_at_the_best_threshold_of_the_others():
    rng = np.random.default_rng(2)
    same = np.arange(240) % 2 == 0
    fold = np.arange(240) // 24
    scores = np.round(rng.normal(size=240) + 1.5 * same, 1)
    found = fold_accuracies(scores, same, fold)
    assert len(found) == 10
    for number, value in enumerate(found):
        inside = fold == number
        best, allowed = -1.0, set()
        for threshold in np.arange(-6, 6, 0.05):
            rate = np.mean((scores[~inside] >= threshold) == same[~inside])
            here = float(np.mean((scores[inside] >= threshold) == same[inside]))
            if rate > best + 1e-12:
                best, allowed = rate, {here}
            elif rate > best - 1e-12:
                allowed.add(here)
        assert value in allowed


def test_nothing_of_a_fold_is_used_for_its_threshold():
    """The threshold of fold 0 is 1.5 whatever fold 0 holds: all of it is decided wrongly."""
    scores = np.array([5.0, 9.0, 2.0, 1.0, 2.0, 1.0])
    same = np.array([False, False, True, False, True, False])
    fold = np.array([0, 0, 1, 1, 2, 2])
    assert fold_accuracies(scores, same, fold)[0] == 0.0


@pytest.mark.parametrize(
    ("fold", "message"),
    [
        ([0, 1, 0], r"folds: needs one a pair, \(4,\), got \(3,\)"),
        ([3, 3, 3, 3], "folds: needs at least two, got 1"),
        ([0, 1, 1, 0], "outside fold 0 there are only mismatched pairs; give every fold"),
        ([1, 0, 0, 1], "outside fold 0 there are only matched pairs"),
    ],
)
def test_folds_that_measure_nothing_are_refused(fold, message):
    same = np.array([True, False, False, True])
    with pytest.raises(UsageError, match=message):
        check_folds(np.array(fold), same)


def test_one_pair_of_a_class_makes_no_folds():
    with pytest.raises(UsageError, match="two matched and two mismatched pairs, got 1 and 3"):
        draw_folds(np.array([True, False, False, False]), seed=0)
