"""Folds: parts of the pairs, each measured with what the others teach."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError
from facebone.seeding import make_rng
from facebone.verification.calibration import best_accuracy_threshold
from facebone.verification.metrics import Labels, check_scores

Folds = npt.NDArray[np.intp]
"""The fold of each of n pairs, (n,)."""


def draw_folds(same: Labels, *, seed: int, count: int = 10) -> Folds:
    """Folds of equal size and equal share of matched pairs, drawn by seed.

    With fewer than `count` matched or mismatched pairs there are as many folds as the rarer class
    has pairs. The folds may share people; folds that must not come from the data set.

    Args:
        same: (n,) bool.
        seed: of the draw.
        count: number of folds, at least 2.

    Raises:
        UsageError: fewer than two matched or two mismatched pairs.
    """
    count = min(count, int(same.sum()), int((~same).sum()))
    if count < 2:
        raise UsageError(
            f"needs at least two matched and two mismatched pairs, got {int(same.sum())} and "
            f"{int((~same).sum())}",
            where="folds",
        )
    rng = make_rng(seed, "folds")
    fold = np.empty(len(same), dtype=np.intp)
    for label in (True, False):
        positions = rng.permutation(np.flatnonzero(same == label))
        fold[positions] = np.arange(len(positions)) % count
    return fold


def check_folds(fold: Folds, same: Labels) -> Folds:
    """Numbers of the folds, sorted, if every fold can be measured with the help of the others.

    Raises:
        UsageError: a wrong shape, fewer than two folds, or the pairs outside some fold are of one
            class only.
    """
    if fold.shape != same.shape:
        raise UsageError(f"needs one a pair, {same.shape}, got {fold.shape}", where="folds")
    numbers = np.unique(fold)
    if len(numbers) < 2:
        raise UsageError(f"needs at least two, got {len(numbers)}", where="folds")
    for number in numbers:
        others = same[fold != number]
        if others.all() or not others.any():
            raise UsageError(
                f"outside fold {number} there are only {'' if others.all() else 'mis'}matched "
                "pairs",
                where="folds",
                hint="give every fold matched and mismatched pairs",
            )
    return numbers


def fold_accuracies(
    scores: npt.NDArray[np.floating], same: Labels, fold: Folds
) -> tuple[float, ...]:
    """The rule of LFW's View 2 for fixed scores: each fold at the best threshold of the others.

    Args:
        scores: (n,).
        same: (n,) bool.
        fold: (n,).

    Returns:
        One accuracy a fold, folds in rising order.

    Raises:
        UsageError: see `check_folds` and `metrics.check_scores`.
    """
    said = decide(scores, same, fold)
    return tuple(float(np.mean(said[fold == k] == same[fold == k])) for k in np.unique(fold))


def decide(scores: npt.NDArray[np.floating], same: Labels, fold: Folds) -> Labels:
    """Decisions about n pairs, those of each fold at the best threshold of the others, (n,).

    Args:
        scores: (n,).
        same: (n,) bool.
        fold: (n,).

    Raises:
        UsageError: see `check_folds` and `metrics.check_scores`.
    """
    values = check_scores(scores, same)
    said = np.empty(len(same), dtype=np.bool_)
    for number in check_folds(fold, same):
        inside = fold == number
        said[inside] = values[inside] >= best_accuracy_threshold(values[~inside], same[~inside])
    return said
