"""LiRA on every pair that was asked about a picture or a person, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from facebone.attacks.membership.lira import Mode, Variance, log_ratio
from facebone.attacks.membership.set_attack import SetAttack, sizes
from facebone.attacks.membership.shadow_attack import Compared, check_choice
from facebone.attacks.observations import Floats
from facebone.attacks.probe_answers import Positions

Combine = Literal["sum", "mean"]


@dataclass(frozen=True, slots=True)
class SetLikelihoodSettings:
    """Settings of the likelihood of a set.

    Args:
        combine: the ratios of a candidate's pairs. ``sum`` trusts a candidate with many pairs more,
            and is right where pairs tell different things; ``mean`` is right where all tell the
            same. On made-up answers, between pairs that share nothing and such that share six
            tenths of their noise, the sum is ahead or level, more so the less they share.
        mode: see `LiRASettings`.
        variance: see `LiRASettings`.

    Raises:
        UsageError: a value is none of these.
    """

    combine: Combine = "sum"
    mode: Mode = "online"
    variance: Variance = "shrunk"

    def __post_init__(self) -> None:
        check_choice("combine", self.combine, get_args(Combine))
        check_choice("mode", self.mode, get_args(Mode))
        check_choice("variance", self.variance, get_args(Variance))


class SetLikelihood(SetAttack):
    """Goal: tell pictures and people that were trained on by all answers about them.

    Access: the score. Knowledge: pictures of each candidate, and shadows, verifiers that the
    attacker trained by the target's recipe on pictures like the candidates'. Success: what the
    target answers about the pairs is likelier from a verifier that was trained on the candidate.

    For each pair the logarithm of LiRA's likelihood ratio is worked out, with shadows that were
    trained on the candidate against such that were not. Easy pairs, about which no shadow says
    anything new, count little, where in a mean of margins they count as much as others. Were the
    pairs of a candidate independent, the sum would be the logarithm of their likelihood ratio.

    References:
        Carlini, Chien, Nasr, Song, Terzis and Tramer, "Membership Inference Attacks From First
        Principles", 2022; one person's many pictures: Li, Rezaei and Liu, "User-Level Membership
        Inference Attack against Metric Embedding Learning", 2022.
    """

    name = "set_likelihood"
    summary = "pairs likelier answered so by shadows trained on the candidate mean a member"
    settings_type = SetLikelihoodSettings

    def _judge(self, pairs: Compared, first: Positions) -> Floats:
        ratios = log_ratio(pairs, self.settings.mode, self.settings.variance)
        total: Floats = np.add.reduceat(ratios, first)
        return total / sizes(pairs, first) if self.settings.combine == "mean" else total
