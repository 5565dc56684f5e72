"""What attacks on a picture or a person share: they look at all pairs asked about it."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from facebone.attacks.access import Access
from facebone.attacks.base import MembershipAttack
from facebone.attacks.membership.shadow_attack import Compared
from facebone.attacks.observations import Floats, Observations
from facebone.attacks.probe_answers import Positions
from facebone.data.splits import Level
from facebone.errors import UsageError


class SetAttack(MembershipAttack):
    """An attack on pictures or people that looks at every pair it asked about them.

    A subclass implements `_judge`. A candidate about which nothing was asked scores 0. Scores
    depend neither on the order of candidates, nor on that of their pairs or of the shadows.
    """

    access = Access.SCORE
    levels = (Level.IMAGE, Level.IDENTITY)
    knowledge = (
        "Pictures of each candidate, and verifiers of the attacker's own, trained by the target's "
        "recipe on pictures like the candidates'."
    )
    needs_shadows = True

    def _score(self, observed: Observations) -> Floats:
        probes, shadows = observed.probes, observed.shadows
        if probes is None:
            raise UsageError(
                f"needs {self.access} access, to see the answer about every pair that was asked, "
                "which were not recorded",
                where=f"attack {self.name}",
                hint="ask about pictures or people, as with --level identity",
            )
        if shadows is None or not len(shadows) or len(probes.margins) != len(shadows):
            raise UsageError(
                "needs at least one shadow verifier that was asked about every pair, got "
                f"{len(probes.margins)}",
                where=f"attack {self.name}",
                hint="ask for some, as with --shadows 16",
            )
        asked = probes.counts() > 0
        found = np.zeros(len(observed))
        if asked.any():
            probes = probes.take(asked)
            pairs = Compared(
                probes.margin,
                probes.margins.astype(np.float64),
                shadows.trained[:, asked][:, probes.candidate],
                probes.same,
            )
            found[asked] = self._judge(pairs, np.searchsorted(probes.candidate, range(probes.size)))
        return found

    @abstractmethod
    def _judge(self, pairs: Compared, first: Positions) -> Floats:
        """Score at least one candidate, (n,).

        Args:
            pairs: all that were asked about, in the order of the candidates. A shadow is said to be
                trained on a pair if it was trained on the candidate that the pair is about.
            first: (n,) rising, the first pair of each candidate.
        """


def sizes(pairs: Compared, first: Positions) -> Positions:
    """How many pairs each candidate has, (n,), one or more."""
    return np.diff(first, append=len(pairs.margin))


def means(pairs: Compared, first: Positions) -> Compared:
    """Candidates in place of their pairs, with the mean of their margins."""
    count = sizes(pairs, first)
    return Compared(
        np.add.reduceat(pairs.margin, first) / count,
        np.add.reduceat(pairs.margins, first, axis=1) / count,
        pairs.trained[:, first],
        np.ones(len(first), dtype=np.bool_),
    )
