"""The search: recipes are picked in small batches, measured side by side, and told in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from facebone.harden.rings import Rings, RingTask, give_up_ring, run_ring
from facebone.harden.study import Asked, Record
from facebone.scale.executor import Executor

AT_ONCE = 4
"""Recipes of a batch. It does not depend on the number of workers, so neither do the results."""

MOST_IN_VAIN = 100
"""Picks in a row that give nothing new, after which the search takes the space for exhausted."""

QUARTER = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """When a search ends. A first batch is always measured: what to compare with is in it.

    Args:
        seconds: for everything.
        reserve: from the rings so far, the seconds of `seconds` that must be left.
        trials: different recipes at most; None for as many as there is time for.
    """

    seconds: float
    reserve: Callable[[], float]
    trials: int | None = None

    def room(self, record: Record) -> int:
        """How many more recipes may be picked now."""
        most = AT_ONCE if self.trials is None else min(AT_ONCE, self.trials - record.tried)
        over = record.longest > self.left(record)
        return 0 if record.measured() and over else max(0, most)

    def left(self, record: Record) -> float:
        """Seconds that are left to search."""
        return self.seconds - record.spent - self.reserve()

    def of_one(self, record: Record) -> float | None:
        """Seconds after which a recipe is given up; None in the first batch.

        Some defences train many heads for one. A quarter of the time that is left is enough for
        them, and so is twice what a batch took so far.
        """
        if not record.measured():
            return None
        return max(self.left(record) / QUARTER, 2 * record.longest, 1.0)


@dataclass(slots=True)
class Search:
    """A search that is under way.

    Args:
        record: what was picked and told, which may hold trials of a run that was killed.
        rings: measures recipes.
        limits: when it ends.
        on_batch: told the seconds that a batch took.
    """

    record: Record
    rings: Rings
    limits: Limits
    on_batch: Callable[[float], None]
    clock: Callable[[], float] = time.monotonic
    _asked: list[Asked] = field(default_factory=list)
    _missing: set[str] = field(default_factory=set)
    _began: float = 0.0

    def run(self, executor: Executor) -> None:
        """Search until the limits are reached or nothing new is left.

        Raises:
            KeyboardInterrupt: passed on; the next search goes on from there.
            StorageError: a result cannot be written.
        """
        executor.run(run_ring, self._batch(), on_result=self._done, on_lost=self._lost)

    def _done(self, task: RingTask, _: None) -> Iterable[RingTask]:
        self._missing.discard(task.key)
        if self._missing:
            return []
        self._tell()
        return self._batch()

    def _lost(self, task: RingTask) -> Iterable[RingTask]:
        give_up_ring(task)
        return self._done(task, None)

    def _batch(self) -> list[RingTask]:
        """The work of the next batch of which something is left to measure."""
        while True:
            self._began = self.clock()
            self._asked = self.record.waiting()
            if not (self._asked and self.record.telling):
                self._fill()
            if not self._asked:
                return []
            limit = self.limits.of_one(self.record)
            tasks = [self.rings.task(one.name, limit=limit) for one in self._asked]
            left = [task for task in tasks if not self.rings.store.has(task.key)]
            self._missing = {task.key for task in left}
            if left:
                return left
            self._tell()

    def _fill(self) -> None:
        """Pick until the batch is full, as many as the limits allow."""
        room = self.limits.room(self.record) if not self._asked else AT_ONCE - len(self._asked)
        if self._asked and self.limits.trials is not None:
            room = min(room, self.limits.trials - self.record.tried)
        vain = 0
        while room > 0 and vain < MOST_IN_VAIN:
            asked = self.record.ask()
            vain = 0 if asked is not None else vain + 1
            if asked is not None:
                self._asked.append(asked)
                room -= 1

    def _tell(self) -> None:
        """Tell what the whole batch shows, in the order in which it was picked."""
        self.record.telling = True
        for asked in self._asked:
            ring = self.rings.load(asked.name).ring
            if ring is None:
                self.record.give_up(asked)
            else:
                self.record.tell(asked, ring.accuracy.mean, ring.strongest.auc.mean)
        self.record.telling = False
        seconds = self.clock() - self._began
        self.record.spend(seconds)
        self.on_batch(seconds)
