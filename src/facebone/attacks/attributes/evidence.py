"""What an attacker sees of pictures whose attributes are sought."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.attacks.observations import Floats, probability_log_odds
from facebone.errors import UsageError


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What is seen of n pictures. Attributes are sought, and no part of this class.

    Args:
        person: (n,) whose picture each is, under any name: that two templates are of one account
            is seen in a leaked database.
        templates: (n, d) as stored; None where only scores are seen.
        scores: (n, q) what the verifier says of each picture beside each of q of the attacker's
            own, larger for the same person; None where nobody asked.

    Raises:
        UsageError: shapes that do not fit each other, or values that are not finite.
    """

    person: npt.NDArray[Any]
    templates: Floats | None = None
    scores: Floats | None = None

    def __post_init__(self) -> None:
        for name, matrix in (("templates", self.templates), ("scores", self.scores)):
            if matrix is None:
                continue
            if matrix.ndim != 2 or len(matrix) != len(self.person):
                raise UsageError(
                    f"must be a matrix of {len(self.person)} rows, got {matrix.shape}", where=name
                )
            bad = ~np.isfinite(matrix).all(axis=1)
            if bad.any():
                raise UsageError(
                    f"row {int(np.flatnonzero(bad)[0])} is not finite",
                    where=name,
                    hint="leave out pictures that could not be embedded",
                )

    def __len__(self) -> int:
        return len(self.person)

    def take(self, rows: npt.NDArray[Any]) -> Evidence:
        """What is seen of the pictures at `rows`, as positions or as a mask."""
        return Evidence(
            self.person[rows],
            None if self.templates is None else self.templates[rows],
            None if self.scores is None else self.scores[rows],
        )


def as_log_odds(scores: Floats) -> Floats:
    """Scores that all lie in 0 .. 1, taken for probabilities, as log odds; others as they are.

    Near its ends a probability hardly moves however different two pictures are.
    """
    if scores.size and scores.min() >= 0 and scores.max() <= 1:
        return probability_log_odds(scores)
    return scores
