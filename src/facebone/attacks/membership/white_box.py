"""The white-box attack: loss, gradients and activations, learnt from shadows."""

from __future__ import annotations

from facebone.attacks.access import Access, Channel
from facebone.attacks.membership.channel_boosting import ChannelBoosting


class WhiteBox(ChannelBoosting):
    """Goal: tell members by what the inside of the target does with the pair.

    Access: weights, for the loss, gradients and activations of the pair. Knowledge: whether each
    candidate shows one person, and shadows, verifiers that the attacker trained by the target's
    recipe on pairs like the candidates. Success: members of a shadow stand out inside it as those
    of the target do inside the target.

    What gives members of shadows away is learnt as by boosting on shadows, from the loss, the
    length of the gradient by each layer and the activity of each layer, beside the margin; see
    `ChannelBoosting`. The paper feeds gradients and activations themselves to a network; lengths
    and summaries of layers mean the same in verifiers whose units stand in another order.

    References:
        Nasr, Shokri and Houmansadr, "Comprehensive Privacy Analysis of Deep Learning: Passive and
        Active White-box Inference Attacks against Centralized and Federated Learning", 2019; the
        shadows' part as targets: Shokri, Stronati, Song and Shmatikov, "Membership Inference
        Attacks against Machine Learning Models", 2017.
    """

    name = "white_box"
    summary = "what gives members of shadows away inside them, learnt by boosting, means a member"
    access = Access.WEIGHTS
    channels = (Channel.INSIDE,)
    knowledge = (
        "Whether each candidate shows one person, and verifiers of the attacker's own, trained by "
        "the target's recipe on pairs like the candidates."
    )
