"""Curves of several seeds as one, with a 95 % band from resampled people. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError
from facebone.seeding import make_rng
from facebone.verification.intervals import CONFIDENCE, resample_pairs
from facebone.verification.metrics import check_scores

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

REPLICATES = 200
"""Resamples: enough for a band of 95 % that is drawn, not quoted."""

POINTS = 120
"""Of a curve; the eye sees no more."""

_SLACK = 1e-9
"""Rates are ratios of counts: two that are equal must not differ by the last bit."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Scored pairs of one seed.

    Args:
        scores: (n,) larger for positives.
        positive: (n,) bool.
        units: two (n,) columns of numbers, with one meaning in all seeds: who is left and who is
            right in each pair. Where people are not known, the number of the pair in both.

    Raises:
        UsageError: see `metrics.check_scores`; columns of other lengths.
    """

    scores: Floats
    positive: Mask
    units: tuple[Numbers, Numbers]

    def __post_init__(self) -> None:
        check_scores(self.scores, self.positive)
        for column in self.units:
            if column.shape != self.scores.shape:
                raise UsageError(
                    f"needs two columns of {self.scores.shape}, got {column.shape}", where="units"
                )


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """A curve with its 95 % band.

    Args:
        fpr: (m,) rising false positive rates.
        tpr: (m,) the largest true positive rate whose false positive rate is at most that, mean
            over the seeds.
        low: (m,) lower edge; never above `tpr`.
        high: (m,) upper edge; never below `tpr`.
    """

    fpr: Floats
    tpr: Floats
    low: Floats
    high: Floats


def supported_rates(samples: Sequence[Sample], *, points: int = POINTS) -> Floats:
    """False positive rates to draw, (m,) rising evenly in the logarithm, from 1 / n to 1.

    n is the smallest number of negatives in any seed: at a lower rate than 1 / n a threshold
    admits none of them, and the curve would show the gaps of the sample.

    Raises:
        UsageError: no samples.
    """
    if not samples:
        raise UsageError("needs at least one seed, got none", where="samples")
    fewest = min(int((~sample.positive).sum()) for sample in samples)
    return np.geomspace(1 / fewest, 1, points)


def rate_band(
    samples: Sequence[Sample], fpr: Floats, *, seed: int, replicates: int = REPLICATES
) -> Band:
    """True positive rates at false positive rates, with a band from resampled units.

    Each resample, see `verification.intervals.resample_pairs`, is drawn once for all seeds: what
    is particular about a person is so in every seed.

    Args:
        samples: one a seed.
        fpr: (m,) rising rates in 0 .. 1.
        seed: draws the resamples.
        replicates: their number.

    Raises:
        UsageError: no samples, or no replicates.
    """
    if not samples or replicates < 1:
        raise UsageError(
            f"needs seeds and resamples, got {len(samples)} and {replicates}", where="samples"
        )
    left, right = (np.concatenate([one.units[side] for one in samples]) for side in (0, 1))
    ranked = [_Ranked(one) for one in samples]
    tpr = np.mean([one.rates(np.ones((len(one.order), 1)), fpr) for one in ranked], axis=0)[0]
    starts = np.cumsum([0, *(len(one.order) for one in ranked)])
    blocks = resample_pairs(
        left == right,
        people=(left, right),
        rng=make_rng(seed, "report band"),
        replicates=replicates,
    )
    clouds = np.concatenate(
        [
            np.mean(
                [
                    one.rates(block[start + one.order], fpr)
                    for start, one in zip(starts, ranked, strict=False)
                ],
                axis=0,
            )
            for block in blocks
        ]
    )
    # A resample that lost a whole class in some seed says nothing.
    known = clouds[~np.isnan(clouds).any(axis=1)]
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(known, [tail, 100 - tail], axis=0) if len(known) else (tpr, tpr)
    return Band(fpr, tpr, np.minimum(low, tpr), np.maximum(high, tpr))


class _Ranked:
    """A sample by falling score."""

    def __init__(self, sample: Sample) -> None:
        self.order = np.argsort(-sample.scores, kind="stable")
        scores = sample.scores[self.order]
        self._truth = sample.positive[self.order]
        # Pairs with one score are accepted together: only the last of each run is a point.
        self._ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))

    def rates(self, weights: Floats, fpr: Floats) -> Floats:
        """True positive rates where pairs count (n, b) times, in the order of rank, (b, m)."""
        true = np.cumsum(weights * self._truth[:, None], axis=0)[self._ends]
        wrong = np.cumsum(weights * ~self._truth[:, None], axis=0)[self._ends]
        found = np.full((weights.shape[1], len(fpr)), np.nan)
        for row in np.flatnonzero((true[-1] > 0) & (wrong[-1] > 0)):
            share = wrong[:, row] / wrong[-1, row]
            last = np.searchsorted(share, fpr + _SLACK, side="right") - 1
            reached = true[np.maximum(last, 0), row] / true[-1, row]
            found[row] = np.where(last >= 0, reached, 0.0)
        return found
