"""A shadow in the target's place: the attacker knows whom it was trained on, and learns from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facebone.attacks.observations import Mask, Observations
from facebone.errors import UsageError
from facebone.verification.heads.base import sigmoid


def in_place_of_target(observed: Observations, number: int) -> tuple[Observations, Mask]:
    """What the attacker would see if a shadow were the target, and who were its members.

    Args:
        observed: a target beside S shadows.
        number: of the shadow that takes the target's place, 0 .. S - 1.

    Returns:
        Observations of that shadow beside the S - 1 others, and (n,) whom it was trained on.

    Raises:
        UsageError: there are no shadows.
    """
    shadows = observed.shadows
    if shadows is None:
        raise UsageError("needs shadow verifiers, and none were trained", where="observations")
    others = shadows.choose(np.arange(len(shadows)) != number)
    # One answer a pair: of shadows the mean over repeated queries is kept.
    log_odds = shadows.log_odds[number].astype(np.float64)[:, None]
    played = replace(
        observed,
        score=sigmoid(log_odds),
        log_odds=log_odds,
        threshold=0.5,
        shadows=others,
        channels={
            channel: values[number].astype(np.float64)
            for channel, values in shadows.channels.items()
        },
        probes=None if observed.probes is None else observed.probes.in_place_of_target(number),
    )
    return played, shadows.trained[number]
