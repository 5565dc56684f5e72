"""The gap attack: a pair that is decided rightly is called a member."""

from __future__ import annotations

from facebone.attacks.access import Access
from facebone.attacks.base import MembershipAttack
from facebone.attacks.observations import Floats, Observations
from facebone.data.splits import Level


class Gap(MembershipAttack):
    """Goal: tell members by right decisions.

    Access: decisions. Knowledge: whether each candidate shows one person; nothing is learnt.
    Success: the target is right more often about members than about other pairs; the attack's
    balanced accuracy is a half plus half of that gap.

    A pair that was asked several times scores the share of right decisions: an attacker without
    scores sees no mean of them.

    References:
        Yeom, Giacomelli, Fredrikson and Jha, "Privacy Risk in Machine Learning: Analyzing the
        Connection to Overfitting", 2018 (its first attack); the name is of Choquette-Choo, Tramer,
        Carlini and Papernot, "Label-Only Membership Inference Attacks", 2021.
    """

    name = "gap"
    summary = "a right decision means a member"
    access = Access.DECISION
    levels = (Level.PAIR,)
    knowledge = "Whether each candidate shows one person."

    def _score(self, observed: Observations) -> Floats:
        return observed.right_share()
