"""What training changed: a verifier before and after it, on the same pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.seeding import make_rng
from facebone.verification.estimates import Figure, Refused
from facebone.verification.folds import decide, draw_folds
from facebone.verification.heads.base import Labels, Scores
from facebone.verification.intervals import (
    People,
    clopper_pearson,
    hull,
    percentile_interval,
    resample_pairs,
)
from facebone.verification.utility import Utility, measure_utility

REPLICATES = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """Verification quality before and after, and by how much the accuracy changed.

    Args:
        before: of the verifier that has not learnt from the people.
        after: of the one that has.
        accuracy: accuracy after less accuracy before; see `measure_change`.
        pairs: that both were asked about.
    """

    before: Utility
    after: Utility
    accuracy: Figure
    pairs: int

    def __str__(self) -> str:
        one = self.accuracy
        change = (
            one.reason
            if isinstance(one, Refused)
            else f"{one.value:+.4f} [{one.low:+.4f}, {one.high:+.4f}]"
        )
        return (
            f"accuracy {self.after.accuracy.value:.4f} adapted, {self.before.accuracy.value:.4f} "
            f"unadapted (change {change})"
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "change_of_accuracy": self.accuracy.to_json(),
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
    """Measure two verifiers on the same pairs, each at thresholds found in the same folds.

    The interval of the change is a bootstrap over people: pairs of one person stand in several
    folds, which then differ less than samples of other people would. What makes a pair hard for
    both does not widen it.

    Args:
        before: (n,) scores, larger for the same person.
        after: (n,) scores of the other verifier.
        same: (n,) bool.
        people: who is left and right in each pair.
        seed: of folds and bootstrap.
        replicates: resamples of people.

    Raises:
        UsageError: see `measure_utility`.
    """
    fold = draw_folds(same, seed=seed)
    first, second = (
        measure_utility(one, same, fold=fold, people=people, seed=seed, replicates=replicates)
        for one in (before, after)
    )
    right = [(decide(one, same, fold) == same).astype(np.float64) for one in (before, after)]
    told = right[1] - right[0]
    weights = np.concatenate(
        list(
            resample_pairs(
                same, people=people, rng=make_rng(seed, "change bootstrap"), replicates=replicates
            )
        ),
        axis=1,
    )
    with np.errstate(invalid="ignore"):  # a resample without any pair has no figure
        drawn = told @ weights / weights.sum(axis=0)
    value = second.accuracy.value - first.accuracy.value
    return Change(first, second, change_interval(value, drawn, told), len(same))


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
