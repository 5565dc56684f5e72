"""The protocol of LFW's View 2: each fold is scored with what the other folds teach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.seeding import derive_seed
from facebone.verification.calibration import best_accuracy_threshold
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.folds import Folds, check_folds
from facebone.verification.heads.base import Head, Labels, Scores
from facebone.verification.heads.checks import check_labelled
from facebone.verification.intervals import People
from facebone.verification.metrics import accuracy
from facebone.verification.utility import Utility, measure_utility

HeadFactory = Callable[[], Head]
"""Gives an unfitted head; `Head.fresh` of a head is one."""


@dataclass(frozen=True, slots=True, eq=False)
class FoldEvaluation:
    """What evaluating fold by fold found.

    Args:
        utility: of all pairs; the accuracies of the folds are in it.
        scores: (n,) the score of each pair by the head that did not learn from its fold.
        thresholds: (folds,) the threshold used on each fold, folds in rising order.
    """

    utility: Utility
    scores: Scores
    thresholds: npt.NDArray[np.float64]


def evaluate_folds(
    head_factory: HeadFactory,
    pairs: EmbeddedPairs,
    same: Labels,
    fold: Folds,
    people: People | None,
    *,
    seed: int,
    replicates: int = 1000,
) -> FoldEvaluation:
    """Accuracy, AUC, EER and TAR of a head under the protocol.

    For each fold, a head that learns is fitted to the other folds, the threshold of best accuracy
    is chosen on its scores of those, and with it the fold is decided: nothing of the fold is seen
    before. The curve's figures take the scores of all folds together; those of a head that learns
    come from one head a fold and are comparable because they are probabilities.

    Args:
        head_factory: gives an unfitted head.
        pairs: n pairs.
        same: (n,) bool.
        fold: (n,).
        people: who is left and right in each pair, for the intervals; None resamples pairs.
        seed: for everything random.
        replicates: resamples of the bootstrap.

    Raises:
        UsageError: see `folds.check_folds` and `Head.fit`.
    """
    check_labelled(pairs, same, where="evaluation")
    numbers = check_folds(fold, same)
    scores, thresholds, accuracies = np.empty(len(same)), [], []
    head = head_factory()
    fixed = None if head.learns else head.score(pairs)
    for number in numbers:
        inside = fold == number
        if fixed is None:
            head = _fit_without(head_factory, pairs, same, inside, seed=seed, fold=int(number))
            found = head.score(pairs)
        else:
            found = fixed
        threshold = best_accuracy_threshold(found[~inside], same[~inside])
        scores[inside] = found[inside]
        thresholds.append(threshold)
        accuracies.append(accuracy(found[inside], same[inside], threshold))
    utility = measure_utility(
        scores,
        same,
        fold_accuracy=accuracies,
        people=people,
        seed=seed,
        replicates=replicates,
    )
    return FoldEvaluation(utility, scores, np.array(thresholds))


def held_out_scores(
    head_factory: HeadFactory, pairs: EmbeddedPairs, same: Labels, fold: Folds, *, seed: int
) -> Scores:
    """Scores of n pairs, each by a head fitted without the pair's fold, (n,).

    Raises:
        UsageError: see `folds.check_folds` and `Head.fit`.
    """
    numbers = check_folds(fold, same)
    head = head_factory()
    if not head.learns:
        return head.score(pairs)
    scores = np.empty(len(same))
    for number in numbers:
        inside = fold == number
        head = _fit_without(head_factory, pairs, same, inside, seed=seed, fold=int(number))
        scores[inside] = head.score(pairs.take(inside))
    return scores


def _fit_without(
    head_factory: HeadFactory,
    pairs: EmbeddedPairs,
    same: Labels,
    inside: Labels,
    *,
    seed: int,
    fold: int,
) -> Head:
    head = head_factory()
    head.fit(pairs.take(~inside), same[~inside], seed=derive_seed(seed, "fold", fold))
    return head
