"""The reference attack: how much surer and right the target is than verifiers without the pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from facebone.attacks.membership.shadow_attack import Compared, ShadowAttack, check_choice
from facebone.attacks.membership.shadow_moments import Moments, filled_means
from facebone.attacks.observations import Floats

Signal = Literal["margin", "loss"]


@dataclass(frozen=True, slots=True)
class ReferenceSettings:
    """Settings of the reference attack.

    Args:
        signal: what is compared: the log odds of the right answer (``margin``), or minus the
            cross-entropy ``loss``, as in the paper.

    Raises:
        UsageError: it is neither.
    """

    signal: Signal = "margin"

    def __post_init__(self) -> None:
        check_choice("signal", self.signal, get_args(Signal))


class Reference(ShadowAttack):
    """Goal: tell members by answers better than the pair's difficulty explains.

    Access: the score. Knowledge: whether each candidate shows one person, and shadows, verifiers
    that the attacker trained by the target's recipe on pairs like the candidates. Success: the
    target answers better about members than verifiers that were not trained on them do.

    The score is the target's margin less its mean over shadows that were not trained on the pair.
    Divided by the deviation of the latter it would be offline LiRA.

    References:
        Watson, Guo, Cormode and Sablayrolles, "On the Importance of Difficulty Calibration in
        Membership Inference Attacks", 2022; attack R of Ye, Maddi, Murakonda, Bindschaedler and
        Shokri, "Enhanced Membership Inference Attacks against Machine Learning Models", 2022.
    """

    name = "reference"
    summary = "a better answer than verifiers without the pair give means a member"
    settings_type = ReferenceSettings

    def _compare(self, seen: Compared) -> Floats:
        own, others = seen.margin, seen.margins
        if self.settings.signal == "loss":
            own, others = -np.logaddexp(0.0, -own), -np.logaddexp(0.0, -others)
        _, usual = filled_means(Moments.of(others, seen.trained), Moments.of(others, ~seen.trained))
        better: Floats = own - usual
        return better
