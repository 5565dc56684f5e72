"""What verifiers answer about the pairs that are asked to learn about one picture or person.

At the level of pairs a candidate is the pair that is asked about. About a picture, or a person,
many pairs are asked; an attack may take their mean, or look at all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class ProbeAnswers:
    """Answers about r pairs that were asked about n candidates, and those of S shadows.

    Args:
        candidate: (r,) 0 .. n - 1, not falling: which candidate each pair was asked about.
        margin: (r,) the target's log odds of the right answer.
        same: (r,) bool, whether the pair shows one person.
        margins: (S, r) float32 of the shadows; S may be 0.
        size: n; a candidate may have no pair.

    Raises:
        UsageError: shapes that do not fit each other, or answers that are not finite.
    """

    candidate: Positions
    margin: Floats
    same: Mask
    margins: npt.NDArray[np.float32]
    size: int

    def __post_init__(self) -> None:
        r = len(self.candidate)
        if self.margin.shape != (r,) or self.same.shape != (r,) or self.margins.shape[1:] != (r,):
            raise UsageError(
                f"{r} pairs do not fit answers of {self.margin.shape}, labels of "
                f"{self.same.shape} and shadows' answers of {self.margins.shape}",
                where="probes",
            )
        if r and not 0 <= self.candidate.min() <= self.candidate.max() < self.size:
            raise UsageError(f"candidates must be in 0 .. {self.size - 1}", where="probes")
        if (np.diff(self.candidate) < 0).any():
            raise UsageError("must be ordered by candidate", where="probes")
        if not (np.isfinite(self.margin).all() and np.isfinite(self.margins).all()):
            raise UsageError("answers are not finite", where="probes")

    def take(self, rows: Positions | Mask) -> ProbeAnswers:
        """The pairs of the candidates at `rows`, as positions or as a mask, in that order."""
        chosen = np.arange(self.size)[rows]
        begin = np.searchsorted(self.candidate, chosen, "left")
        count = np.searchsorted(self.candidate, chosen, "right") - begin
        # Row by row: the first of its candidate, and one more for each that follows.
        offset = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
        places = np.repeat(begin, count) + offset
        return ProbeAnswers(
            np.repeat(np.arange(len(chosen)), count),
            self.margin[places],
            self.same[places],
            self.margins[:, places],
            len(chosen),
        )

    def in_place_of_target(self, shadow: int) -> ProbeAnswers:
        """One shadow in the target's place, beside the others."""
        others = np.arange(len(self.margins)) != shadow
        return ProbeAnswers(
            self.candidate,
            self.margins[shadow].astype(np.float64),
            self.same,
            self.margins[others],
            self.size,
        )

    def sums(self, values: Floats) -> Floats:
        """Sums of values (r,) over the pairs of each candidate, (n,)."""
        found: Floats = np.bincount(self.candidate, weights=values, minlength=self.size).astype(
            np.float64
        )
        return found

    def counts(self) -> Floats:
        """How many pairs each candidate has, (n,)."""
        return np.bincount(self.candidate, minlength=self.size).astype(np.float64)
