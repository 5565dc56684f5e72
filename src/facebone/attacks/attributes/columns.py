"""Columns of scores on one scale, whatever the picture they were asked beside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from facebone.attacks.attributes.evidence import as_log_odds
from facebone.attacks.observations import Floats

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What is usual of each column.

    Args:
        mean: (q,).
        spread: (q,) deviation; 1 where a column never varies.
        bounded: whether the scores are taken for probabilities.
    """

    mean: Floats
    spread: Floats
    bounded: bool

    @classmethod
    def of(cls, scores: Floats) -> Self:
        """What is usual of scores (n, q) of people whom the attacker knows."""
        values = as_log_odds(scores)
        spread = values.std(axis=0)
        mean = values.mean(axis=0)
        # The mean of equal values is rounded, and its distance from them is no spread.
        varies = spread > _ROUNDING * (1 + np.abs(mean))
        return cls(mean, np.where(varies, spread, 1.0), values is not scores)

    def standard(self, scores: Floats) -> Floats:
        """How many deviations each score lies above the usual of its column, (n, q)."""
        # Other people's scores are read as those were that this was made from.
        values = as_log_odds(np.clip(scores, 0.0, 1.0)) if self.bounded else scores
        found: Floats = (values - self.mean) / self.spread
        return found
