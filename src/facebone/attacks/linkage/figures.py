"""What an attack that links records finds: rates with 95 % intervals. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.attacks.observations import Floats, Mask
from facebone.errors import UsageError
from facebone.seeding import make_rng
from facebone.verification.estimates import Estimate, Figure, Refused
from facebone.verification.intervals import (
    bootstrap,
    clopper_pearson,
    hull,
    never_certain,
    percentile_interval,
)
from facebone.verification.metrics import auc, mismatched_needed, tar_at_far

FPRS = (0.01, 0.001)
MOST_PAIRS = 50_000
"""Pairs of different people that are looked at; of two databases there are soon millions."""


@dataclass(frozen=True, slots=True)
class LinkageFigures:
    """How well records of two databases are linked.

    Args:
        same: pairs of records of one person.
        different: pairs of records of different people that were looked at.
        auc: probability that a pair of one person scores above one of two.
        tpr_at_fpr: false positive rate -> share of the pairs of one person that is found.
        rank_one: share of the first database's records, of those that have a match, whose best is
            the match; of ties, the share that the match has.
        chance: of that, by guessing.
    """

    same: int
    different: int
    auc: Figure
    tpr_at_fpr: Mapping[float, Figure]
    rank_one: Figure
    chance: float

    def to_json(self) -> dict[str, Any]:
        """As plain values; rates become keys such as ``"0.01"``."""
        return {
            "same": self.same,
            "different": self.different,
            "auc": self.auc.to_json(),
            "tpr_at_fpr": {f"{fpr:g}": tpr.to_json() for fpr, tpr in self.tpr_at_fpr.items()},
            "rank_one": self.rank_one.to_json(),
            "chance": self.chance,
        }


def measure_linkage(
    scores: Floats,
    first: npt.NDArray[Any],
    second: npt.NDArray[Any],
    *,
    seed: int,
    replicates: int = 1000,
    most: int = MOST_PAIRS,
) -> LinkageFigures:
    """Measure how well scores link the records of two databases.

    Intervals of the AUC and of the rates come from a bootstrap over people, see
    `intervals.resample_pairs`; that of a rate also holds Clopper and Pearson's. A rate for which
    there are too few pairs of different people is refused.

    Args:
        scores: (n, m) larger for the same person.
        first: (n,) whom each record of the first database shows.
        second: (m,) likewise.
        seed: of the bootstrap, and of which pairs of different people are looked at.
        replicates: resamples.
        most: pairs of different people that are looked at.

    Raises:
        UsageError: shapes that do not fit, or no pair of one person or of two.
    """
    if scores.shape != (len(first), len(second)):
        raise UsageError(
            f"must have shape ({len(first)}, {len(second)}), got {scores.shape}", where="scores"
        )
    together = first[:, None] == second[None, :]
    rng = make_rng(seed, "linkage figures")
    left, right = _pairs(together, most, rng)
    seen, same = scores[left, right], together[left, right]
    people = (first[left], second[right])
    count, others = int(same.sum()), int((~same).sum())
    asked = [fpr for fpr in FPRS if others >= mismatched_needed(fpr)]
    areas, _, rates = bootstrap(
        seen, same, people=people, fars=asked, rng=rng, replicates=replicates
    )
    tprs: dict[float, Figure] = {
        fpr: Refused(
            f"TPR at FPR {fpr:g} needs at least {mismatched_needed(fpr)} pairs of different "
            f"people, got {others}"
        )
        for fpr in FPRS
    }
    for fpr, found in zip(asked, rates, strict=True):
        tprs[fpr] = rate_interval(tar_at_far(seen, same, fpr), found, count)
    area = never_certain(percentile_interval(auc(seen, same), areas), min(count, others))
    return LinkageFigures(count, others, area, tprs, _rank_one(scores, together), _chance(together))


def rate_interval(value: float, replicates: Floats, trials: int) -> Figure:
    """A rate with the bootstrap's interval, which also holds the exact one of `trials`."""
    figure = percentile_interval(value, replicates)
    if isinstance(figure, Refused):
        return figure
    exact = clopper_pearson(round(value * trials), trials)
    return hull(value, (figure.low, figure.high), (exact.low, exact.high))


def _pairs(
    together: Mask, most: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Rows and columns of all pairs of one person, and of at most `most` of two."""
    same, others = np.flatnonzero(together), np.flatnonzero(~together)
    if not len(same) or not len(others):
        raise UsageError(
            f"need pairs of one person and of two, got {len(same)} and {len(others)}",
            where="databases",
        )
    if len(others) > most:
        others = np.sort(rng.choice(others, most, replace=False))
    left, right = np.unravel_index(np.concatenate([same, others]), together.shape)
    return left, right


def _rank_one(scores: Floats, together: Mask) -> Estimate:
    matched = together.any(axis=1)
    best = scores == scores.max(axis=1, keepdims=True)
    hits = ((best & together).sum(axis=1) / best.sum(axis=1))[matched]
    value = float(hits.mean())
    exact = clopper_pearson(round(float(hits.sum())), len(hits))
    return hull(value, (exact.low, exact.high))


def _chance(together: Mask) -> float:
    """What guessing a record finds: the share of the second database that is a match."""
    return float(together[together.any(axis=1)].mean())
