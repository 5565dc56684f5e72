"""95 % intervals: exact for rates, Student's t over folds, bootstrap over people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, stdtrit

from facebone.errors import UsageError
from facebone.verification.estimates import Estimate, Figure, Refused
from facebone.verification.metrics import Floats, Labels

F = TypeVar("F", Estimate, Figure)

CONFIDENCE = 0.95
People = tuple[npt.NDArray[np.generic], npt.NDArray[np.generic]]
"""Who is left and who is right in each of n pairs: two (n,) columns of names or numbers."""

BLOCK_VALUES = 1_000_000
"""Weights drawn at a time: a block of them takes 8 MB, and the bootstrap a few such blocks."""


def clopper_pearson(successes: int, trials: int, *, confidence: float = CONFIDENCE) -> Estimate:
    """The exact interval of a rate.

    Args:
        successes: 0 .. `trials`.
        trials: at least 1, independent.
        confidence: probability that the interval covers the true rate, at least.

    Raises:
        UsageError: impossible counts.

    References:
        C. J. Clopper, E. S. Pearson: The use of confidence or fiducial limits illustrated in the
        case of the binomial. Biometrika, 1934.
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise UsageError(f"{successes} of {trials} is no rate", where="successes")
    tail = (1 - confidence) / 2
    low = betaincinv(successes, trials - successes + 1, tail) if successes else 0.0
    high = betaincinv(successes + 1, trials - successes, 1 - tail) if successes < trials else 1.0
    return Estimate(successes / trials, float(low), float(high))


def t_interval(
    values: Sequence[float],
    *,
    confidence: float = CONFIDENCE,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Estimate:
    """Mean of k folds, plus and minus Student's t with k - 1 degrees of freedom times its error.

    Args:
        values: one figure a fold, k at least 2.
        confidence: probability that the interval covers the true mean, if folds are independent.
        bounds: what the figure cannot leave; the interval is cut there.

    Raises:
        UsageError: fewer than two values.
    """
    if len(values) < 2:
        raise UsageError(f"needs at least two folds, got {len(values)}", where="values")
    mean = float(np.mean(values))
    reach = float(stdtrit(len(values) - 1, 0.5 + confidence / 2)) * standard_error(values)
    return Estimate(mean, max(bounds[0], mean - reach), min(bounds[1], mean + reach))


def standard_error(values: Sequence[float]) -> float:
    """Of the mean: the sample deviation (with k - 1) over the square root of k."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def hull(value: float, *intervals: tuple[float, float]) -> Estimate:
    """The smallest interval around `value` and all `intervals`."""
    lows, highs = zip(*intervals, strict=True)
    return Estimate(value, min(value, *lows), max(value, *highs))


def percentile_interval(
    value: float, replicates: Floats, *, confidence: float = CONFIDENCE
) -> Figure:
    """The bootstrap's percentile interval, extended to hold `value` where it does not.

    Args:
        value: the figure on the whole sample.
        replicates: (B,) the figure on resamples; NaN where a resample lost a whole class.
        confidence: share of the replicates inside.

    Returns:
        The interval; refused where most resamples have no figure, since there are too few people.
    """
    known = replicates[~np.isnan(replicates)]
    if 2 * len(known) < len(replicates) or not len(known):
        return Refused(
            f"only {len(known)} of {len(replicates)} resamples hold matched and mismatched pairs: "
            "too few people or pairs, about ten of each are needed"
        )
    tail = 100 * (1 - confidence) / 2
    low, high = np.percentile(known, [tail, 100 - tail])
    return hull(value, (float(low), float(high)))


def never_certain(figure: F, trials: int) -> F | Estimate:
    """An interval without width becomes the exact one of `trials` independent trials.

    For an AUC this holds strictly: as many pairs as the rarer class has can be paired off with
    ones of the other, and each comparison is then an independent trial whose chance of success is
    the AUC.
    """
    if isinstance(figure, Refused) or figure.low < figure.high:
        return figure
    exact = clopper_pearson(round(figure.value * trials), trials)
    return hull(figure.value, (exact.low, exact.high))


def bootstrap(
    scores: npt.NDArray[np.floating],
    same: Labels,
    *,
    people: People | None,
    fars: Sequence[float],
    rng: np.random.Generator,
    replicates: int = 1000,
    one_person: Labels | None = None,
) -> tuple[Floats, Floats, Floats]:
    """AUC, EER and TAR at FAR on resamples of people, see `resample_pairs`.

    The threshold of each rate is found anew in each resample.

    Args:
        scores: (n,).
        same: (n,) bool, the two classes that scores should tell apart.
        people: who the pairs show, or None.
        fars: f false accept rates.
        rng: draws the resamples.
        replicates: number B of resamples.
        one_person: (n,) bool, which pairs show one person, where `same` says something else.

    Returns:
        AUC (B,), EER (B,) and TAR (f, B); NaN where a resample holds one class only.
    """
    order = np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")
    ranked, truth = np.asarray(scores, dtype=np.float64)[order], same[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    blocks = resample_pairs(
        same if one_person is None else one_person, people=people, rng=rng, replicates=replicates
    )
    found = [
        _weighted(np.ascontiguousarray(weights[order].T), truth, ends, fars) for weights in blocks
    ]
    stacked = np.concatenate([np.empty((2 + len(fars), 0)), *found], axis=1)
    return stacked[0], stacked[1], stacked[2:]


def resample_pairs(
    one_person: Labels,
    *,
    people: People | None,
    rng: np.random.Generator,
    replicates: int,
) -> Iterator[Floats]:
    """How often each pair counts in resamples of people.

    A resample draws as many people as there are, with replacement; who is drawn w times counts w
    times. A matched pair of person p then counts w_p times, a mismatched pair of p and q
    w_p * w_q times: how often that pair occurs among the drawn people. Pairs that share a person
    thus rise and fall together, as they would in another sample of people. Where pairs share few
    people, the products vary more than a resample of pairs would: intervals err on the wide side
    (A. B. Owen: The pigeonhole bootstrap. Annals of Applied Statistics, 2007). Without `people`
    pairs are resampled.

    Args:
        one_person: (n,) bool, which pairs show one person.
        people: who the pairs show, or None.
        rng: draws the resamples.
        replicates: number B of resamples.

    Yields:
        Blocks (n, b) of whole numbers, a column a resample, B columns in all.

    Raises:
        UsageError: columns of `people` of another length.
    """
    n = len(one_person)
    left, right, count = _units(people, n)
    two = np.flatnonzero(~one_person)
    step = max(1, BLOCK_VALUES // max(n, count, 1))
    for first in range(0, replicates, step):
        columns = min(step, replicates - first)
        drawn = rng.integers(0, count, size=(columns, count))
        # One histogram for all: resample r counts in its own range of bins.
        drawn += np.arange(columns)[:, None] * count
        weight = np.bincount(drawn.ravel(), minlength=columns * count).reshape(columns, count)
        # A row a person: what follows then moves whole rows, much quicker than single numbers.
        by_person = np.ascontiguousarray(weight.T, dtype=np.float64)
        pairs = by_person[left]
        if people is not None:
            pairs[two] *= by_person[right[two]]
        yield pairs


def _units(
    people: People | None, pairs: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], int]:
    """What is resampled, by number, left and right of each pair, and how many."""
    if people is None:
        itself = np.arange(pairs)
        return itself, itself, pairs
    for column in people:
        if np.shape(column) != (pairs,):
            raise UsageError(
                f"needs two columns of {pairs}, got {np.shape(column)}", where="people"
            )
    names, numbers = np.unique(np.concatenate(people), return_inverse=True)
    return numbers[:pairs], numbers[pairs:], len(names)


def _weighted(
    weights: Floats, truth: Labels, ends: npt.NDArray[np.intp], fars: Sequence[float]
) -> Floats:
    """AUC, EER and TARs of (B, n) integer weights on pairs sorted by falling score, (2 + f, B)."""
    accepted = np.cumsum(weights * truth, axis=1)[:, ends]
    wrongly = np.cumsum(weights * ~truth, axis=1)[:, ends]
    matched, mismatched = accepted[:, -1:], wrongly[:, -1:]
    empty = (matched[:, 0] == 0) | (mismatched[:, 0] == 0)
    start = np.zeros((len(weights), 1))
    # A resample of one class gets a rate of zero here, and NaN at the end.
    tar = np.hstack([start, accepted / np.maximum(matched, 1)])
    far = np.hstack([start, wrongly / np.maximum(mismatched, 1)])
    # Trapezia: half a win for each tie.
    area = np.sum((far[:, 1:] - far[:, :-1]) * (tar[:, 1:] + tar[:, :-1]), axis=1) / 2
    gap = far + tar - 1.0
    rows = np.arange(len(weights))
    after = np.maximum(np.argmax(gap >= 0, axis=1), 1)
    before = after - 1
    rise = gap[rows, after] - gap[rows, before]
    share = -gap[rows, before] / np.where(rise > 0, rise, 1.0)
    equal = far[rows, before] + share * (far[rows, after] - far[rows, before])
    found = [area, equal]
    for limit in fars:
        last = np.sum(far <= limit, axis=1) - 1
        found.append(tar[rows, last])
    result = np.stack(found)
    result[:, empty] = np.nan
    return result
