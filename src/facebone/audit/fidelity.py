"""Whether shadows are like the target: if they are not, what they teach does not apply to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, stdtrit

from facebone.audit.score_table import ScoreTable
from facebone.errors import UsageError

ALIKE = 3.0
"""A target is called unlike its shadows so many of their deviations away from their mean, or more
where they are few; see `reach`."""

FEWEST = 3
"""Shadows without which nothing is called unlike them: two lie equally far from each other, which
does not show how much that distance varies."""

LEAST_STEP = 0.005
"""Accuracies of few pairs come in steps: half a per cent is no difference."""

LEAST_DISTANCE = 0.05
"""Distributions that differ by less are called alike, however much shadows resemble each other."""

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Two = tuple[float, float]
"""A figure for candidates that were trained on, and one for the others."""


@dataclass(frozen=True, slots=True)
class Fidelity:
    """A target beside its shadows.

    Args:
        count: of shadows.
        target: the target's accuracy at a probability of a half.
        mean: the shadows', mean.
        deviation: theirs, standard deviation over shadows.
        distance: largest difference between the distribution functions of the target's log odds of
            the right answer and of all shadows' (Kolmogorov and Smirnov).
        usual_distance: the same of each shadow to the others, as far as it reaches: the mean and
            `ALIKE` deviations, or more where shadows are few; 1 at most.
    """

    count: int
    target: Two
    mean: Two
    deviation: Two
    distance: Two
    usual_distance: Two

    @property
    def alike(self) -> bool:
        """Whether the target lies among its shadows in everything, as far as they can tell."""
        if self.count < FEWEST:
            return True
        far = reach(self.count)
        accurate = all(
            abs(target - mean) <= max(far * deviation, LEAST_STEP)
            for target, mean, deviation in zip(self.target, self.mean, self.deviation, strict=True)
        )
        near = all(
            distance <= max(usual, LEAST_DISTANCE)
            for distance, usual in zip(self.distance, self.usual_distance, strict=True)
        )
        return accurate and near

    def to_json(self) -> Mapping[str, Any]:
        """As plain values."""

        def two(values: Two) -> dict[str, float]:
            return {"on_members": values[0], "on_others": values[1]}

        return {
            "count": self.count,
            "target": two(self.target),
            "shadows": two(self.mean),
            "deviation": two(self.deviation),
            "distance": two(self.distance),
            "usual_distance": two(self.usual_distance),
            "alike": self.alike,
        }


def fidelity(table: ScoreTable) -> Fidelity:
    """Compare a target with its shadows, on candidates that each was trained on and on others.

    Raises:
        UsageError: the table has no shadows.
    """
    shadows = table.answers.shadows
    if shadows is None:
        raise UsageError("has no shadows to compare with", where="scores")
    rows = np.flatnonzero(table.candidates)
    margins = shadows.take(rows).margins(table.same[rows])
    # As shadows' answers are kept: what ties with theirs must tie in every digit.
    own = table.answers.take(rows).margin().astype(np.float32).astype(np.float64)
    far = reach(len(shadows))
    found = []
    for kind in (True, False):
        trained = shadows.trained[:, rows] == kind
        mine = table.member[rows] == kind
        right = ((margins > 0) & trained).sum(axis=1) / np.maximum(trained.sum(axis=1), 1)
        every = np.sort(margins[trained])
        usual = [
            _distance(one[mask], every, inside=True)
            for one, mask in zip(margins, trained, strict=True)
        ]
        found.append(
            (
                float((own[mine] > 0).mean()),
                float(right.mean()),
                _deviation(right),
                _distance(own[mine], every),
                min(float(np.mean(usual) + far * _deviation(usual)), 1.0),
            )
        )
    return Fidelity(len(shadows), *zip(*found, strict=True))


def reach(count: int) -> float:
    """How many estimated deviations from the mean of so many draws one more lies, at most.

    Of many draws it is `ALIKE`. Of few, mean and deviation are not known well: as often as a normal
    draw lies beyond `ALIKE` of its deviations, one more draw lies beyond Student's quantile for as
    many estimated deviations of the difference.
    """
    if count < 2:
        return 0.0
    return float(stdtrit(count - 1, ndtr(ALIKE)) * np.sqrt(1 + 1 / count))


def _deviation(values: npt.ArrayLike) -> float:
    """Standard deviation over shadows; 0 of one."""
    found = np.asarray(values)
    return float(found.std(ddof=1)) if len(found) > 1 else 0.0


def _distance(some: Floats, every: Floats, *, inside: bool = False) -> float:
    """Largest difference between the distribution functions; `every` is sorted.

    If `some` lie `inside` `every`, it is the difference from the rest of these.
    """
    rest = len(every) - len(some) * inside
    if not len(some) or not rest:
        return 0.0
    points = np.sort(some)

    def share(side: Literal["left", "right"]) -> Floats:
        """Of the rest, up to each point, without it or with it."""
        own = np.searchsorted(points, points, side) * inside
        found: Floats = (np.searchsorted(every, points, side) - own) / rest
        return found

    steps = np.arange(len(points) + 1) / len(points)
    above, below = steps[1:] - share("right"), share("left") - steps[:-1]
    return float(max(above.max(), below.max(), 0.0))
