"""Curves and bands against slow oracles, and against what they must cover."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facebone.audit.report.bands import Sample, rate_band, supported_rates
from facebone.errors import UsageError
from facebone.verification.metrics import tar_at_far


def pairs(n: int) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(n), np.arange(n)


def drawn(seed: int, n: int = 400, shift: float = 0.8) -> Sample:
    rng = np.random.default_rng(seed)
    positive = np.arange(n) % 2 == 0
    left = rng.integers(0, 60, n)
    right = np.where(rng.random(n) < 0.5, left, rng.integers(0, 60, n))
    return Sample(rng.normal(size=n) + shift * positive, positive, (left, right))


def test_the_curve_is_the_true_rate_at_each_false_rate() -> None:
    """The oracle walks all thresholds by itself."""
    sample = drawn(1)
    fpr = np.array([0.005, 0.01, 0.1, 0.5, 1.0])
    found = rate_band([sample], fpr, seed=0, replicates=2)
    expected = []
    for rate in fpr:
        best = 0.0
        for threshold in np.unique(sample.scores):
            accepted = sample.scores >= threshold
            if accepted[~sample.positive].mean() <= rate:
                best = max(best, accepted[sample.positive].mean())
        expected.append(best)
    np.testing.assert_allclose(found.tpr, expected)


def test_the_curve_agrees_with_the_tables() -> None:
    """TPR at 1 % in a picture is that of `tar_at_far`, ties included."""
    rng = np.random.default_rng(2)
    positive = rng.random(900) < 0.5
    scores = np.round(rng.normal(size=900) + positive, 1)
    found = rate_band([Sample(scores, positive, pairs(900))], np.array([0.01, 0.2]), seed=0)
    assert found.tpr.tolist() == [tar_at_far(scores, positive, rate) for rate in (0.01, 0.2)]


def test_seeds_are_averaged() -> None:
    one, other = drawn(1), drawn(2, shift=2.0)
    fpr = np.array([0.05, 0.3])
    apart = [rate_band([sample], fpr, seed=0, replicates=2).tpr for sample in (one, other)]
    both = rate_band([one, other], fpr, seed=0, replicates=2).tpr
    np.testing.assert_allclose(both, np.mean(apart, axis=0))


def test_a_resample_counts_pairs_as_often_as_their_people_are_drawn() -> None:
    """Against whole samples written out pair by pair: the band of one resample is that sample."""
    sample = drawn(3, n=120)
    fpr = np.geomspace(0.02, 1, 9)
    from facebone.seeding import make_rng
    from facebone.verification.intervals import resample_pairs

    left, right = sample.units
    (weights,) = resample_pairs(
        left == right, people=(left, right), rng=make_rng(5, "report band"), replicates=1
    )
    times = weights[:, 0].astype(int)
    rows = np.repeat(np.arange(120), times)
    scores, positive = sample.scores[rows], sample.positive[rows]
    far = [tar_at_far(scores, positive, rate) if rate < 1 else 1.0 for rate in fpr]
    found = rate_band([sample], fpr, seed=5, replicates=1)
    # With one resample both edges of the band are it, unless the curve itself lies beyond.
    np.testing.assert_allclose(found.low, np.minimum(far, found.tpr))
    np.testing.assert_allclose(found.high, np.maximum(far, found.tpr))


def test_the_band_covers_the_truth_about_as_often_as_it_says() -> None:
    """Scores of normal distributions: the true TPR at 10 % FPR is known."""
    from scipy.stats import norm

    truth = 1 - norm.cdf(norm.ppf(0.9) - 0.8)
    inside = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        positive = np.arange(1000) % 2 == 0
        sample = Sample(rng.normal(size=1000) + 0.8 * positive, positive, pairs(1000))
        band = rate_band([sample], np.array([0.1]), seed=seed, replicates=100)
        inside += bool(band.low[0] <= truth <= band.high[0])
    assert 50 <= inside <= 60  # 57 expected; 49 or fewer has a chance below 1 in 1,000


def test_people_who_recur_widen_the_band() -> None:
    """Ten people in 400 pairs: resampling them moves whole blocks of scores."""
    rng = np.random.default_rng(4)
    person = np.arange(400) % 10
    positive = person % 2 == 0
    scores = rng.normal(size=10)[person] + 0.1 * rng.normal(size=400)
    fpr = np.array([0.2])
    few = rate_band([Sample(scores, positive, (person, person))], fpr, seed=0)
    many = rate_band([Sample(scores, positive, pairs(400))], fpr, seed=0)
    assert few.high[0] - few.low[0] > 3 * (many.high[0] - many.low[0])


@given(st.integers(0, 2**16), st.integers(4, 60))
@settings(max_examples=25, deadline=None)
def test_a_band_holds_its_rising_curve(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    positive = np.arange(n) % 2 == 0
    sample = Sample(rng.integers(0, 5, n).astype(float), positive, pairs(n))
    fpr = supported_rates([sample], points=20)
    band = rate_band([sample], fpr, seed=0, replicates=10)
    assert fpr[0] == pytest.approx(1 / (n // 2))
    assert fpr[-1] == 1
    assert (band.low <= band.tpr).all()
    assert (band.tpr <= band.high).all()
    assert (np.diff(band.tpr) >= 0).all()
    assert band.tpr[-1] == 1


def test_the_same_seed_gives_the_same_band() -> None:
    fpr = np.array([0.1, 0.2])
    first, again, other = (rate_band([drawn(1)], fpr, seed=s) for s in (0, 0, 1))
    assert first.low.tolist() == again.low.tolist()
    assert first.low.tolist() != other.low.tolist()


def test_no_seeds_are_refused() -> None:
    with pytest.raises(UsageError, match="at least one seed, got none"):
        supported_rates([])
    with pytest.raises(UsageError, match="got 0 and 200"):
        rate_band([], np.array([0.1]), seed=0)


def test_no_resamples_are_refused() -> None:
    with pytest.raises(UsageError, match="got 1 and 0"):
        rate_band([drawn(0)], np.array([0.1]), seed=0, replicates=0)


def test_one_class_is_refused() -> None:
    with pytest.raises(UsageError, match="got 4 and 0"):
        Sample(np.zeros(4), np.ones(4, dtype=bool), pairs(4))


def test_units_of_another_length_are_refused() -> None:
    with pytest.raises(UsageError, match=r"two columns of \(4,\), got \(3,\)"):
        Sample(np.zeros(4), np.array([True, False, True, False]), (np.arange(4), np.arange(3)))
