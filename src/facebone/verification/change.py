"""What training changed: the accuracy of two verifiers on the same pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.seeding import make_rng
from facebone.verification.estimates import Figure, Refused
from facebone.verification.folds import decide, draw_folds
from facebone.verification.heads.base import Labels
from facebone.verification.intervals import (
    People,
    clopper_pearson,
    hull,
    never_certain,
    percentile_interval,
    resample_pairs,
)

Scores = npt.NDArray[np.floating[Any]]

REPLICATES = 1000


@dataclass(frozen=True, slots=True)
class Change:
    """Two verifiers on the same pairs.

    Args:
        before: accuracy of the one that has not learnt; see `measure_change`.
        after: of the one that has.
        change: after less before.
        pairs: that both were asked about.
    """

    before: Figure
    after: Figure
    change: Figure
    pairs: int

    @classmethod
    def refused(cls, reason: str, pairs: int) -> Change:
        """Nothing is said, for a reason."""
        refused = Refused(reason)
        return cls(refused, refused, refused, pairs)

    def __str__(self) -> str:
        one = self.change
        change = (
            one.reason
            if isinstance(one, Refused)
            else f"{one.value:+.4f} [{one.low:+.4f}, {one.high:+.4f}]"
        )
        return f"accuracy {self.after} adapted, {self.before} unadapted (change {change})"

    def to_json(self) -> dict[str, Any]:
        """As JSON and the audit's schema have it."""
        return {
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "change": self.change.to_json(),
            "pairs": self.pairs,
        }


def measure_change(
    before: Scores,
    after: Scores,
    same: Labels,
    *,
    people: People,
    seed: int,
    replicates: int = REPLICATES,
) -> Change:
    """Accuracy of two verifiers on the same pairs, and its change, with intervals over people.

    Decisions are those of ten folds, each at the threshold that is best on the others; matched and
    mismatched pairs count alike. People are resampled, not folds: pairs of one person stand in
    several folds, which then differ less than samples of other people would. What makes a pair hard
    for both does not widen the interval of the change.

    Args:
        before: (n,) scores of one, larger for the same person.
        after: (n,) scores of the other.
        same: (n,) bool.
        people: who is left and right in each pair.
        seed: of folds and resamples.
        replicates: resamples of people.

    Raises:
        UsageError: see `metrics.check_scores` and `draw_folds`.
    """
    fold = draw_folds(same, seed=seed)
    right = np.stack([decide(scores, same, fold) == same for scores in (before, after)])
    told = np.stack([*right, right[1].astype(float) - right[0]]).astype(np.float64)
    drawn = np.concatenate(
        [
            _balanced_means(told, same, weights)
            for weights in resample_pairs(
                same,
                people=people,
                rng=make_rng(seed, "change bootstrap"),
                replicates=replicates,
            )
        ],
        axis=1,
    )
    values = _balanced_means(told, same, np.ones((len(same), 1)))[:, 0]
    rates = [
        never_certain(percentile_interval(float(value), found), len(same))
        for value, found in zip(values[:2], drawn[:2], strict=True)
    ]
    change = change_interval(float(values[2]), drawn[2], told[2])
    return Change(rates[0], rates[1], change, len(same))


def _balanced_means(
    told: npt.NDArray[np.float64], same: Labels, weights: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Weighted means of m rows of n numbers, (m, b), in which both kinds of pairs count alike.

    NaN where a column of the (n, b) weights has none of a kind.
    """
    with np.errstate(invalid="ignore"):
        kinds = [
            told[:, kind] @ weights[kind] / weights[kind].sum(axis=0) for kind in (same, ~same)
        ]
    mean: npt.NDArray[np.float64] = (kinds[0] + kinds[1]) / 2
    return mean


def change_interval(
    value: float, drawn: npt.NDArray[np.float64], told: npt.NDArray[np.float64]
) -> Figure:
    """A change of accuracy with its interval, which no sample makes vanish.

    Where both verifiers are right about the same pairs, the interval gets the reach of a rate of
    none in n trials: equal decisions on a sample prove no equality.

    Args:
        value: on the whole sample.
        drawn: (B,) on resamples; NaN where one has no figure.
        told: (n,) 1 where only the later verifier is right, -1 where only the earlier one is.
    """
    found = percentile_interval(value, drawn)
    if isinstance(found, Refused) or told.any():
        return found
    reach = clopper_pearson(0, len(told)).high
    return hull(value, (value - reach, value + reach))
