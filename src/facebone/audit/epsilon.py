"""How much differential privacy the claims of an attack rule out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

from facebone.errors import UsageError
from facebone.verification.intervals import CONFIDENCE
from facebone.verification.metrics import Floats, Labels

Side = Literal["member", "non-member"]
"""What a score makes the attacker claim: at the threshold or above it, or below it."""

Counts = int | npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class EpsilonBound:
    """What epsilon of (epsilon, delta)-differential privacy is at least, by one target's claims.

    It holds with its confidence if candidates are independent of each other. Those of one target
    share its training and often people, so that it says what this training gave away rather than
    proving a bound for the recipe; see Steinke and others.

    Args:
        value: the lower bound; 0 where the claims rule nothing out.
        confidence: probability, at least, that `value` is no more than epsilon.
        delta: of the definition.
        side: the claim.
        members_claimed: members of whom it was made.
        members: scored.
        non_members_claimed: non-members of whom it was made.
        non_members: scored.

    References:
        M. Jagielski, J. Ullman, A. Oprea: Auditing differentially private machine learning: how
        private is private SGD? NeurIPS, 2020.
        M. Nasr, S. Song, A. Thakurta, N. Papernot, N. Carlini: Adversary instantiation: lower
        bounds for differentially private machine learning. IEEE S&P, 2021.
        T. Steinke, M. Nasr, M. Jagielski: Privacy auditing with one (1) training run. NeurIPS,
        2023.
    """

    value: float
    confidence: float
    delta: float
    side: Side
    members_claimed: int
    members: int
    non_members_claimed: int
    non_members: int

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> EpsilonBound:
        """The bound that `to_json` wrote."""
        return cls(**values)


def bound_epsilon(
    scores: Floats,
    member: Labels,
    threshold: float,
    side: Side,
    *,
    delta: float = 0.0,
    confidence: float = CONFIDENCE,
) -> EpsilonBound:
    """The bound from one kind of claims at a threshold that was chosen on other candidates.

    Args:
        scores: (n,), not NaN.
        member: (n,) bool, of both kinds.
        threshold: ``score >= threshold`` claims member.
        side: which of the two claims.
        delta: 0 or more, less than 1.
        confidence: more than 0, less than 1.

    Raises:
        UsageError: `delta` or `confidence` out of its range.
    """
    if not 0 <= delta < 1:
        raise UsageError(f"must be at least 0 and less than 1, got {delta:g}", where="delta")
    if not 0 < confidence < 1:
        raise UsageError(
            f"must be more than 0 and less than 1, got {confidence:g}", where="confidence"
        )
    claimed = (scores >= threshold) == (side == "member")
    ours, theirs = int(np.sum(claimed & member)), int(np.sum(claimed & ~member))
    members, non_members = int(member.sum()), int((~member).sum())
    counts = (ours, members, theirs, non_members)
    right_and_wrong = counts if side == "member" else (theirs, non_members, ours, members)
    low = float(epsilon_low(*right_and_wrong, delta=delta, confidence=confidence))
    return EpsilonBound(max(0.0, low), confidence, delta, side, *counts)


def epsilon_low(
    right: Counts,
    right_of: int,
    wrong: Counts,
    wrong_of: int,
    *,
    delta: float = 0.0,
    confidence: float = CONFIDENCE,
) -> Floats:
    """The lower bound of epsilon from how often claims are right and wrong, each of any shape.

    Args:
        right: claims about those of whom they are true.
        right_of: how many those are.
        wrong: claims about the others.
        wrong_of: how many those are.
        delta: of the definition.
        confidence: of the bound.

    Returns:
        The logarithm, which is negative, or minus infinity, where claims rule nothing out.
    """
    # With and without a candidate in the training data, the probability of any answer, such as
    # that of the claim "member", differs by a factor of exp(epsilon) and by delta at most:
    #     TPR <= exp(epsilon) FPR + delta, so epsilon >= log((TPR - delta) / FPR).
    # The definition is symmetric, so for the claim "non-member" likewise, with TNR and FNR. The
    # two rates are not known, but TPR is at least its lower and FPR at most its upper end by
    # Clopper and Pearson. Each end fails with probability (1 - confidence) / 2 at most, so one of
    # the two fails with 1 - confidence at most; the threshold must not depend on these candidates.
    tail = (1 - confidence) / 2
    right, wrong = np.asarray(right), np.asarray(wrong)
    low = betaincinv(np.maximum(right, 1), right_of - right + 1, tail)
    high = betaincinv(wrong + 1, np.maximum(wrong_of - wrong, 1), 1 - tail)
    low, high = np.where(right > 0, low, 0.0), np.where(wrong < wrong_of, high, 1.0)
    with np.errstate(divide="ignore"):
        bound: Floats = np.log(np.maximum(low - delta, 0.0) / high)
    return bound
