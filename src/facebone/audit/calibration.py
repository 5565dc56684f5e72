"""What an attacker learns from candidates whose membership they know: thresholds and risks. Pure.

Such candidates are those of shadows that play the target in turn, or the other half of all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.audit.epsilon import Side, epsilon_low
from facebone.audit.statistics import FPRS
from facebone.errors import UsageError
from facebone.verification.metrics import Curve, Floats, Labels, mismatched_needed, roc_curve

CLAIM_FPRS = (0.1, *FPRS)
"""The false positive rates that thresholds are set for."""

GRID = 200
"""Thresholds that the search for the best bound of epsilon tries, at even steps of rank."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How to read an attack's scores, learnt from known candidates; see `calibrate`.

    A threshold claims member by ``score >= threshold``. It lies halfway between two neighbouring
    known scores.

    Args:
        members: known.
        non_members: known.
        thresholds: false positive rate -> the smallest threshold whose rate on the known
            non-members is at most that. A rate is missing where too few are known to set it, see
            `metrics.mismatched_needed`, or where too many of them score plus infinity.
        balanced: the threshold of the best balanced accuracy.
        epsilon_threshold: the threshold, and
        epsilon_side: the claim at it, whose lower bound of epsilon is the largest.
        risk_edges: (b - 1,) rising scores, each the first of the next block.
        risks: (b,) rising, the risk in each block.
    """

    members: int
    non_members: int
    thresholds: Mapping[float, float]
    balanced: float
    epsilon_threshold: float
    epsilon_side: Side
    risk_edges: tuple[float, ...]
    risks: tuple[float, ...]

    def risk(self, scores: npt.NDArray[np.floating]) -> Floats:
        """The probability that each is a member, if members and non-members are equally many.

        Args:
            scores: of any shape, by the attack that was calibrated.

        Returns:
            Of the same shape, in (0, 1), never falling as the score rises.

        Raises:
            UsageError: scores that are not numbers.
        """
        values = np.asarray(scores, dtype=np.float64)
        _refuse_nan(values)
        return np.asarray(self.risks)[np.searchsorted(self.risk_edges, values, side="right")]

    def to_json(self) -> dict[str, Any]:
        """As plain values; infinities, which JSON lacks, become ``"inf"`` and ``"-inf"``."""
        return {
            "members": self.members,
            "non_members": self.non_members,
            "thresholds": {f"{fpr:g}": _plain(at) for fpr, at in self.thresholds.items()},
            "balanced": _plain(self.balanced),
            "epsilon_threshold": _plain(self.epsilon_threshold),
            "epsilon_side": self.epsilon_side,
            "risk_edges": [_plain(edge) for edge in self.risk_edges],
            "risks": list(self.risks),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Calibration:
        """The calibration that `to_json` wrote."""
        return cls(
            members=values["members"],
            non_members=values["non_members"],
            thresholds={float(fpr): float(at) for fpr, at in values["thresholds"].items()},
            balanced=float(values["balanced"]),
            epsilon_threshold=float(values["epsilon_threshold"]),
            epsilon_side=values["epsilon_side"],
            risk_edges=tuple(float(edge) for edge in values["risk_edges"]),
            risks=tuple(values["risks"]),
        )


def calibrate(scores: npt.NDArray[np.floating], member: Labels) -> Calibration:
    """Learn thresholds and risks from candidates whose membership is known.

    Args:
        scores: (m,), larger for members; infinite ones are allowed, only the order counts.
        member: (m,) bool, of both kinds.

    Raises:
        UsageError: see `check_scored`.
    """
    values = check_scored(scores, member)
    curve = roc_curve(values, member)
    members, non_members = int(member.sum()), int((~member).sum())
    threshold, side = _best_epsilon(curve, members, non_members)
    edges, risks = _risk_blocks(values, member)
    return Calibration(
        members=members,
        non_members=non_members,
        thresholds=_thresholds(curve, non_members),
        balanced=best_balanced_threshold(values, member),
        epsilon_threshold=threshold,
        epsilon_side=side,
        risk_edges=edges,
        risks=risks,
    )


def best_balanced_threshold(scores: Floats, member: Labels) -> float:
    """The threshold of the best balanced accuracy of ``score >= threshold``.

    It lies halfway between two neighbouring scores: in the middle of a group of equal scores the
    claims on other candidates would be up to chance. Of equally good ones the highest is taken.

    Args:
        scores: (n,), not NaN.
        member: (n,) bool, of both kinds.
    """
    curve = roc_curve(scores, member)
    # To claim none is no better than to claim all, the last point.
    return _threshold_at(curve, 1 + int(np.argmax((curve.tar - curve.far)[1:])))


def check_scored(scores: npt.NDArray[np.floating], member: Labels) -> Floats:
    """The scores as float64, if they and the truth fit each other.

    Args:
        scores: (n,).
        member: (n,) bool.

    Raises:
        UsageError: shapes or types that do not fit, scores that are not numbers, no members or no
            non-members.
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or member.shape != values.shape or member.dtype != np.bool_:
        raise UsageError(
            f"must be bool of the shape of the scores, {values.shape}, got {member.dtype} of "
            f"{member.shape}",
            where="member",
        )
    _refuse_nan(values)
    if member.all() or not member.any():
        raise UsageError(
            f"needs members and non-members, got {int(member.sum())} and {int((~member).sum())}",
            where="member",
        )
    return values


def _refuse_nan(values: Floats) -> None:
    bad = np.isnan(values)
    if bad.any():
        raise UsageError(f"{int(bad.sum())} of {bad.size} are not a number", where="attack scores")


def _plain(value: float) -> float | str:
    return value if np.isfinite(value) else str(value)


def _between(below: float, above: float) -> float:
    """A threshold that parts two scores, halfway if there is such a number."""
    # Halves, lest the sum overflow; infinite scores have no middle.
    middle = below / 2 + above / 2
    return middle if np.isfinite(middle) and middle > below else above


def _threshold_at(curve: Curve, point: int) -> float:
    """The threshold that claims those whom a point of the curve claims."""
    if point == len(curve.thresholds) - 1:
        return float("-inf")
    return _between(float(curve.thresholds[point + 1]), float(curve.thresholds[point]))


def _thresholds(curve: Curve, non_members: int) -> dict[float, float]:
    found = {}
    for fpr in CLAIM_FPRS:
        point = int(np.flatnonzero(curve.far <= fpr)[-1])
        # No threshold turns away a score of plus infinity.
        impossible = point == 0 and np.isposinf(curve.thresholds[1])
        if non_members >= mismatched_needed(fpr) and not impossible:
            found[fpr] = _threshold_at(curve, point)
    return found


def _best_epsilon(curve: Curve, members: int, non_members: int) -> tuple[float, Side]:
    """The threshold and the claim of the largest lower bound of epsilon.

    The bound itself is compared, not an estimate of epsilon, so that few lucky claims do not win.
    """
    ours = np.rint(curve.tar * members).astype(np.intp)
    theirs = np.rint(curve.far * non_members).astype(np.intp)
    ranks = np.linspace(0, members + non_members, GRID + 2)[1:-1]
    points = np.unique(np.searchsorted(ours + theirs, ranks))
    # The last point claims all, which tells nothing; it is all there is if scores are constant.
    last = len(ours) - 1
    if last > 1:
        inner = points[points < last]
        # Where nearly all scores are the lowest one, no rank falls among the others.
        points = inner if len(inner) else np.arange(1, last)
    right, wrong = ours[points], theirs[points]
    above = epsilon_low(right, members, wrong, non_members)
    below = epsilon_low(non_members - wrong, non_members, members - right, members)
    if above.max() >= below.max():
        return _threshold_at(curve, int(points[np.argmax(above)])), "member"
    return _threshold_at(curve, int(points[np.argmax(below)])), "non-member"


def _risk_blocks(values: Floats, member: Labels) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Scores at which the risk rises, (b - 1,), and the risks, (b,); by isotonic regression.

    References:
        B. Zadrozny, C. Elkan: Transforming classifier scores into accurate multiclass probability
        estimates. KDD, 2002.
    """
    from sklearn.isotonic import isotonic_regression

    distinct, place = np.unique(values, return_inverse=True)
    # Members and non-members weigh the same in total, and a candidate weighs 1 in the mean.
    weight = len(values) / 2 / np.where(member, member.sum(), (~member).sum())
    total = np.bincount(place, weights=weight)
    risen = np.bincount(place, weights=weight * member)
    fitted = isotonic_regression(risen / total, sample_weight=total)
    # Neighbours with equal shares are one block, however the regression rounds them.
    starts = np.flatnonzero(np.append(True, np.diff(fitted) > 1e-9))
    total, risen = np.add.reduceat(total, starts), np.add.reduceat(risen, starts)
    risks = risen / total
    # The first and the last block are often pure, and no score makes membership sure or
    # impossible: Laplace's rule of succession. This may turn the order with a neighbour: fit anew.
    for end in {0, len(risks) - 1}:
        risks[end] = (risen[end] + 1) / (total[end] + 2)
    risks = isotonic_regression(risks, sample_weight=total)
    edges = [_between(float(distinct[i - 1]), float(distinct[i])) for i in starts[1:]]
    return tuple(edges), tuple(float(risk) for risk in risks)
