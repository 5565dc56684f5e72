"""Membership by the likelihood ratio of an answer's margin, members against non-members."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facebone.attacks.access import Access
from facebone.attacks.base import MembershipAttack
from facebone.attacks.observations import Floats, Mask, Observations
from facebone.settings import check_number


@dataclass(frozen=True, slots=True)
class LossDensitySettings:
    """How the two densities are drawn.

    Args:
        width: least standard deviation of a density, in units of log odds; answers that are all
            alike would otherwise make it a spike.
    """

    width: float = 0.1

    def __post_init__(self) -> None:
        check_number("width", self.width, low=0, low_open=True)


class LossDensity(MembershipAttack):
    """Goal: tell members by how likely their margin is among members, against non-members.

    Access: the score. Knowledge: whether each candidate shows one person, and some members and
    non-members of the target. Success: margins of members are distributed otherwise than those of
    other pairs of their class, be they larger, smaller, or only less spread.

    The margin is the log odds of the right answer. For matched and mismatched pairs apart, one
    normal density is fitted to the margins of known members and one to those of non-members; the
    score is the logarithm of their ratio. A threshold on the loss, which only asks whether the
    margin is large, is this attack where both densities are equally wide.

    References:
        Adversary 2 of Yeom, Giacomelli, Fredrikson and Jha, "Privacy Risk in Machine Learning:
        Analyzing the Connection to Overfitting", 2018: the density of the error on training data
        against that on other data.
    """

    name = "loss_density"
    summary = "a margin likelier among members than among non-members means a member"
    access = Access.SCORE
    knowledge = "Whether each candidate shows one person, and some members and non-members."
    learns = True
    settings_type = LossDensitySettings

    def _fit(self, known: Observations, member: Mask, *, seed: int) -> None:
        del seed  # nothing is drawn
        margin = known.margin()
        self._densities = {}
        for same in (False, True):
            for inside in (False, True):
                rows = (known.same == same) & (member == inside)
                # A class of which nothing is known is compared by all candidates.
                shown = margin[rows if rows.any() else member == inside]
                width = max(float(shown.std()), self.settings.width)
                self._densities[same, inside] = float(shown.mean()), width

    def _score(self, observed: Observations) -> Floats:
        margin = observed.margin()
        ratio = {
            same: self._log_density(margin, same, True) - self._log_density(margin, same, False)
            for same in (False, True)
        }
        return np.where(observed.same, ratio[True], ratio[False])

    def _log_density(self, margin: Floats, same: bool, inside: bool) -> Floats:
        """Of a normal density, without the constant that both have."""
        mean, width = self._densities[same, inside]
        found: Floats = -0.5 * ((margin - mean) / width) ** 2 - np.log(width)
        return found
