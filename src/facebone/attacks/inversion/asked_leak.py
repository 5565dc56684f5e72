"""The verifier as who claims to be somebody meets it: an answer a picture, counted and budgeted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from facebone.attacks.extraction.oracle import BudgetError
from facebone.attacks.inversion.leaks import Counts, Leak
from facebone.backbones.base import Faces
from facebone.errors import UsageError
from facebone.settings import check_integer, check_number

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]


class Door(Protocol):
    """Takes pictures of whoever claims to be an enrolled person, and tells what they score."""

    def own(self, people: Rows, positions: Rows) -> Floats:
        """Log odds (q,) of the attacker's own pictures at some positions, each for a person."""

    def made(self, people: Rows, pictures: Faces) -> Floats:
        """Log odds (q,) of pictures (q, h, w, 3), each for a person."""


class AskedLeak(Leak):
    """Answers about submitted pictures against what is enrolled, within a budget for each person.

    Each question costs one, also one that was asked before. A subclass says what is shown.

    Args:
        door: answers.
        people: n who are enrolled.
        queries: the budget for each person.
        seconds: the budget of time for all of them, from now on; None for no limit.
        clock: monotonic seconds, replaceable in tests.

    Raises:
        UsageError: a budget that is none.
    """

    called: ClassVar[str]
    """What messages call it."""

    def __init__(
        self,
        door: Door,
        *,
        people: int,
        queries: int,
        seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        check_integer("queries", queries, low=1)
        if seconds is not None:
            check_number("seconds", seconds, low=0)
        self.queries = queries
        self._door, self._clock = door, clock
        self._end = None if seconds is None else clock() + seconds
        self._asked = np.zeros(people, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._asked)

    @property
    def asked(self) -> Counts:
        """Questions asked about each person so far, (n,)."""
        return self._asked.copy()

    @property
    def late(self) -> bool:
        """Whether the time is used up: who asks now is refused."""
        return self._end is not None and self._clock() >= self._end

    def _ask_own(self, people: Rows, positions: Rows) -> Floats:
        """Log odds (q,) of the attacker's own pictures.

        Args:
            people: (q,) whom each claims to show, from 0.
            positions: (q,) of the pictures among the attacker's own.

        Raises:
            BudgetError: the questions about one of them, or the time, are used up; nothing is
                asked.
            UsageError: the door gives something else than numbers.
        """
        self._pay(people)
        return self._checked(self._door.own(people, positions), people)

    def _ask(self, people: Rows, pictures: Faces) -> Floats:
        """Log odds (q,) of pictures (q, h, w, 3) that the attacker made; see `_ask_own`."""
        self._pay(people)
        return self._checked(self._door.made(people, pictures), people)

    def _pay(self, people: Rows) -> None:
        if self.late:
            raise BudgetError("the seconds are used up", budget="seconds")
        wanted = self._asked + np.bincount(people, minlength=len(self))
        if (wanted > self.queries).any():
            raise BudgetError(
                f"the {self.queries} questions about a person are used up", budget="queries"
            )
        self._asked = wanted

    def _checked(self, answers: Floats, people: Rows) -> Floats:
        found = np.asarray(answers, dtype=np.float64)
        if found.shape != people.shape or np.isnan(found).any():
            raise UsageError(
                f"a verifier must give {len(people)} numbers, got {found.shape} or NaN",
                where=self.called,
            )
        return found
