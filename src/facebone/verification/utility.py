"""Utility: what a verifier is good for, every figure with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError
from facebone.seeding import make_rng
from facebone.verification.estimates import Estimate, Figure, Refused
from facebone.verification.folds import Folds, draw_folds, fold_accuracies
from facebone.verification.intervals import (
    People,
    bootstrap,
    clopper_pearson,
    hull,
    never_certain,
    percentile_interval,
    standard_error,
    t_interval,
)
from facebone.verification.metrics import (
    Labels,
    auc,
    check_scores,
    eer,
    mismatched_needed,
    tar_at_far,
)

FARS = (0.01, 0.001)
"""The false accept rates at which the true accept rate is given."""


@dataclass(frozen=True, slots=True)
class Utility:
    """Verification quality, each figure with a 95 % interval.

    Args:
        accuracy: mean over the folds, each at the threshold that is best on the others; interval
            by Student's t over the folds.
        accuracy_standard_error: of that mean over the folds.
        fold_accuracy: the accuracy of each fold.
        auc: probability that a matched pair scores above a mismatched one.
        eer: equal error rate.
        tar_at_far: false accept rate -> true accept rate.
    """

    accuracy: Estimate
    accuracy_standard_error: float
    fold_accuracy: tuple[float, ...]
    auc: Figure
    eer: Figure
    tar_at_far: Mapping[float, Figure]

    def to_json(self) -> dict[str, Any]:
        """The object ``utility`` of the audit's schema."""
        return {
            "accuracy": self.accuracy.to_json(),
            "auc": self.auc.to_json(),
            "eer": self.eer.to_json(),
            "tar_at_far": {f"{far:g}": tar.to_json() for far, tar in self.tar_at_far.items()},
        }


def measure_utility(
    scores: npt.NDArray[np.floating],
    same: Labels,
    *,
    fold: Folds | None = None,
    fold_accuracy: Sequence[float] | None = None,
    people: People | None = None,
    seed: int,
    replicates: int = 1000,
) -> Utility:
    """Measure how well scores tell matched from mismatched pairs.

    AUC, EER and TAR get bootstrap intervals over people, see `intervals.bootstrap`. The interval
    of a TAR is widened to the exact one at a fixed threshold, and an interval that the bootstrap
    leaves without width (as it does where no error was seen) to the exact one of as many
    independent trials as the rarer class has pairs: no sample proves perfection.

    Args:
        scores: (n,), larger for the same person.
        same: (n,) bool.
        fold: (n,) the folds of the accuracy; None draws ten by seed.
        fold_accuracy: the accuracy of each fold, where it is known already.
        people: who is left and right in each pair, names or numbers; None resamples pairs.
        seed: of the bootstrap and the folds.
        replicates: resamples of the bootstrap.

    Raises:
        UsageError: see `metrics.check_scores` and `folds.check_folds`; no replicates.
    """
    values = check_scores(scores, same)
    if replicates < 1:
        raise UsageError(f"must be at least 1, got {replicates}", where="replicates")
    if fold_accuracy is None:
        chosen = draw_folds(same, seed=seed) if fold is None else fold
        fold_accuracy = fold_accuracies(values, same, chosen)
    mismatched = int((~same).sum())
    fewer = min(mismatched, len(same) - mismatched)
    auc_replicates, eer_replicates, tar_replicates = bootstrap(
        values,
        same,
        people=people,
        fars=FARS,
        rng=make_rng(seed, "utility bootstrap"),
        replicates=replicates,
    )
    tars = {far: _tar(values, same, far, tar_replicates[i]) for i, far in enumerate(FARS)}
    return Utility(
        accuracy=fold_figure(fold_accuracy, len(same)),
        accuracy_standard_error=standard_error(fold_accuracy),
        fold_accuracy=tuple(fold_accuracy),
        auc=never_certain(percentile_interval(auc(values, same), auc_replicates), fewer),
        eer=never_certain(percentile_interval(eer(values, same), eer_replicates), fewer),
        tar_at_far=tars,
    )


def fold_figure(fold_accuracy: Sequence[float], pairs: int) -> Estimate:
    """Accuracy over folds with its interval, which no number of faultless folds makes vanish.

    Args:
        fold_accuracy: the accuracy of each fold, at least two.
        pairs: number of pairs in all folds.
    """
    return never_certain(t_interval(fold_accuracy), pairs)


def _tar(
    scores: npt.NDArray[np.float64],
    same: Labels,
    far: float,
    replicates: npt.NDArray[np.float64],
) -> Figure:
    needed, mismatched = mismatched_needed(far), int((~same).sum())
    if mismatched < needed:
        return Refused(
            f"TAR at FAR {far:g} needs at least {needed} mismatched pairs, got {mismatched}"
        )
    value = tar_at_far(scores, same, far)
    figure = percentile_interval(value, replicates)
    if isinstance(figure, Refused):
        return figure
    matched = int(same.sum())
    exact = clopper_pearson(round(value * matched), matched)
    return hull(value, (figure.low, figure.high), (exact.low, exact.high))
