"""How many of the named people who are in a database are found there, at how many false alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.attacks.linkage.figures import rate_interval
from facebone.attacks.observations import Floats, Mask
from facebone.errors import UsageError
from facebone.seeding import make_rng
from facebone.verification.estimates import Figure, Refused
from facebone.verification.intervals import bootstrap, never_certain, percentile_interval
from facebone.verification.metrics import auc, mismatched_needed

FPIRS = (0.1, 0.01)


@dataclass(frozen=True, slots=True)
class OpenSetFigures:
    """What is found out of a list of names.

    Args:
        enrolled: names that are in the database.
        strangers: names that are not: the control people.
        auc: probability that an enrolled name's best score is above a stranger's: whether somebody
            is in the database at all.
        found: share of strangers who are taken for a record -> share of the enrolled names that
            are found, and at their own record.
    """

    enrolled: int
    strangers: int
    auc: Figure
    found: Mapping[float, Figure]

    @property
    def enrolled_share(self) -> float:
        """What always saying "in the database" scores."""
        return self.enrolled / (self.enrolled + self.strangers)

    def to_json(self) -> dict[str, Any]:
        """As plain values; rates become keys such as ``"0.01"``."""
        return {
            "enrolled": self.enrolled,
            "strangers": self.strangers,
            "auc": self.auc.to_json(),
            "found": {f"{fpir:g}": rate.to_json() for fpir, rate in self.found.items()},
        }


def best_records(
    scores: Floats, names: npt.NDArray[Any], records: npt.NDArray[Any]
) -> tuple[Floats, Mask, Mask]:
    """Of each name the best score, whether it is in the database, and whether the best is right.

    Args:
        scores: (n, m) larger for the same person.
        names: (n,) whose public pictures were held against the records.
        records: (m,) whom each record shows.

    Raises:
        UsageError: shapes that do not fit each other.
    """
    if scores.shape != (len(names), len(records)) or not scores.size:
        raise UsageError(
            f"must have shape ({len(names)}, {len(records)}), got {scores.shape}", where="scores"
        )
    top = scores.argmax(axis=1)
    return scores.max(axis=1), np.isin(names, records), records[top] == names


def measure_open_set(
    scores: Floats,
    names: npt.NDArray[Any],
    records: npt.NDArray[Any],
    *,
    seed: int,
    fpirs: Sequence[float] = FPIRS,
    replicates: int = 1000,
) -> OpenSetFigures:
    """Measure how well named people are found in a database.

    Intervals come from a bootstrap over names that finds the threshold anew in each resample;
    those of rates also hold Clopper and Pearson's.

    Args:
        scores: (n, m) larger for the same person.
        names: (n,) each once.
        records: (m,) whom each record shows.
        seed: of the bootstrap.
        fpirs: shares of strangers who are taken for a record.
        replicates: resamples.

    Raises:
        UsageError: shapes that do not fit, or no name that is in the database, or none that is
            not.
    """
    best, enrolled, right = best_records(scores, names, records)
    inside, outside = int(enrolled.sum()), int((~enrolled).sum())
    if not inside or not outside:
        raise UsageError(
            f"needs names in the database and such that are not, got {inside} and {outside}",
            where="names",
        )
    rng = make_rng(seed, "open-set figures")
    areas, _, _ = bootstrap(best, enrolled, people=None, fars=(), rng=rng, replicates=replicates)
    area = never_certain(percentile_interval(auc(best, enrolled), areas), min(inside, outside))
    found: dict[float, Figure] = {}
    for fpir in fpirs:
        if outside < mismatched_needed(fpir):
            found[fpir] = Refused(
                f"a false alarm rate of {fpir:g} needs at least {mismatched_needed(fpir)} names "
                f"that are not in the database, got {outside}"
            )
            continue
        again = [
            _found(best[enrolled][mine], right[enrolled][mine], best[~enrolled][theirs], fpir)
            for mine, theirs in (
                (rng.integers(inside, size=inside), rng.integers(outside, size=outside))
                for _ in range(replicates)
            )
        ]
        value = _found(best[enrolled], right[enrolled], best[~enrolled], fpir)
        found[fpir] = rate_interval(value, np.array(again), inside)
    return OpenSetFigures(inside, outside, area, found)


def _found(best: Floats, right: Mask, strangers: Floats, fpir: float) -> float:
    """Share that is right and above all but the share `fpir` of the strangers."""
    falling = np.sort(strangers)[::-1]
    # As many strangers as this may be at or above the threshold; the next must be below it.
    allowed = int(fpir * len(falling) + 1e-9)
    return float(np.mean(right & (best > falling[allowed])))
