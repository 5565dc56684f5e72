"""Choosing a threshold: at an asked false accept rate, or where accuracy is best."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError
from facebone.verification.metrics import Curve, Labels, mismatched_needed, roc_curve


def calibrate_threshold(scores: npt.NDArray[np.floating], same: Labels, *, far: float) -> float:
    """The lowest threshold whose false accept rate on these pairs is at most `far`.

    Use pairs that the head did not learn from: on its own it is too sure of itself.

    Args:
        scores: (n,) finite.
        same: (n,) bool.
        far: the rate asked for, in (0, 1).

    Returns:
        A threshold between two scores; pairs with ``score >= threshold`` are accepted.

    Raises:
        UsageError: fewer mismatched pairs than 3 / `far`, or bad scores; see
            `metrics.check_scores`.
    """
    needed = mismatched_needed(far)
    curve = _finite_curve(scores, same)
    mismatched = int((~same).sum())
    if mismatched < needed:
        raise UsageError(
            f"a threshold at FAR {far:g} needs at least {needed} mismatched pairs, "
            f"got {mismatched}",
            where="far",
            hint="give more pairs or ask for a larger rate",
        )
    return _threshold(curve, int(np.flatnonzero(curve.far <= far)[-1]))


def best_accuracy_threshold(scores: npt.NDArray[np.floating], same: Labels) -> float:
    """The threshold of the highest accuracy on these pairs: the rule of LFW's View 2.

    Where several thresholds are equally accurate, the one in the widest gap between two
    neighbouring scores is taken, where new pairs are least likely to fall on the wrong side; among
    equally wide ones the highest, which accepts fewer strangers.

    Args:
        scores: (n,) finite.
        same: (n,) bool.

    Returns:
        A threshold between two scores; pairs with ``score >= threshold`` are accepted.

    Raises:
        UsageError: see `metrics.check_scores`.
    """
    curve = _finite_curve(scores, same)
    matched = int(same.sum())
    # Counts, not rates: equal accuracies must compare equal.
    right = np.rint(curve.tar * matched) - np.rint(curve.far * (len(same) - matched))
    best = np.flatnonzero(right == right.max())
    # To accept none or all is a last resort with no gap beside it.
    scored = curve.thresholds[1:]
    # Halves, lest the gap between two huge scores overflow.
    gaps = np.concatenate([[0.0], scored[:-1] / 2 - scored[1:] / 2, [0.0]])
    return _threshold(curve, int(best[np.argmax(gaps[best])]))


def _finite_curve(scores: npt.NDArray[np.floating], same: Labels) -> Curve:
    curve = roc_curve(scores, same)
    if not np.isfinite(curve.thresholds[1:]).all():
        raise UsageError("must be finite to set a threshold between them", where="scores")
    return curve


def _threshold(curve: Curve, point: int) -> float:
    """A number that makes the decisions of an operating point, halfway to the next score."""
    if point == 0:
        return float(np.nextafter(curve.thresholds[1], np.inf))
    lowest_accepted = float(curve.thresholds[point])
    if point == len(curve.thresholds) - 1:
        return lowest_accepted
    highest_rejected = float(curve.thresholds[point + 1])
    middle = highest_rejected / 2 + lowest_accepted / 2
    # Between two neighbouring floats there is none: halfway rounds, perhaps to the wrong one.
    return middle if highest_rejected < middle <= lowest_accepted else lowest_accepted
