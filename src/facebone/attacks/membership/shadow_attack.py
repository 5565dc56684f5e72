"""What attacks that compare with shadows share: knowledge, and the answers side by side."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from facebone.attacks.access import Access, Channel
from facebone.attacks.base import MembershipAttack
from facebone.attacks.observations import Floats, Mask, Observations
from facebone.errors import UsageError

MOST_IN_TURN = 32
"""Shadows that play the target: more cost time and teach little."""


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """The target's answers beside those of S shadows, about the same n candidates.

    Args:
        margin: (n,) the target's log odds of the right answer.
        margins: (S, n) those of the shadows.
        trained: (S, n) bool, whether the shadow was trained on the candidate.
        same: (n,) bool.
        channel: (n, f) what else the target shows, by channel; see `Channel`.
        channels: (S, n, f) the same of the shadows.
    """

    margin: Floats
    margins: Floats
    trained: Mask
    same: Mask
    channel: Mapping[Channel, Floats] = field(default_factory=dict)
    channels: Mapping[Channel, Floats] = field(default_factory=dict)

    @property
    def one_sided(self) -> bool:
        """Whether nothing shows what training on a candidate does: all shadows were, or none."""
        return bool(self.trained.all() or not self.trained.any())

    def in_turn(self) -> Iterator[tuple[Compared, Mask]]:
        """Each shadow in the target's place, beside the others, and whom it was trained on, (n,).

        The first `MOST_IN_TURN` only. One shadow alone stands beside none.
        """
        for turn in range(min(len(self.margins), MOST_IN_TURN)):
            others = np.arange(len(self.margins)) != turn
            beside = Compared(
                self.margins[turn],
                self.margins[others],
                self.trained[others],
                self.same,
                {name: values[turn] for name, values in self.channels.items()},
                {name: values[others] for name, values in self.channels.items()},
            )
            yield beside, self.trained[turn]

    def alone(self) -> Compared:
        """The target beside no shadow."""
        return Compared(
            self.margin,
            self.margins[:0],
            self.trained[:0],
            self.same,
            self.channel,
            {name: values[:0] for name, values in self.channels.items()},
        )


class ShadowAttack(MembershipAttack):
    """An attack with access to scores that knows what it knows from shadows alone.

    A subclass implements `_compare`. Scores depend on the other candidates too: what is usual among
    them is learnt from all of them together. They do not depend on their order, nor on that of the
    shadows.
    """

    access = Access.SCORE
    knowledge = (
        "Whether each candidate shows one person, and verifiers of the attacker's own, trained by "
        "the target's recipe on pairs like the candidates."
    )
    needs_shadows = True

    def _score(self, observed: Observations) -> Floats:
        shadows = observed.shadows
        if shadows is None or not len(shadows):
            raise UsageError(
                "needs at least one shadow verifier, got none",
                where=f"attack {self.name}",
                hint="ask for some, as with --shadows 16",
            )
        missing = [channel for channel in self.channels if channel not in shadows.channels]
        if missing:
            raise UsageError(
                f"needs to know of shadows too: {missing[0]}", where=f"attack {self.name}"
            )
        margins = shadows.margins(observed.same)
        wanted = self.channels
        return self._compare(
            Compared(
                observed.margin(),
                margins,
                shadows.trained,
                observed.same,
                {name: observed.channels[name] for name in wanted},
                {name: shadows.channels[name].astype(np.float64) for name in wanted},
            )
        )

    @abstractmethod
    def _compare(self, seen: Compared) -> Floats:
        """Score at least one candidate against at least one shadow, (n,)."""


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuse what is none of the choices.

    Raises:
        UsageError: it is none.
    """
    if value not in choices:
        raise UsageError(f"must be {' or '.join(choices)}, got {value!r}", where=name)
