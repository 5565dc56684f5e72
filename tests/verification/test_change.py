"""What training changed: a naive loop, planted gains, and intervals that hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from facebone.verification.calibration import best_accuracy_threshold
from facebone.verification.change import change_interval, measure_change
from facebone.verification.estimates import Estimate, Figure, Refused
from facebone.verification.folds import decide, draw_folds, fold_accuracies

Scored = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def world(
    rng: np.random.Generator, *, people: int = 80, gain: float = 0.0, probes: int = 3
) -> Scored:
    """Two verifiers who find some people harder than others: before, after, same, left, right."""
    matched = np.repeat(np.arange(people), probes * (probes - 1) // 2)
    n = len(matched)
    left = rng.integers(0, people, n)
    right = (left + rng.integers(1, people, n)) % people
    same = np.arange(2 * n) < n
    left, right = np.concatenate([matched, left]), np.concatenate([matched, right])
    easy, learnt = 0.5 * rng.normal(size=(2, people))
    sign = np.where(same, 1.0, -1.0)
    before = sign * 1.1 + rng.normal(size=2 * n) + (easy[left] + easy[right]) / 2
    after = before + sign * gain + (learnt[left] + learnt[right]) / 2
    return before, after + 0.3 * rng.normal(size=2 * n), same, left, right


def known(figure: Figure) -> Estimate:
    assert isinstance(figure, Estimate)
    return figure


def test_figures_are_those_of_a_naive_loop() -> None:
    before, after, same, left, right = world(np.random.default_rng(0), people=40)
    gain = measure_change(before, after, same, people=(left, right), seed=5, replicates=50)
    fold = draw_folds(same, seed=5)
    found = []
    for scores in (before, after):
        right_ones = {True: 0, False: 0}
        for i in range(len(same)):
            others = [j for j in range(len(same)) if fold[j] != fold[i]]
            threshold = best_accuracy_threshold(scores[others], same[others])
            right_ones[bool(same[i])] += bool((scores[i] >= threshold) == same[i])
        found.append(right_ones[True] / same.sum() / 2 + right_ones[False] / (~same).sum() / 2)
    assert known(gain.before).value == pytest.approx(found[0], abs=1e-12)
    assert known(gain.after).value == pytest.approx(found[1], abs=1e-12)
    assert known(gain.change).value == pytest.approx(found[1] - found[0], abs=1e-12)
    assert gain.pairs == len(same)
    # Where folds are equally large it is the mean of their accuracies.
    mean = np.mean(fold_accuracies(before, same, fold))
    assert known(gain.before).value == pytest.approx(mean, abs=1e-12)


def test_no_pair_is_decided_at_a_threshold_that_it_helped_to_set() -> None:
    rng = np.random.default_rng(1)
    same = np.arange(200) % 2 == 0
    scores = np.where(same, 1.0, -1.0) + rng.normal(size=200)
    fold = draw_folds(same, seed=0)
    said = decide(scores, same, fold)
    turned = np.where(fold == 3, -scores, scores)
    again = decide(turned, same, fold)
    limit = best_accuracy_threshold(scores[fold != 3], same[fold != 3])
    np.testing.assert_array_equal(again[fold == 3], turned[fold == 3] >= limit)
    assert (said[fold == 3] != again[fold == 3]).mean() > 0.5


def test_a_planted_gain_is_told_from_zero_and_its_sign_is_that_of_the_better() -> None:
    before, after, same, left, right = world(np.random.default_rng(2), people=150, gain=1.0)
    better = measure_change(before, after, same, people=(left, right), seed=0)
    worse = measure_change(after, before, same, people=(left, right), seed=0)
    assert known(better.change).low > 0.02
    assert known(worse.change).high < -0.02
    assert known(worse.change).value == pytest.approx(-known(better.change).value)
    assert (better.before, better.after) == (worse.after, worse.before)
    assert known(better.change).low < known(better.after).value - known(better.before).value
    # The same pairs are compared: the change is surer than two figures set side by side.
    reach = known(better.after).high - known(better.before).low
    assert known(better.change).high < reach


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Where folds share people, Student's t over folds holds it in three of four worlds."""
    huge = world(np.random.default_rng(99), people=60_000, gain=0.1, probes=2)
    truth = [
        float(np.mean((scores >= best_accuracy_threshold(scores, huge[2])) == huge[2]))
        for scores in huge[:2]
    ]
    rng, held, too_wide = np.random.default_rng(3), [], 0
    for seed in range(60):
        before, after, same, left, right = world(rng, gain=0.1)
        gain = measure_change(before, after, same, people=(left, right), seed=seed, replicates=200)
        wanted = (truth[0], truth[1], truth[1] - truth[0])
        figures = map(known, (gain.before, gain.after, gain.change))
        held.append(
            [one.low <= value <= one.high for one, value in zip(figures, wanted, strict=True)]
        )
        too_wide += known(gain.change).low <= -0.1
    # With 0.95 each, fewer than 52 of 60 happen once in 200 times.
    assert (np.sum(held, axis=0) >= 52).all()
    assert too_wide < 6  # and they say something


def test_the_same_answers_change_nothing_but_prove_no_equality() -> None:
    before, _, same, left, right = world(np.random.default_rng(4), people=60)
    gain = measure_change(before, before * 3 + 1, same, people=(left, right), seed=0, replicates=50)
    change = known(gain.change)
    assert change.value == 0
    assert change.low == -change.high
    assert 0.001 < change.high < 0.05
    perfect = np.where(same, 1.0, -1.0)
    sure = measure_change(perfect, perfect, same, people=(left, right), seed=0, replicates=50)
    assert known(sure.after).value == 1
    assert known(sure.after).low < 1


def test_equal_decisions_prove_no_equality() -> None:
    found = known(change_interval(0.0, np.zeros(100), np.zeros(200)))
    assert found.value == 0
    assert found.low == -found.high < 0
    # The largest rate at which 200 trials still have no success in 2.5 % of all cases.
    assert binom.pmf(0, 200, found.high) == pytest.approx(0.025)
    told = np.where(np.arange(200) < 20, 1.0, 0.0)
    assert known(change_interval(0.1, np.linspace(0, 0.2, 201), told)).low == pytest.approx(0.005)
    assert isinstance(change_interval(0.1, np.full(9, np.nan), told), Refused)


def test_what_is_hard_for_both_does_not_widen_the_change() -> None:
    rng = np.random.default_rng(0)
    same = np.arange(2000) % 2 == 0
    scores = same + rng.normal(size=2000)
    better = scores + 0.3 * same
    people = (np.arange(2000), np.where(same, np.arange(2000), 2000 + np.arange(2000)))
    found = measure_change(scores, better, same, people=people, seed=0)
    change = known(found.change)
    assert change.low > 0
    apart = known(found.after), known(found.before)
    assert change.high - change.low < 0.8 * sum(one.high - one.low for one in apart)
    assert found.pairs == 2000
    assert set(found.to_json()) == {"before", "after", "change", "pairs"}
    assert str(found).startswith(f"accuracy {found.after} adapted, {found.before} unadapted")
    assert f"(change +{change.value:.4f} [+" in str(found)
