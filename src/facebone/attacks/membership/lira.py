"""LiRA: the likelihood of the target's answer if the candidate was a member, against if not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from facebone.attacks.membership.shadow_attack import Compared, ShadowAttack, check_choice
from facebone.attacks.membership.shadow_moments import (
    LEAST_VARIANCE,
    Moments,
    filled_means,
    pooled_variances,
    shrunk_variances,
)
from facebone.attacks.observations import Floats

Mode = Literal["online", "offline"]
Variance = Literal["shrunk", "global", "candidate"]


@dataclass(frozen=True, slots=True)
class LiRASettings:
    """Settings of LiRA.

    Args:
        mode: ``online`` compares with shadows that were trained on the candidate and with such
            that were not; ``offline`` with the latter alone, as an attacker must who trained them
            before knowing the candidates.
        variance: of a candidate's answers: its own (``candidate``), one for all (``global``), or
            its own drawn towards the usual one by as much as the shadows bid (``shrunk``). Its own
            needs 64 shadows or so; shrunk is safe for any number.

    Raises:
        UsageError: a value is none of these.
    """

    mode: Mode = "online"
    variance: Variance = "shrunk"

    def __post_init__(self) -> None:
        check_choice("mode", self.mode, get_args(Mode))
        check_choice("variance", self.variance, get_args(Variance))


class LiRA(ShadowAttack):
    """Goal: tell members by answers that shadows give where they were trained on the pair.

    Access: the score. Knowledge: whether each candidate shows one person, and shadows, verifiers
    that the attacker trained by the target's recipe on pairs like the candidates. Success: what
    the target answers is likelier from a verifier that was trained on the pair than from another.

    The margin m, the log odds of the right answer, is taken for normal, with a mean and variance
    over shadows trained on the candidate and another over the rest. Online the score is the
    logarithm of the ratio of the two densities at m. Offline it is ``(m - mean) / deviation`` of
    the shadows not trained on it: the paper's ``1 - Pr[Z > m]`` is its normal distribution
    function, which rises strictly, but is 1 in float64 from 9 on and would tie the surest members.

    A candidate that all shadows were trained on, or none, gets the mean that is missing from the
    usual gap between the two; see `filled_means`. Where no shadow was trained on any candidate, or
    all on all, only ``offline`` can be worked out, and is.

    References:
        Carlini, Chien, Nasr, Song, Terzis and Tramer, "Membership Inference Attacks From First
        Principles", 2022.
    """

    name = "lira"
    summary = "an answer likelier from shadows trained on the pair than from others means a member"
    settings_type = LiRASettings

    def _compare(self, seen: Compared) -> Floats:
        return log_ratio(seen, self.settings.mode, self.settings.variance)


def log_ratio(
    seen: Compared,
    mode: Mode,
    variance: Variance,
    *,
    least: Callable[[Floats], Floats] | None = None,
) -> Floats:
    """How much likelier each margin is from a verifier trained on the candidate; see `LiRA`, (n,).

    Args:
        seen: the target beside at least one shadow.
        mode: see `LiRASettings`.
        variance: see `LiRASettings`.
        least: what no variance may be below, given the candidates' means (n,).
    """
    inside = Moments.of(seen.margins, seen.trained)
    outside = Moments.of(seen.margins, ~seen.trained)
    mean_in, mean_out = filled_means(inside, outside)
    pooled_in, pooled_out = pooled_variances(inside, outside)
    variance_out = _variances(outside, pooled_out, variance)
    if least is not None:
        variance_out = np.maximum(variance_out, least(mean_out))
    off = seen.margin - mean_out
    if mode == "offline" or seen.one_sided:
        standard: Floats = off / np.sqrt(variance_out)
        return standard
    variance_in = _variances(inside, pooled_in, variance)
    if least is not None:
        variance_in = np.maximum(variance_in, least(mean_in))
    near = (seen.margin - mean_in) ** 2 / variance_in + np.log(variance_in)
    far = off**2 / variance_out + np.log(variance_out)
    ratio: Floats = (far - near) / 2
    return ratio


def _variances(moments: Moments, pooled: float, kind: Variance) -> Floats:
    """The variance of each candidate's answers about their mean, (n,)."""
    if kind == "shrunk":
        return shrunk_variances(moments, pooled)
    shared = np.full(len(moments.count), pooled)
    if kind == "global":
        return shared
    # The paper's own code divides by the count. One shadow shows no variance.
    own = moments.squares / np.maximum(moments.count, 1.0)
    return np.where(moments.count > 1, np.maximum(own, LEAST_VARIANCE), shared)
