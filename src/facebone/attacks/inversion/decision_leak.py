"""Decisions about submitted pictures: who they claim to show, or not."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from facebone.attacks.access import Access
from facebone.attacks.inversion.asked_leak import AskedLeak, Door, Rows
from facebone.backbones.base import Faces
from facebone.errors import UsageError

Decisions = npt.NDArray[np.bool_]


class DecisionLeak(AskedLeak):
    """Whether submitted pictures are accepted for who is enrolled; see `AskedLeak`.

    Args:
        door: answers; what it says is never shown, but on which side of the threshold it lies.
        people: see `AskedLeak`.
        queries: see `AskedLeak`.
        threshold: log odds from which the verifier accepts.
        seconds: see `AskedLeak`.
        clock: see `AskedLeak`.

    Raises:
        UsageError: a budget that is none, or a threshold that is no number.
    """

    access = Access.DECISION
    called = "decision leak"

    def __init__(
        self,
        door: Door,
        *,
        people: int,
        queries: int,
        threshold: float,
        seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(door, people=people, queries=queries, seconds=seconds, clock=clock)
        if not np.isfinite(threshold):
            raise UsageError(f"must be finite, got {threshold}", where="threshold")
        self._threshold = threshold

    def accepts_own(self, people: Rows, positions: Rows) -> Decisions:
        """Decisions (q,) about the attacker's own pictures at `positions`; see `AskedLeak`."""
        accepted: Decisions = self._ask_own(people, positions) >= self._threshold
        return accepted

    def accepts(self, people: Rows, pictures: Faces) -> Decisions:
        """Decisions (q,) about pictures (q, h, w, 3) that the attacker made; see `AskedLeak`."""
        accepted: Decisions = self._ask(people, pictures) >= self._threshold
        return accepted
