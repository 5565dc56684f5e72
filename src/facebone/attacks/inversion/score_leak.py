"""Scores of submitted pictures."""

from __future__ import annotations

from facebone.attacks.access import Access
from facebone.attacks.inversion.asked_leak import AskedLeak, Floats, Rows
from facebone.backbones.base import Faces


class ScoreLeak(AskedLeak):
    """What submitted pictures score against what is enrolled; see `AskedLeak`.

    Log odds say no more than scores do.
    """

    access = Access.SCORE
    called = "score leak"

    def ask_own(self, people: Rows, positions: Rows) -> Floats:
        """Log odds (q,) of the attacker's own pictures at `positions`; see `AskedLeak`."""
        return self._ask_own(people, positions)

    def ask(self, people: Rows, pictures: Faces) -> Floats:
        """Log odds (q,) of pictures (q, h, w, 3) that the attacker made; see `AskedLeak`."""
        return self._ask(people, pictures)
