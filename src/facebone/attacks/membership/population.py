"""The population attack: an answer better than those about pairs known not to be members."""

from __future__ import annotations

import numpy as np

from facebone.attacks.access import Access
from facebone.attacks.base import MembershipAttack
from facebone.attacks.observations import Floats, Mask, Observations


class Population(MembershipAttack):
    """Goal: tell members by an answer that few non-members of their class reach.

    Access: the score. Knowledge: whether each candidate shows one person, and some non-members of
    the target. Success: the target is surer and right about members than about most other pairs
    of their class, matched or mismatched.

    The score is the share of the class's known non-members, the population, whose margin the
    candidate's reaches: one minus the p-value of "not a member". Between two of them it is
    interpolated, and beyond the last it rises on towards the next step, so that no order is lost.
    What is known of members is not used.

    References:
        Attack P of Ye, Maddi, Murakonda, Bindschaedler and Shokri, "Enhanced Membership Inference
        Attacks against Machine Learning Models", 2022.
    """

    name = "population"
    summary = "an answer better than most non-members of its class get means a member"
    access = Access.SCORE
    knowledge = "Whether each candidate shows one person, and some non-members."
    learns = True

    def _fit(self, known: Observations, member: Mask, *, seed: int) -> None:
        margin = known.margin()
        self._populations = {}
        for same in (False, True):
            rows = ~member & (known.same == same)
            # A class without a known non-member is compared with all of them.
            self._populations[same] = np.sort(margin[rows if rows.any() else ~member])

    def _score(self, observed: Observations) -> Floats:
        margin = observed.margin()
        return np.where(
            observed.same,
            share_reached(margin, self._populations[True]),
            share_reached(margin, self._populations[False]),
        )


def share_reached(values: Floats, population: Floats) -> Floats:
    """The share of a sorted population that each value reaches, made strictly rising, in (0, 1).

    The i-th of k, counted from 1, is reached at ``i / (k + 1)``, equal ones at the mean of their
    places. Linear between; beyond both ends the rest of the way is gone by ``d / (1 + d)`` of it
    with the distance d.
    """
    steps, inverse, count = np.unique(population, return_inverse=True, return_counts=True)
    places = (np.cumsum(count) - (count - 1) / 2) / (len(inverse) + 1)
    inside = np.interp(values, steps, places)
    above, below = np.maximum(values - steps[-1], 0.0), np.maximum(steps[0] - values, 0.0)
    beyond = (1 - places[-1]) * above / (1 + above) - places[0] * below / (1 + below)
    found: Floats = inside + beyond
    return found
