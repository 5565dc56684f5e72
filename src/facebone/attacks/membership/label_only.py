"""Label-only membership inference: right decisions that survive changed pictures mean a member."""

from __future__ import annotations

from facebone.attacks.access import Access, Channel
from facebone.attacks.base import MembershipAttack
from facebone.attacks.observations import Floats, Observations


class LabelOnly(MembershipAttack):
    """Goal: tell members by decisions that stay right when the pictures are changed.

    Access: decisions, about the pair and about changed versions of its pictures. Knowledge: whether
    each candidate shows one person; nothing is learnt. Success: members lie further from where the
    decision turns than other pairs, so that fewer changes turn it.

    The score is the share of right decisions over the pair as it is and its changed versions. How
    many changes a decision survives stands in for the margin, which this attacker is not shown.

    References:
        Choquette-Choo, Tramer, Carlini and Papernot, "Label-Only Membership Inference Attacks",
        2021.
    """

    name = "label_only"
    summary = "right decisions that survive changed pictures mean a member"
    access = Access.DECISION
    channels = (Channel.DECISIONS,)
    knowledge = "Whether each candidate shows one person."

    def _score(self, observed: Observations) -> Floats:
        share: Floats = observed.channels[Channel.DECISIONS].mean(axis=1)
        return share
