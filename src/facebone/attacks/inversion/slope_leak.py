"""Gradients of a verifier's log odds by the embedding of what is submitted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from facebone.attacks.access import Access
from facebone.attacks.inversion.asked_leak import Floats, Rows
from facebone.attacks.inversion.leaks import Counts, Leak
from facebone.attacks.inversion.linear_decoder import Templates

LogOdds = Callable[[Rows, Templates], Floats]
"""Log odds (q,) that pictures with public embeddings (q, d) show people (q,)."""

STEP = 0.01
"""Of an embedding of length one: far above what float32 rounds, far below what tells people
apart."""

AT_ONCE = 8192
"""Pairs that are scored together."""


class SlopeLeak(Leak):
    """How the log odds for a person change with each number of a submitted embedding.

    Central differences give them for any head, which need not know how to differentiate itself:
    exactly where log odds are linear or quadratic in the embedding, as on cosines, and to a part
    in ten thousand where they are smooth.

    Args:
        log_odds: of the head whose weights the attacker holds, with what is enrolled inside.
        people: n who are enrolled.
    """

    access = Access.WEIGHTS

    def __init__(self, log_odds: LogOdds, *, people: int) -> None:
        self._log_odds = log_odds
        self._asked = np.zeros(people, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._asked)

    @property
    def asked(self) -> Counts:
        """Gradients taken for each person so far, (n,)."""
        return self._asked.copy()

    def slopes(self, people: Rows, rows: Templates) -> Templates:
        """Gradients (q, d) of the log odds at embeddings (q, d), each for a person (q,)."""
        self._asked += np.bincount(people, minlength=len(self))
        width = rows.shape[1]
        found = np.empty(rows.shape, dtype=np.float32)
        moves = np.float32(STEP) * np.eye(width, dtype=np.float32)
        some = max(1, AT_ONCE // (2 * width))
        for begin in range(0, len(rows), some):
            part = rows[begin : begin + some, None]
            both = np.concatenate([part + moves, part - moves], axis=1)
            whose = np.repeat(people[begin : begin + some], 2 * width)
            answers = self._log_odds(whose, both.reshape(-1, width)).reshape(len(part), 2, width)
            found[begin : begin + some] = (answers[:, 0] - answers[:, 1]) / (2 * STEP)
        return found
