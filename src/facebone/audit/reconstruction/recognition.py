"""Whether a recogniser takes reconstructed pictures for the people they were made of. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.audit.statistics import figure_from_json
from facebone.seeding import make_rng
from facebone.verification.embedded_pairs import Matrix
from facebone.verification.estimates import Estimate, Figure, Refused
from facebone.verification.intervals import CONFIDENCE, clopper_pearson
from facebone.verification.metrics import mismatched_needed

FAR = 0.001
"""False accept rate on real pairs at which a recogniser decides."""

DRAWS = 1000
"""Of the bootstrap."""

Rows = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Recognition:
    """What one recogniser says at a threshold, each figure with its interval.

    Args:
        threshold: cosine from which it takes two pictures for one person; None where there are too
            few strangers to set one.
        type_i: share of reconstructions that it takes for the very picture.
        type_ii: share that it takes for another picture of the person, mean over people.
        control: share of pairs of a reconstruction and a control person's picture that it takes
            for one person: what any face gets.
        genuine: as type II, of the real picture: no reconstruction can do better.
    """

    threshold: float | None
    type_i: Figure
    type_ii: Figure
    control: Figure
    genuine: Figure

    def to_json(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "threshold": self.threshold,
            "type_i": self.type_i.to_json(),
            "type_ii": self.type_ii.to_json(),
            "control": self.control.to_json(),
            "genuine": self.genuine.to_json(),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Recognition:
        """What `to_json` gave."""
        names = ("type_i", "type_ii", "control", "genuine")
        return cls(values["threshold"], *(figure_from_json(values[name]) for name in names))


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """How a recogniser embeds what it is shown, rows of length one.

    Args:
        made: (n, d) reconstructions.
        attacked: (n, d) the pictures whose templates leaked.
        others: (o, d) other pictures of the attacked.
        of: (o,) whom these show, as rows of `attacked`.
        control: (c, d) pictures of control people.
        strangers: (s, d) pictures of s other people, on which the threshold is set.
    """

    made: Matrix
    attacked: Matrix
    others: Matrix
    of: Rows
    control: Matrix
    strangers: Matrix


def recognise(seen: Seen, *, seed: int, far: float = FAR) -> Recognition:
    """What a recogniser says of reconstructions.

    Args:
        seen: rows.
        seed: of the bootstrap.
        far: false accept rate on pairs of strangers.
    """
    threshold = threshold_at(seen.strangers, far)
    if isinstance(threshold, Refused):
        return Recognition(None, threshold, threshold, threshold, threshold)
    itself = np.einsum("nd,nd->n", seen.made, seen.attacked) >= threshold
    of_made = _share_of_others(seen.made, seen, threshold)
    of_real = _share_of_others(seen.attacked, seen, threshold)
    return Recognition(
        threshold,
        clopper_pearson(int(itself.sum()), len(itself)),
        mean_over_people(of_made, seed=seed),
        _mean_of_table(seen.made @ seen.control.T >= threshold, seed=seed),
        mean_over_people(of_real, seed=seed),
    )


def threshold_at(strangers: Matrix, far: float) -> float | Refused:
    """The cosine that a share `far` of pairs of strangers reaches, one picture each."""
    count, needed = len(strangers) * (len(strangers) - 1) // 2, mismatched_needed(far)
    if count < needed:
        return Refused(f"{count} pairs of strangers are too few, {needed} are needed")
    cosines = (strangers @ strangers.T)[np.triu_indices(len(strangers), k=1)]
    # At most that share lies at or above it: of n sorted, just above the (far n)-th from the top.
    place = count - 1 - int(far * count)
    return float(np.nextafter(np.partition(cosines, place)[place], np.float32(np.inf)))


def _share_of_others(rows: Matrix, seen: Seen, threshold: float) -> Floats:
    """Of each person the share of their other pictures that are taken for `rows`' person, (n,)."""
    taken = np.einsum("nd,nd->n", rows[seen.of], seen.others) >= threshold
    count = np.bincount(seen.of, minlength=len(rows))
    return np.bincount(seen.of, weights=taken, minlength=len(rows)) / count


def mean_over_people(shares: Floats, *, seed: int) -> Figure:
    """Mean of (n,) shares, with a bootstrap over people."""
    rng = make_rng(seed, "recognition", "people")
    drawn = shares[rng.integers(len(shares), size=(DRAWS, len(shares)))].mean(axis=1)
    return _estimate(float(shares.mean()), drawn, len(shares))


def _mean_of_table(taken: npt.NDArray[np.bool_], *, seed: int) -> Figure:
    """Mean of an (n, c) table, with a bootstrap over its rows and its columns."""
    rng = make_rng(seed, "recognition", "control")
    rows, columns = taken.shape
    table = taken.astype(np.float64)
    drawn = np.empty(DRAWS)
    for i in range(DRAWS):
        left = np.bincount(rng.integers(rows, size=rows), minlength=rows)
        right = np.bincount(rng.integers(columns, size=columns), minlength=columns)
        drawn[i] = left @ table @ right / (rows * columns)
    return _estimate(float(table.mean()), drawn, min(rows, columns))


def _estimate(value: float, drawn: Floats, people: int) -> Estimate:
    """The bootstrap's interval; where it cannot move off 0 or 1, the exact one of the people."""
    if value in (0.0, 1.0):
        exact = clopper_pearson(round(value * people), people)
        return Estimate(value, exact.low, exact.high)
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(drawn, [tail, 100 - tail])
    return Estimate(value, float(min(low, value)), float(max(high, value)))
