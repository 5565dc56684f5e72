"""Count, mean and variance of what shadows say of each candidate, trained on it or not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facebone.attacks.observations import Floats, Mask

LEAST_VARIANCE = 1e-12
"""Of answers in log odds: finer differences than their rounding in float32 mean nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Of the answers of one kind of shadow, those trained on a candidate or those that were not.

    Args:
        count: (n,) how many such shadows each candidate has.
        mean: (n,) of their answers, 0 where there is none.
        squares: (n,) sum of squared distances from the mean.
    """

    count: Floats
    mean: Floats
    squares: Floats

    @classmethod
    def of(cls, values: Floats, chosen: Mask) -> Moments:
        """Moments over the chosen of values (S, n), chosen by a mask (S, n)."""
        count = chosen.sum(axis=0).astype(np.float64)
        mean = np.where(chosen, values, 0.0).sum(axis=0) / np.maximum(count, 1.0)
        squares = np.where(chosen, (values - mean) ** 2, 0.0).sum(axis=0)
        return cls(count, mean, squares)

    @property
    def known(self) -> Mask:
        """Candidates that have such a shadow, (n,)."""
        found: Mask = self.count > 0
        return found

    @property
    def freedom(self) -> Floats:
        """Degrees of freedom of each variance, (n,)."""
        return np.maximum(self.count - 1.0, 0.0)

    def pooled(self) -> float | None:
        """The variance within candidates, over all of them; None if none has two shadows."""
        freedom = float(self.freedom.sum())
        return max(float(self.squares.sum()) / freedom, LEAST_VARIANCE) if freedom else None

    def scatter(self) -> float:
        """The variance of all answers, within and between candidates; 0 where there are none."""
        total = float(self.count.sum())
        if not total:
            return 0.0
        middle = float(self.count @ self.mean) / total
        return float(self.squares.sum() + self.count @ (self.mean - middle) ** 2) / total


def pooled_variances(inside: Moments, outside: Moments) -> tuple[float, float]:
    """The variance within candidates of each kind of shadow, over all candidates.

    Where no candidate has two shadows of a kind, the other kind's is taken. One shadow alone
    cannot tell noise from a difference between candidates: then half of its scatter is noise.
    """
    found = inside.pooled(), outside.pooled()
    guess = max((inside.scatter() + outside.scatter()) / 4, LEAST_VARIANCE)
    first, second = (kind if kind is not None else other for kind, other in (found, found[::-1]))
    return guess if first is None else first, guess if second is None else second


def filled_means(inside: Moments, outside: Moments) -> tuple[Floats, Floats]:
    """Means of answers in and out of training, (n,) each, for every candidate.

    A candidate that all shadows were trained on, or none, gets the mean it lacks from the other
    by the usual gap, the mean one of candidates that have both. If none has both, the gap is that
    between the kinds' own means; if one kind is missing altogether nothing is known, and it is 0.
    """
    both = inside.known & outside.known
    if both.any():
        gap = float((inside.mean - outside.mean)[both].mean())
    elif inside.known.any() and outside.known.any():
        gap = float(inside.mean[inside.known].mean() - outside.mean[outside.known].mean())
    else:
        gap = 0.0
    return (
        np.where(inside.known, inside.mean, outside.mean + gap),
        np.where(outside.known, outside.mean, inside.mean - gap),
    )


def shrunk_variances(moments: Moments, pooled: float) -> Floats:
    """Each candidate's variance, drawn towards the usual one as far as the data bid, (n,).

    The variances are taken to come from a scaled inverse chi-squared distribution with d
    degrees of freedom around s, so that ``(d s + squares) / (d + freedom)`` is each one's
    posterior. d and s follow from mean and variance of the logarithms: of a sample variance with f
    degrees of freedom, ``log - digamma(f / 2) + log(f / 2)`` has the mean ``log s - digamma(d / 2)
    + log(d / 2)`` and the variance ``trigamma(f / 2) + trigamma(d / 2)``. With few shadows chance
    explains all of that variance; d is then infinite, and all candidates share one.

    Args:
        moments: of one kind of shadow.
        pooled: their variance over all candidates, see `pooled_variances`.

    References:
        Smyth, "Linear Models and Empirical Bayes Methods for Assessing Differential Expression in
        Microarray Experiments", 2004.
    """
    from scipy.special import digamma, polygamma

    measured = moments.freedom > 0
    shared = np.full(len(measured), pooled)
    if measured.sum() < 2 or pooled <= LEAST_VARIANCE:
        return shared
    freedom = moments.freedom[measured]
    # A variance of 0, as where answers saturate, has no logarithm.
    variance = np.maximum(moments.squares[measured] / freedom, pooled * 1e-6)
    logs = np.log(variance) - digamma(freedom / 2) + np.log(freedom / 2)
    excess = float(logs.var(ddof=1) - polygamma(1, freedom / 2).mean())
    if excess <= 0:
        return shared
    half = _inverse_trigamma(excess)
    usual = float(np.exp(logs.mean() + digamma(half) - np.log(half)))
    found: Floats = (2 * half * usual + moments.squares) / (2 * half + moments.freedom)
    return np.maximum(found, LEAST_VARIANCE)


def _inverse_trigamma(value: float) -> float:
    """The x > 0 with trigamma(x) = value > 0, by bisection of its logarithm: it falls strictly."""
    from scipy.special import polygamma

    # trigamma(x) lies between 1 / x + 1 / (2 x^2) and 1 / x + 1 / x^2.
    low, high = np.log(0.5 / (1 + value)), np.log(2 / value + 2)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if polygamma(1, np.exp(middle)) > value else (low, middle)
    return float(np.exp(low))
