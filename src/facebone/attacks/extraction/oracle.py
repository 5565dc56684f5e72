"""The victim as an attacker meets it: it answers questions, counts them, and stops at a budget."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from facebone.attacks.access import Access
from facebone.attacks.extraction.answers import AnswerFile, Answers, Floats
from facebone.attacks.extraction.known import Positions
from facebone.errors import UsageError
from facebone.seeding import make_rng
from facebone.settings import check_integer, check_number

Victim = Callable[[Positions, Positions], npt.NDArray[np.floating]]
"""Log odds (n,) that it shows of pairs, given positions of the left and the right pictures, (n,).
They need not be log odds, only larger for the same person."""

ASKED_AT_ONCE = 4096
"""Pairs between two looks at the clock, and between two versions of the file of answers."""


class BudgetError(UsageError):
    """A budget of questions or of time is used up; answers got before are kept.

    Args:
        what: the sentence for people.
        budget: ``queries`` or ``seconds``.
    """

    def __init__(self, what: str, *, budget: str) -> None:
        super().__init__(what, where="oracle")
        self.budget = budget


class Oracle:
    """Answers an attacker's questions about pairs of their own pictures, within a budget.

    It shows what the access allows and nothing else. A pair is asked once: who asks again gets the
    same answer, and it costs nothing. The order of the two pictures is part of a question.

    Args:
        victim: answers questions.
        pictures: number N of the attacker's pictures; positions are below it.
        access: what answers show: scores, or decisions alone.
        threshold: at which the victim decides, in the units of its answers. A verifier tells its
            decisions beside its scores, so who sees scores knows it too.
        queries: the budget, at least 1; answers of an earlier run count.
        seconds: the budget of this run, from now on; None for no limit.
        kept: the file that answers are loaded from and kept in; None keeps them in memory alone.
        clock: monotonic seconds, replaceable in tests.

    Raises:
        UsageError: access that shows neither scores nor decisions alone, a budget that is none, or
            a file that belongs to another victim or holds more answers than the budget allows.
        StorageError: the file cannot be read.
    """

    def __init__(
        self,
        victim: Victim,
        *,
        pictures: int,
        access: Access,
        threshold: float = 0.0,
        queries: int,
        seconds: float | None = None,
        kept: AnswerFile | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if access not in (Access.DECISION, Access.SCORE):
            raise UsageError(
                f"shows {Access.DECISION} or {Access.SCORE}, not {access}",
                where="oracle",
                hint=f"who has {access} access need not copy by asking",
            )
        check_integer("pictures", pictures, low=2)
        check_integer("queries", queries, low=1)
        if seconds is not None:
            check_number("seconds", seconds, low=0)
        if not np.isfinite(threshold):
            raise UsageError(f"must be finite, got {threshold}", where="threshold")
        self.access, self.pictures, self.queries = access, pictures, queries
        self._victim, self._threshold, self._kept = victim, threshold, kept
        self._clock, self._seconds = clock, seconds
        self._end = None if seconds is None else clock() + seconds
        # The key of a pair, in the order in which pairs were asked, and its answer.
        self._place: dict[int, int] = {}
        self._margin: list[float] = []
        if kept is not None:
            self._remember(kept.load())

    @property
    def asked(self) -> int:
        """Questions that were answered, those of earlier runs among them."""
        return len(self._margin)

    @property
    def left_over(self) -> int:
        """Questions that the budget still allows."""
        return self.queries - self.asked

    def check_time(self) -> None:
        """Stop who has no time left.

        Raises:
            BudgetError: the budget of time is used up.
        """
        if self._end is not None and self._clock() >= self._end:
            raise BudgetError(
                f"the {self._seconds:g} seconds are used up after {self.asked} questions",
                budget="seconds",
            )

    def ask(self, left: Positions, right: Positions, *, see: Access) -> Answers:
        """Answers to n questions in their order; those that were asked before cost nothing.

        Args:
            left: (n,) positions of pictures.
            right: (n,) positions of pictures, each another than its left one.
            see: scores or decisions; at most what the access shows.

        Raises:
            UsageError: positions that are none, or `see` is more than the access shows.
            BudgetError: the questions or the time are used up; what was answered is kept.
        """
        self._check(left, right, see)
        keys = (left.astype(np.int64) * self.pictures + right).tolist()
        rows = [row for row, key in enumerate(keys) if key not in self._place]
        # A question that stands twice among these is new once.
        new = list({keys[row]: row for row in reversed(rows)}.values())[::-1]
        allowed = new[: self.left_over]
        for first in range(0, len(allowed), ASKED_AT_ONCE):
            self.check_time()
            some = np.array(allowed[first : first + ASKED_AT_ONCE])
            self._answer(left[some], right[some])
        if len(new) > len(allowed):
            raise BudgetError(
                f"the {self.queries} questions are used up, {len(new) - len(allowed)} more were "
                "asked",
                budget="queries",
            )
        margin = np.array([self._margin[self._place[key]] for key in keys], dtype=np.float64)
        if see is Access.DECISION:
            margin = np.where(margin >= 0, np.inf, -np.inf)
        return Answers(left, right, margin)

    def shuffled(self, *, seed: int) -> Oracle:
        """The same victim with its answers dealt out at random among the questions of each call.

        For a control: who copies it can have learnt nothing about any pair. Its budget of questions
        is its own, and it keeps nothing on disk.
        """

        def deal(left: Positions, right: Positions) -> Floats:
            found = np.asarray(self._victim(left, right), dtype=np.float64)
            rng = make_rng(seed, "shuffled answers", int(left[0]), int(right[0]), len(left))
            return rng.permutation(found)

        return Oracle(
            deal,
            pictures=self.pictures,
            access=self.access,
            threshold=self._threshold,
            queries=self.queries,
            seconds=None if self._end is None else max(0.0, self._end - self._clock()),
            clock=self._clock,
        )

    def _answer(self, left: Positions, right: Positions) -> None:
        """Ask the victim what is new, and keep it."""
        found = np.asarray(self._victim(left, right), dtype=np.float64)
        if found.shape != left.shape or np.isnan(found).any():
            raise UsageError(
                f"a victim must give {len(left)} numbers, got {found.shape} or NaN", where="oracle"
            )
        margin = found - self._threshold
        if self.access is Access.DECISION:
            # Not even the memory of the attacker holds more than was shown.
            margin = np.where(margin >= 0, np.inf, -np.inf)
        self._remember(Answers(left, right, margin))
        if self._kept is not None:
            self._kept.save(self._all())

    def _remember(self, answers: Answers | None) -> None:
        if answers is None:
            return
        keys = (answers.left.astype(np.int64) * self.pictures + answers.right).tolist()
        for key, margin in zip(keys, answers.margin.tolist(), strict=True):
            self._place[key] = len(self._margin)
            self._margin.append(margin)
        if len(self._place) != len(self._margin) or self.asked > self.queries:
            raise UsageError(
                f"{self.asked} answers are kept, which are more than the budget of "
                f"{self.queries} questions allows or not all of different pairs",
                where="oracle",
                hint="raise the budget, or remove the file of answers",
            )

    def _all(self) -> Answers:
        """All answers in the order in which they were got."""
        keys = np.fromiter(self._place, dtype=np.int64, count=self.asked)
        left, right = np.divmod(keys, self.pictures)
        return Answers(left.astype(np.intp), right.astype(np.intp), np.array(self._margin))

    def _check(self, left: Positions, right: Positions, see: Access) -> None:
        if not self.access.allows(see):
            raise UsageError(
                f"{see} access is needed, and the victim shows {self.access} alone", where="oracle"
            )
        if left.shape != right.shape or left.ndim != 1:
            raise UsageError(
                f"left and right must be equally long, got {left.shape} and {right.shape}",
                where="oracle",
            )
        both = np.concatenate([left, right])
        if len(both) and (both.min() < 0 or both.max() >= self.pictures):
            raise UsageError(
                f"pictures are counted from 0 to {self.pictures - 1}, got {both.min()} to "
                f"{both.max()}",
                where="oracle",
            )
