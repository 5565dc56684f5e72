"""Difficulty calibration: what answers gained over those of the public, unadapted backbones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from facebone.attacks.access import Channel
from facebone.attacks.observations import Floats, Mask, Observations
from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.verification.heads.base import sigmoid

NOTHING = 1e-5
"""What is left of answers, in parts of their deviation, when only rounding can tell them from what
the backbones say."""


def gained(observed: Observations) -> Observations:
    """The first answers about each candidate less what the public backbones lead one to expect.

    A pair may be easy because the target was trained on its people, or because the faces are alike:
    the backbones, which anybody has, say which. See `gain`; target and shadows have a line each.

    Args:
        observed: with `Channel.UNADAPTED`, of shadows too.

    References:
        Watson, Guo, Cormode and Sablayrolles, "On the Importance of Difficulty Calibration in
        Membership Inference Attacks", 2022.
    """
    same, shadows = observed.same, observed.shadows
    own = gain(observed.log_odds[:, 0], observed.channels[Channel.UNADAPTED][:, 0], same)[:, None]
    if shadows is not None:
        public = shadows.channels[Channel.UNADAPTED][..., 0]
        of_each = [gain(*both, same) for both in zip(shadows.log_odds, public, strict=True)]
        shadows = ShadowAnswers(
            np.array(of_each, dtype=np.float32).reshape(shadows.log_odds.shape),
            shadows.trained,
            shadows.channels,
        )
    return replace(observed, score=sigmoid(own), log_odds=own, threshold=0.5, shadows=shadows)


def gain(
    log_odds: npt.NDArray[np.floating], public: npt.NDArray[np.floating], same: Mask
) -> Floats:
    """How far log odds lie from a straight line on what the public backbones say, (n,).

    The line is fitted to all candidates by least squares, one to matched pairs and one to
    mismatched; it needs no membership, and brings both to one scale.

    Args:
        log_odds: (n,) of the same person.
        public: (n,) mean cosine under the backbones.
        same: (n,) bool.
    """
    found = np.zeros(len(same))
    for kind in (same, ~same):
        if not kind.any():
            continue
        y = log_odds[kind].astype(np.float64)
        x = public[kind].astype(np.float64)
        y, x = y - y.mean(), x - x.mean()
        spread = float(x @ x)
        rest = y if spread == 0 else y - x * (float(x @ y) / spread)
        # Where a target says no more than the backbones do, rounding must not rank anybody.
        found[kind] = rest if rest.std() > NOTHING * y.std() else 0.0
    return found
