"""Verification metrics of scored pairs: pure, exact with ties, decisions by ``score >= t``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Every operating point that scores allow, from accepting no pair to accepting all.

    Args:
        thresholds: (m + 1,) falling: infinity, then the m distinct scores.
        far: false accept rate, the share of mismatched pairs with ``score >= threshold``.
        tar: true accept rate, the share of matched pairs with ``score >= threshold``.
    """

    thresholds: Floats
    far: Floats
    tar: Floats

    @property
    def frr(self) -> Floats:
        """False reject rate, 1 - `tar`."""
        return 1.0 - self.tar


def check_scores(scores: npt.NDArray[np.floating], same: Labels) -> Floats:
    """The scores as float64, if they and the labels can be measured.

    Args:
        scores: (n,).
        same: (n,) bool.

    Raises:
        UsageError: shapes or types that do not fit, scores that are not numbers, or one class
            only. Infinite scores are allowed: only the order counts.
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or same.shape != values.shape or same.dtype != np.bool_:
        raise UsageError(
            f"scores and bool labels must be 1-d and equally long, got {values.shape} and "
            f"{same.dtype} of {same.shape}",
            where="scores",
        )
    if np.isnan(values).any():
        raise UsageError(f"{int(np.isnan(values).sum())} are not a number", where="scores")
    if same.all() or not same.any():
        raise UsageError(
            f"needs matched and mismatched pairs, got {int(same.sum())} and {int((~same).sum())}",
            where="scores",
        )
    return values


def roc_curve(scores: npt.NDArray[np.floating], same: Labels) -> Curve:
    """True against false accept rate at every distinct score, tied scores as one point.

    Args:
        scores: (n,), larger for the same person.
        same: (n,) bool.

    Raises:
        UsageError: see `check_scores`.
    """
    values = check_scores(scores, same)
    order = np.argsort(-values, kind="stable")
    ranked, truth = values[order], same[order]
    # Pairs with one score are accepted together: only the last of each run is a point.
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    accepted = np.cumsum(truth)[last]
    wrongly = last + 1 - accepted
    return Curve(
        np.concatenate([[np.inf], ranked[last]]),
        np.concatenate([[0.0], wrongly / wrongly[-1]]),
        np.concatenate([[0.0], accepted / accepted[-1]]),
    )


def det_curve(scores: npt.NDArray[np.floating], same: Labels) -> tuple[Floats, Floats, Floats]:
    """False accept rate, false reject rate and threshold at every operating point.

    Raises:
        UsageError: see `check_scores`.
    """
    curve = roc_curve(scores, same)
    return curve.far, curve.frr, curve.thresholds


def auc(scores: npt.NDArray[np.floating], same: Labels) -> float:
    """Probability that a matched pair scores above a mismatched one, ties counting half.

    From midranks (Mann-Whitney's U). Mirrors exactly: ``auc(s, ~y) == 1 - auc(s, y)``.

    Raises:
        UsageError: see `check_scores`.
    """
    values = check_scores(scores, same)
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    # A run of c tied scores that ends at rank r has the mean rank r - (c - 1) / 2; all of this,
    # and so U, is exact in float64: integers and halves.
    midrank = (np.cumsum(count) - (count - 1) / 2)[place]
    matched = int(same.sum())
    comparisons = matched * (len(values) - matched)
    wins = float(midrank[same].sum()) - matched * (matched + 1) / 2
    # Dividing rounds; dividing always the larger side makes both labellings round alike, since
    # subtracting a number of 0.5 .. 1 from 1 is exact.
    if 2 * wins >= comparisons:
        return wins / comparisons
    return 1.0 - (comparisons - wins) / comparisons


def eer(scores: npt.NDArray[np.floating], same: Labels) -> float:
    """Equal error rate: where false accept and false reject rate meet.

    Between two operating points the rates are joined by a line, which a decision that flips a coin
    for the pairs in between reaches.

    Raises:
        UsageError: see `check_scores`.
    """
    curve = roc_curve(scores, same)
    return equal_rate(curve.far, curve.frr)


def equal_rate(far: Floats, frr: Floats) -> float:
    """Where rising `far` (from 0 to 1) meets falling `frr` (from 1 to 0), both (m,)."""
    gap = far - frr
    after = int(np.argmax(gap >= 0))
    share = -gap[after - 1] / (gap[after] - gap[after - 1])
    return float(far[after - 1] + share * (far[after] - far[after - 1]))


def tar_at_far(scores: npt.NDArray[np.floating], same: Labels, far: float) -> float:
    """The largest true accept rate of any threshold whose false accept rate is at most `far`.

    No interpolation: the rate is one that a threshold really reaches.

    Raises:
        UsageError: see `check_scores`; or `far` is not in (0, 1).
    """
    check_far(far)
    curve = roc_curve(scores, same)
    return float(curve.tar[np.flatnonzero(curve.far <= far)[-1]])


def accuracy(scores: npt.NDArray[np.floating], same: Labels, threshold: float) -> float:
    """Share of pairs that ``score >= threshold`` decides rightly.

    Raises:
        UsageError: no pairs, or shapes that do not fit.
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or values.shape != same.shape or not len(values):
        raise UsageError(
            f"must be 1-d, as long as the labels and not empty, got {values.shape} and "
            f"{same.shape}",
            where="scores",
        )
    return float(np.mean((values >= threshold) == same))


def check_far(far: float) -> None:
    """Refuse a false accept rate that is not in (0, 1).

    Raises:
        UsageError: it is not.
    """
    if not 0 < far < 1:
        raise UsageError(f"must be more than 0 and less than 1, got {far:g}", where="far")


def mismatched_needed(far: float) -> int:
    """Mismatched pairs without which nothing can be said at a false accept rate.

    The rule of three: if the true rate is `far`, a sample of 3 / `far` shows no false accept at
    all with probability exp(-3) = 5 %; with fewer, having seen none proves nothing.

    Raises:
        UsageError: `far` is not in (0, 1).
    """
    check_far(far)
    # 3 / 0.001 is exact, 3 / 0.003 is not: a hair above an integer must not ask for one more.
    return int(np.ceil(3 / far * (1 - 1e-12)))
