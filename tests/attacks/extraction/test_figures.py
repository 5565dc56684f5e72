"""Figures of copies, beside naive counts."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import spearmanr

from facebone.attacks.extraction.figures import (
    Verifier,
    _auc,
    _balanced,
    _share,
    _spearman,
    measure_copy,
)
from facebone.errors import UsageError
from facebone.verification.estimates import Refused
from facebone.verification.metrics import auc


def scored(seed=0, n=300, copy_noise=0.3, baseline_noise=2.0):
    rng = np.random.default_rng(seed)
    same = np.arange(n) % 2 == 0
    victim = np.where(same, 1.0, -1.0) + rng.normal(size=n)
    people = np.arange(n) // 3, np.where(same, np.arange(n) // 3, (np.arange(n) * 7 + 1) % 100)
    verifiers = (
        Verifier(victim + copy_noise * rng.normal(size=n), 0.4),
        Verifier(victim, 0.5),
        Verifier(victim + baseline_noise * rng.normal(size=n), 0.6),
    )
    return verifiers, same, people


def measured(verifiers, same, people, seed=0):
    return measure_copy(*verifiers, same=same, people=people, seed=seed, replicates=200)


def test_values_are_those_of_naive_counts():
    (copy, victim, baseline), same, people = scored()
    found = measured((copy, victim, baseline), same, people)
    alike = {True: [], False: []}
    right = {True: [], False: []}
    for one, other, truth in zip(copy.scores, victim.scores, same, strict=True):
        alike[other >= 0.5].append((one >= 0.4) == (other >= 0.5))
        right[bool(truth)].append((one >= 0.4) == truth)
    assert found.agreement.value == pytest.approx(np.mean(alike[True] + alike[False]))
    halves = np.mean(alike[True]), np.mean(alike[False])
    assert found.balanced_agreement.value == pytest.approx(np.mean(halves))
    halves = np.mean(right[True]), np.mean(right[False])
    assert found.accuracy.value == pytest.approx(np.mean(halves))
    assert found.rank_correlation.value == pytest.approx(
        spearmanr(copy.scores, victim.scores).statistic
    )
    yes = victim.scores >= 0.5
    assert found.foretold.value == pytest.approx(auc(copy.scores, yes))
    assert found.gain.value == pytest.approx(auc(copy.scores, yes) - auc(baseline.scores, yes))
    assert found.learnt
    for figure in (found.agreement, found.accuracy, found.rank_correlation, found.gain):
        assert figure.low < figure.value < figure.high


@pytest.mark.parametrize("ties", [False, True])
def test_weighted_figures_are_those_of_pairs_written_out(ties):
    """A pair that counts w times is one that stands there w times."""
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(2, 40))
    if ties:
        first, second = first.round(), second.round()
    kind = second > 0.2
    right = first * second > 0
    weights = rng.integers(0, 4, size=(40, 6)).astype(np.float64)
    for column in range(6):
        rows = np.repeat(np.arange(40), weights[:, column].astype(int))
        expected = {
            _share(right): right[rows].mean(),
            _balanced(right, kind): np.mean(
                [right[rows][kind[rows]].mean(), right[rows][~kind[rows]].mean()]
            ),
            _auc(first, kind): auc(first[rows], kind[rows]),
            _spearman(first, second): spearmanr(first[rows], second[rows]).statistic,
        }
        for weigh, value in expected.items():
            assert weigh(weights)[column] == pytest.approx(value)


def test_a_perfect_copy_agrees_and_is_not_certain():
    (_, victim, baseline), same, people = scored()
    found = measured((victim, victim, baseline), same, people)
    for figure in (found.agreement, found.balanced_agreement, found.foretold):
        assert (figure.value, figure.high) == (1.0, 1.0)
        assert figure.low < 1
    assert found.rank_correlation.value == pytest.approx(1.0)


def test_a_copy_that_is_the_baseline_has_gained_nothing():
    (_, victim, baseline), same, people = scored()
    found = measured((baseline, victim, baseline), same, people)
    assert (found.gain.value, found.gain.low, found.gain.high) == (0, 0, 0)
    assert not found.learnt


def test_saying_no_to_everything_agrees_often_and_balanced_never():
    (_, victim, baseline), same, people = scored()
    strict = Verifier(victim.scores, 2.5)
    never = Verifier(victim.scores, np.inf)
    found = measured((never, strict, baseline), same, people)
    assert found.agreement.value > 0.9
    assert found.balanced_agreement.value == 0.5


def test_a_victim_that_always_decides_alike_is_refused():
    (copy, victim, baseline), same, people = scored()
    found = measured((copy, Verifier(victim.scores, np.inf), baseline), same, people)
    for figure in (found.balanced_agreement, found.foretold, found.gain):
        assert isinstance(figure, Refused)
        assert "decides all pairs alike" in figure.reason
    assert not found.learnt
    constant = Verifier(np.zeros(300), 0.0)
    found = measured((constant, victim, baseline), same, people)
    assert isinstance(found.rank_correlation, Refused)
    assert found.foretold.value == 0.5


def test_figures_do_not_depend_on_the_unit_of_scores():
    (copy, victim, baseline), same, people = scored()
    stretched = [
        Verifier(3 * verifier.scores - 2, 3 * verifier.threshold - 2)
        for verifier in (copy, victim, baseline)
    ]
    assert measured(stretched, same, people) == measured((copy, victim, baseline), same, people)


def test_same_seed_same_intervals():
    verifiers, same, people = scored()
    first, second, other = (measured(verifiers, same, people, seed=seed) for seed in (1, 1, 2))
    assert first == second
    assert first.agreement.low != other.agreement.low or first.gain.low != other.gain.low
    assert first.agreement.value == other.agreement.value


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """Of copies that err in one pair of ten, whatever the pair."""
    hits = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        victim = np.where(rng.random(200) < 0.5, 1.0, -1.0)
        copy = np.where(rng.random(200) < 0.1, -victim, victim)
        same = np.arange(200) % 2 == 0
        one = Verifier(copy, 0.0), Verifier(victim, 0.0), Verifier(victim, 0.0)
        agreement = measured(one, same, None, seed=seed).agreement
        hits += agreement.low <= 0.9 <= agreement.high
    # 95 % of 60 are 57; fewer than 51 would be seen once in a thousand times.
    assert hits >= 51


def test_scores_that_are_not_numbers_or_do_not_fit_are_refused():
    (copy, victim, baseline), same, people = scored()
    for bad in (np.full(300, np.nan), np.zeros(299)):
        with pytest.raises(UsageError, match="scores"):
            measured((Verifier(bad, 0.0), victim, baseline), same, people)
    with pytest.raises(UsageError, match="replicates"):
        measure_copy(copy, victim, baseline, same=same, people=people, seed=0, replicates=0)


def test_json_holds_every_figure():
    verifiers, same, people = scored()
    found = measured(verifiers, same, people).to_json()
    names = ("agreement", "balanced_agreement", "accuracy", "foretold", "gain")
    assert all(found[name].keys() == {"value", "low", "high"} for name in names)
    for (_, figure), key in product(found.items(), ("value", "low", "high")):
        assert isinstance(figure[key], float)
