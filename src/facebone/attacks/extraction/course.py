"""The course of an extraction: choose questions, ask, copy, and choose better ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from facebone.attacks.extraction.answers import Answers, Floats
from facebone.attacks.extraction.base import Copy, ExtractionAttack
from facebone.attacks.extraction.known import KnownPictures
from facebone.attacks.extraction.oracle import BudgetError, Oracle
from facebone.attacks.extraction.queries import Columns, Mix, QueryStream
from facebone.seeding import derive_seed, make_rng
from facebone.verification.embedded_pairs import EmbeddedPairs

PROPOSED = 8
"""Pairs among which one is chosen that lies near the copy's boundary."""


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A copy after some questions, and what it says of pairs that it is judged by.

    Args:
        queries: answers that it was made of; 0 of the baseline.
        scores: (m,) of the m pairs.
        threshold: from which score on it takes a pair for one person.
        made_of: what it is, in a few words for people.
        seconds: that choosing, asking and copying took since the point before.
        copy: the copy itself.
    """

    queries: int
    scores: Floats
    threshold: float
    made_of: str
    seconds: float
    copy: Copy


class Course:
    """An attack under way: the questions so far and their answers.

    Args:
        attack: how.
        oracle: the victim.
        known: the attacker's pictures.
        questions: m pairs that the copies are judged by.
        mix: of what the attacker's questions are; None for the defaults.
        seed: for everything random.
    """

    def __init__(
        self,
        attack: ExtractionAttack,
        oracle: Oracle,
        known: KnownPictures,
        questions: EmbeddedPairs,
        mix: Mix | None,
        seed: int,
    ) -> None:
        self._attack, self._oracle, self._known = attack, oracle, known
        self._questions, self._seed = questions, seed
        self._stream = QueryStream(known, mix=mix, seed=derive_seed(seed, "questions"))
        none = np.empty(0, dtype=np.intp)
        self._answers = Answers(none, none, np.empty(0))

    def run(
        self, goals: Sequence[int], advance: Callable[[int], None] | None = None
    ) -> tuple[tuple[Point, ...], str | None]:
        """Go on to one number of questions after another.

        Args:
            goals: the numbers, rising.
            advance: told how many more questions were answered.

        Returns:
            A point a goal, and the budget that ended it early, None where none did.
        """
        points: list[Point] = []
        copy: Copy | None = None
        for goal in goals:
            begun = time.monotonic()
            try:
                while len(self._answers) < goal:
                    if self._attack.seeks_boundary and copy is None and len(self._answers):
                        copy = self._copy()
                    count = self._step(goal)
                    self._ask(self._choose(count, copy))
                    copy = None
                    if advance is not None:
                        advance(count)
                self._oracle.check_time()
                copy = self._copy()
            except BudgetError as error:
                return tuple(points), error.budget
            points.append(judge(copy, self._questions, time.monotonic() - begun))
        return tuple(points), None

    def _step(self, goal: int) -> int:
        """Questions until the next look: who looks for the boundary asks as many as before."""
        missing = goal - len(self._answers)
        if not self._attack.seeks_boundary or not len(self._answers):
            return missing
        return min(missing, len(self._answers))

    def _choose(self, count: int, copy: Copy | None) -> Columns:
        """The next pairs: half of them near the boundary of the copy, where there is one."""
        near = count // 2 if copy is not None else 0
        left, right = self._stream.take(count - near)
        if copy is None or not near:
            return left, right
        rng = make_rng(self._seed, "near the boundary", len(self._answers))
        some = self._stream.propose(PROPOSED * near, rng=rng)
        off = np.abs(copy.score(self._known.embedded(*some)) - copy.threshold)
        best = np.argsort(off, kind="stable")[:near]
        self._stream.mark(some[0][best], some[1][best])
        left = np.concatenate([left, some[0][best]])
        right = np.concatenate([right, some[1][best]])
        if len(best) < near:
            more = self._stream.take(near - len(best))
            left, right = np.concatenate([left, more[0]]), np.concatenate([right, more[1]])
        return left, right

    def _ask(self, pairs: Columns) -> None:
        found = self._oracle.ask(*pairs, see=self._attack.access)
        before = self._answers
        self._answers = Answers(
            np.concatenate([before.left, found.left]),
            np.concatenate([before.right, found.right]),
            np.concatenate([before.margin, found.margin]),
        )

    def _copy(self) -> Copy:
        seed = derive_seed(self._seed, "copy", len(self._answers))
        return self._attack.copy(self._known, self._answers, seed=seed)


def judge(copy: Copy, questions: EmbeddedPairs, seconds: float) -> Point:
    """What a copy says of pairs."""
    scores = copy.score(questions)
    return Point(copy.queries, scores, copy.threshold, copy.made_of, seconds, copy)
