"""The loss threshold attack: the surer and right an answer, the likelier its pair is a member."""

from __future__ import annotations

from facebone.attacks.access import Access
from facebone.attacks.base import MembershipAttack
from facebone.attacks.observations import Floats, Observations


class LossThreshold(MembershipAttack):
    """Goal: tell members by their low cross-entropy loss.

    Access: the score. Knowledge: whether each candidate shows one person; nothing is learnt.
    Success: training lowered the loss of members more than that of other pairs.

    The loss of one pair is ``log(1 + exp(-m))`` with the margin ``m``, the log odds of the right
    answer. It falls strictly in ``m``, so ``m`` itself ranks as ``-loss`` does, at every
    threshold. ``m`` is what is scored, since the loss of a sure answer vanishes beside 1: from
    ``m`` of about 37 on only rounding is left of it, and from 745 on nothing at all.

    References:
        Yeom, Giacomelli, Fredrikson and Jha, "Privacy Risk in Machine Learning: Analyzing the
        Connection to Overfitting", 2018.
    """

    name = "loss_threshold"
    summary = "a low loss means a member"
    access = Access.SCORE
    knowledge = "Whether each candidate shows one person."

    def _score(self, observed: Observations) -> Floats:
        return observed.margin()
