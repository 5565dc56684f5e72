"""RMIA: a candidate whose answer rose by training more than that of other pairs is a member."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from facebone.attacks.membership.shadow_attack import Compared, ShadowAttack, check_choice
from facebone.attacks.membership.shadow_moments import Moments, filled_means
from facebone.attacks.observations import Floats
from facebone.errors import UsageError
from facebone.settings import check_number

Mode = Literal["online", "offline"]


@dataclass(frozen=True, slots=True)
class RMIASettings:
    """Settings of RMIA.

    Args:
        mode: whether the mean over verifiers takes shadows that were trained on the candidate
            (``online``), or guesses what they would say (``offline``).
        gamma: how many times a candidate's ratio must be that of another pair to beat it.
        offline_a: what shadows trained on the pair would say is guessed by
            ``a p_out + (1 - a)``; 0 means they would be certain, 1 that training changes nothing.

    Raises:
        UsageError: a value is out of range.
    """

    mode: Mode = "online"
    gamma: float = 2.0
    offline_a: float = 0.3

    def __post_init__(self) -> None:
        check_choice("mode", self.mode, get_args(Mode))
        check_number("gamma", self.gamma, low=1.0)
        check_number("offline_a", self.offline_a, low=0.0)
        if self.offline_a > 1:
            raise UsageError(f"must be at most 1, got {self.offline_a!r}", where="offline_a")


class RMIA(ShadowAttack):
    """Goal: tell members by an answer that beats what other verifiers say, and more than others do.

    Access: the score. Knowledge: whether each candidate shows one person, and shadows, verifiers
    that the attacker trained by the target's recipe on pairs like the candidates. Success: the
    ratio of a member's probability under the target to its mean over verifiers is larger than that
    of other pairs.

    With ``p(x)`` the probability of the right answer, averaged over verifiers that were trained on
    x and such that were not in equal parts, the score is the share of the other candidates z for
    which ``(p(x | target) / p(x)) / (p(z | target) / p(z)) >= gamma``. The other candidates are
    the paper's population. Comparing with a sorted list counts them all at once; equal ratios get
    equal scores.

    References:
        Zarifzadeh, Liu and Shokri, "Low-Cost High-Power Membership Inference Attacks", 2024.
    """

    name = "rmia"
    summary = "a probability that training raised more than that of other pairs means a member"
    settings_type = RMIASettings

    def _compare(self, seen: Compared) -> Floats:
        # log(sigmoid(m)) = -log(1 + exp(-m)), without rounding sure answers to 1.
        raised = -np.logaddexp(0.0, -seen.margin) - np.log(self._usual(seen))
        limit = raised - np.log(self.settings.gamma)
        beaten = np.searchsorted(np.sort(raised), limit, side="right").astype(np.float64)
        # A candidate is not in its own population; it reaches its own ratio if gamma is 1.
        beaten -= raised <= limit
        share: Floats = beaten / max(len(raised) - 1, 1)
        return share

    def _usual(self, seen: Compared) -> Floats:
        """p(x), (n,), more than 0."""
        from scipy.special import expit

        right = expit(seen.margins)
        inside, outside = filled_means(
            Moments.of(right, seen.trained), Moments.of(right, ~seen.trained)
        )
        # The usual gap may lead beyond what a probability can be.
        inside, outside = np.clip(inside, 0.0, 1.0), np.clip(outside, 0.0, 1.0)
        if self.settings.mode == "offline":
            a = self.settings.offline_a
            inside = a * outside + (1 - a)
        usual: Floats = np.maximum((inside + outside) / 2, np.finfo(np.float64).tiny)
        return usual
