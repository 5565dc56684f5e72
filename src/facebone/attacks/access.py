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
    """(n, f) what the matcher answers to templates around those of the pair."""
    INSIDE = "inside"
    """(n, f) loss, gradients and activations of the pair."""

    @property
    def access(self) -> Access:
        """What shows it."""
        return _SHOWN_BY[self]

    @property
    def holds_log_odds(self) -> bool:
        """Whether its columns are log odds of the same person, as the score's are."""
        return self in (Channel.VARIANTS, Channel.THROUGH)


_SHOWN_BY = {
    Channel.DECISIONS: Access.DECISION,
    Channel.VARIANTS: Access.SCORE,
    Channel.THROUGH: Access.EMBEDDING,
    Channel.TEMPLATES: Access.EMBEDDING,
    Channel.INSIDE: Access.WEIGHTS,
}


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

    @property
    def channel(self) -> Channel | None:
        """What must have been recorded."""
        return {Ask.AUGMENTED: Channel.VARIANTS, Ask.THROUGH: Channel.THROUGH}.get(self)

    @property
    def access(self) -> Access:
        """What it takes to ask so and be told scores."""
        return Access.DECISION if self.channel is None else self.channel.access
