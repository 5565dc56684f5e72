"""The score bits attack: membership hidden in the binary digits of the score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.attacks.access import Access
from facebone.attacks.base import MembershipAttack
from facebone.attacks.observations import Floats, Mask, Observations
from facebone.data.splits import Level
from facebone.settings import check_number

Bits = npt.NDArray[np.bool_]

DOUBLE_BITS, SINGLE_BITS = 52, 23


@dataclass(frozen=True, slots=True)
class ScoreBitsSettings:
    """Settings of the score bits attack.

    Args:
        significance: chance that candidates without a leak show one, over all bits together.

    Raises:
        UsageError: it is not in (0, 1).
    """

    significance: float = 0.01

    def __post_init__(self) -> None:
        check_number("significance", self.significance, low=0.0, high=1.0, low_open=True)


class ScoreBits(MembershipAttack):
    """Goal: find membership in the digits of the score that no one looks at.

    Access: the score, to the last bit. Knowledge: whether each candidate shows one person, and
    some members and non-members of the target. Success: a bit of the first answer, or whether it
    agrees with the label, goes with membership.

    Bits are those after the leading one of the score as float64 (52) and rounded to float32 (23),
    each as it is and compared with the label: 150 in all. Given that many, chance alone makes
    some look telling, so only those stay whose association with the known memberships is
    significant at ``significance / 150`` (Bonferroni). A logistic regression joins what stayed;
    if nothing did, every candidate scores 0. Constant bits tell nothing and drop out.
    """

    name = "score_bits"
    summary = "membership is looked for in the binary digits of the score"
    access = Access.SCORE
    levels = (Level.PAIR,)
    knowledge = "Whether each candidate shows one person, and some members and non-members."
    learns = True
    averages = False
    settings_type = ScoreBitsSettings

    def _fit(self, known: Observations, member: Mask, *, seed: int) -> None:
        from sklearn.linear_model import LogisticRegression

        bits = _bits(known)
        chance = association(bits, member)
        self._kept = np.flatnonzero(chance < self.settings.significance / bits.shape[1])
        self._weights = np.zeros(len(self._kept))
        if len(self._kept):
            # Float32's bits may repeat float64's; the penalty keeps such twins, and a bit that is
            # membership itself, from growing without bound.
            model = LogisticRegression(C=1.0, solver="liblinear", random_state=seed)
            model.fit(bits[:, self._kept].astype(np.float64), member)
            self._weights = model.coef_[0]

    def _score(self, observed: Observations) -> Floats:
        # The constant of the regression is left out: it changes no order.
        found: Floats = _bits(observed)[:, self._kept].astype(np.float64) @ self._weights
        return found


def _bits(observed: Observations) -> Bits:
    """The digits of first answers, and whether each agrees with the label, (n, 150)."""
    raw = binary_digits(observed.score[:, 0])
    return np.concatenate([raw, raw == observed.same[:, None]], axis=1)


def binary_digits(score: npt.NDArray[np.floating]) -> Bits:
    """Fraction bits of n scores as float64 and as float32, (n, 75), lowest first in each."""
    double = np.ascontiguousarray(score, dtype=np.float64)
    with np.errstate(over="ignore", under="ignore"):
        single = double.astype(np.float32)
    return np.concatenate(
        [
            _low_bits(double.view(np.uint64), DOUBLE_BITS),
            _low_bits(single.view(np.uint32), SINGLE_BITS),
        ],
        axis=1,
    )


def _low_bits(words: npt.NDArray[np.unsignedinteger], count: int) -> Bits:
    shifts = np.arange(count, dtype=words.dtype)
    found: Bits = (words[:, None] >> shifts & words.dtype.type(1)).astype(np.bool_)
    return found


def association(bits: Bits, member: Mask) -> Floats:
    """Chance of an association at least this strong without a leak, for each column, (k,).

    A two-sided test of equal shares of set bits among members and non-members (normal
    approximation with Yates' correction, which errs on the cautious side); 1 for constant columns.
    """
    from scipy.special import ndtr

    members, others = int(member.sum()), int((~member).sum())
    ones = bits[member].sum(axis=0), bits[~member].sum(axis=0)
    pooled = (ones[0] + ones[1]) / len(member)
    spread = np.sqrt(pooled * (1 - pooled) * (1 / members + 1 / others))
    gap = np.abs(ones[0] / members - ones[1] / others) - (1 / members + 1 / others) / 2
    safe = np.where(spread > 0, spread, 1.0)
    z = np.where(spread > 0, np.maximum(gap, 0.0) / safe, 0.0)
    chance: Floats = 2 * ndtr(-z)
    return chance
