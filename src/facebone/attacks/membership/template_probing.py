"""Template probing: the matcher's answers around a pair's templates, learnt from shadows."""

from __future__ import annotations

from facebone.attacks.access import Access, Channel
from facebone.attacks.membership.channel_boosting import ChannelBoosting


class TemplateProbing(ChannelBoosting):
    """Goal: tell members by how the matcher answers around the pair's templates.

    Access: templates, and the matcher's answers to templates of the attacker's own making.
    Knowledge: whether each candidate shows one person, and shadows, verifiers that the attacker
    trained by the target's recipe on pairs like the candidates. Success: the target is surer of
    members than of what lies next to them, in the way that shadows are of theirs.

    A pair known by heart stands on a peak; answers about templates with a little noise, or about
    the pair turned round, show how steep it is. Where the target makes templates of its own, noise
    on the backbones' embeddings is not what a thief of templates can send; the templates themselves
    are looked at: how alike those of a pair are, before adaptation and after, and how alike they
    are to those of all other people, from whom training drives members apart. What gives members of
    shadows away is learnt as by boosting on shadows from all of this, beside the margin; see
    `ChannelBoosting`.

    References:
        Answers to noisy versions of the input: Jayaraman, Wang, Knipmeyer, Gu and Evans,
        "Revisiting Membership Inference Under Realistic Assumptions", 2021; the shadows' part as
        targets: Shokri, Stronati, Song and Shmatikov, "Membership Inference Attacks against Machine
        Learning Models", 2017.
    """

    name = "template_probing"
    summary = "what templates, or answers around them, show of shadows' members means a member"
    access = Access.EMBEDDING
    channels = (Channel.TEMPLATES,)
    knowledge = (
        "Whether each candidate shows one person, the templates of its pictures, and verifiers of "
        "the attacker's own, trained by the target's recipe on pairs like the candidates."
    )
