"""The gradient norm attack: a pair whose loss has a short gradient is a member."""

from __future__ import annotations

from facebone.attacks.access import Access, Channel
from facebone.attacks.base import MembershipAttack
from facebone.attacks.observations import Floats, Observations

LOG_NORM = 1
"""The column of the channel with the log length of the whole gradient; column 0 is the loss."""


class GradientNorm(MembershipAttack):
    """Goal: tell members by how little the weights would change if they were trained on the pair.

    Access: weights, for the gradient of the pair's loss. Knowledge: whether each candidate shows
    one person; nothing is learnt. Success: training left members where the loss is flat.

    Training stops where the gradients of members add up to nothing. In a verifier that has learnt
    its members by heart each of them is short, while that of another pair has no reason to be.

    References:
        Nasr, Shokri and Houmansadr, "Comprehensive Privacy Analysis of Deep Learning: Passive and
        Active White-box Inference Attacks against Centralized and Federated Learning", 2019.
    """

    name = "gradient_norm"
    summary = "a short gradient of the pair's loss means a member"
    access = Access.WEIGHTS
    channels = (Channel.INSIDE,)
    knowledge = "Whether each candidate shows one person."

    def _score(self, observed: Observations) -> Floats:
        return -observed.channels[Channel.INSIDE][:, LOG_NORM]
