"""What an attacker can see of a target, what more than scores each access shows, how they ask."""

from __future__ import annotations

from enum import StrEnum


class Access(StrEnum):
    """What an attacker can see of a target, from least to most."""

    DECISION = "decision"
    """Same or not."""
    SCORE = "score"
    """The score."""
    EMBEDDING = "embedding"
    """Stored templates too, and the matcher's answers to templates of the attacker's own making."""
    WEIGHTS = "weights"
    """Everything, gradients too."""

    @property
    def rank(self) -> int:
        """0 for the least."""
        return list(Access).index(self)

    def allows(self, needed: Access) -> bool:
        """Whether who has this access sees what `needed` shows."""
        return self.rank >= needed.rank


class Channel(StrEnum):
    """What an attacker may see of each candidate besides the score of the pair as it is."""

    DECISIONS = "decisions"
    """(n, v) whether the verifier decides rightly about the pair and about changed versions of its
    pictures, 1 or 0; a share where a candidate has several pairs."""
    VARIANTS = "variants"
    """(n, v) log odds of the same person for changed versions of the submitted pictures."""
    THROUGH = "through"
    """(n, K) log odds through each backbone of a head that takes any of several."""
    TEMPLATES = "templates"
    """(n, f) what the matcher answers to templates around those of the pair; of a head that makes
    templates of its own, what these say of each other."""
    INSIDE = "inside"
    """(n, f) loss, gradients and activations of the pair."""
    COSINE = "cosine"
    """(n, 1) cosine of the pair's stored templates. A head with no templates of its own stores the
    backbones' embeddings: then it is their mean cosine, which tells nothing of the head."""
    UNADAPTED = "unadapted"
    """(n, 1) mean cosine under the backbones, which are public: anybody can work it out."""

    @property
    def access(self) -> Access:
        """What shows it."""
        return _SHOWN_BY[self]

    @property
    def points_to_same(self) -> bool:
        """Whether its columns are larger for the same person, as the score is."""
        return self in _LARGER_FOR_SAME


_SHOWN_BY = {
    Channel.DECISIONS: Access.DECISION,
    Channel.VARIANTS: Access.SCORE,
    Channel.THROUGH: Access.EMBEDDING,
    Channel.TEMPLATES: Access.EMBEDDING,
    Channel.INSIDE: Access.WEIGHTS,
    Channel.COSINE: Access.EMBEDDING,
    # It takes no access at all, but adds nothing to less than scores.
    Channel.UNADAPTED: Access.SCORE,
}

_LARGER_FOR_SAME = {Channel.VARIANTS, Channel.THROUGH, Channel.COSINE, Channel.UNADAPTED}


class Ask(StrEnum):
    """Which answers an attacker collects about a candidate."""

    ONCE = "once"
    """The first answer."""
    REPEATED = "repeated"
    """All answers to the same question, where they vary."""
    AUGMENTED = "augmented"
    """The first, and those to changed versions of the pictures."""
    THROUGH = "through"
    """Those through each backbone of a head that takes any of several: templates are handed in."""
    AMONG = "among"
    """The first about pairs of the candidate's own pictures, none about pairs with strangers."""
    CENTRE = "centre"
    """How alike the template of each picture of the candidate is to the centre of the others'."""
    GAIN = "gain"
    """The first, less what the public backbones lead one to expect."""

    @property
    def of_units(self) -> bool:
        """Whether only pictures and people can be asked about so, which several pairs are about."""
        return self in (Ask.AMONG, Ask.CENTRE, Ask.GAIN)

    @property
    def matched_only(self) -> bool:
        """Whether pairs with strangers are left out."""
        return self in (Ask.AMONG, Ask.CENTRE)

    @property
    def channel(self) -> Channel | None:
        """What must have been recorded."""
        return _TOLD_BY.get(self)

    @property
    def access(self) -> Access:
        """What it takes to ask so and be told scores."""
        return Access.DECISION if self.channel is None else self.channel.access


_TOLD_BY = {
    Ask.AUGMENTED: Channel.VARIANTS,
    Ask.THROUGH: Channel.THROUGH,
    Ask.CENTRE: Channel.COSINE,
    Ask.GAIN: Channel.UNADAPTED,
}
