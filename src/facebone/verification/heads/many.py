"""Fitting many heads of one recipe: each from its own part of a pool that is held once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError
from facebone.seeding import check_seed
from facebone.settings import check_integer
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads.checks import Labels, check_labelled
from facebone.verification.heads.views import Views

if TYPE_CHECKING:
    from facebone.verification.heads.base import LearningHead
from facebone.verification.heads.fit_report import FitReport

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class FitJob:
    """What one of many heads learns from, where each sees pairs of its own.

    Args:
        views: n pairs.
        same: (n,) bool.
        seed: for everything random.
    """

    views: Views
    same: Labels
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class PoolJobs:
    """What K heads learn from, where each sees some pairs of a pool.

    Args:
        pool: n pairs.
        same: (n,) bool.
        members: K arrays of positions in the pool, in the order in which a head meets them.
        seeds: K seeds.
    """

    pool: EmbeddedPairs
    same: Labels
    members: Sequence[Rows]
    seeds: Sequence[int]

    def __len__(self) -> int:
        return len(self.members)

    def pairs(self, number: int) -> tuple[EmbeddedPairs, Labels]:
        """What the head of this number learns from: pairs and labels."""
        rows = self.members[number]
        return self.pool.take(rows), self.same[rows]

    def check(self, *, where: str) -> None:
        """Refuse jobs that a head cannot learn from.

        Raises:
            UsageError: a pool that `check_labelled` refuses, not one seed a job, positions that
                are not there or not integers, or a job of one class only.
        """
        check_labelled(self.pool, self.same, where=where)
        if len(self.members) != len(self.seeds):
            raise UsageError(
                f"needs one seed a job, got {len(self.seeds)} for {len(self.members)} jobs",
                where=where,
            )
        for number, (rows, seed) in enumerate(zip(self.members, self.seeds, strict=True)):
            check_seed(seed)
            self._check_rows(rows, where=f"{where}, job {number}")

    def _check_rows(self, rows: Rows, *, where: str) -> None:
        if rows.ndim != 1 or rows.dtype.kind not in "iu":
            raise UsageError(
                f"members must be a row of integers, got {rows.dtype} of {rows.shape}",
                where=where,
                hint="turn a mask into positions with np.flatnonzero",
            )
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(self.same):
            raise UsageError(
                f"names pairs {rows.min()} .. {rows.max()}, the pool has 0 .. {len(self.same) - 1}",
                where=where,
            )
        labels = self.same[rows]
        if labels.all() or not labels.any():
            raise UsageError(
                f"needs matched and mismatched pairs, got {int(labels.sum())} matched of "
                f"{len(labels)}",
                where=where,
            )

    def groups(self, at_once: int) -> list[list[int]]:
        """Numbers in groups of at most `at_once`, those of as many pairs together.

        Networks that are trained side by side take their steps together: the fewer sizes meet in a
        group, the fewer of its last batches must be taken apart.
        """
        order = sorted(range(len(self)), key=lambda number: len(self.members[number]))
        return [order[i : i + at_once] for i in range(0, len(order), at_once)]


class FitsMany(ABC):
    """The part of a head that makes others of the same recipe, from many parts of a pool.

    Here they are made one after another; a head that can train many side by side overrides
    `_stream` and `fit_views_many`.
    """

    name: ClassVar[str]
    at_once: int = 1
    """How many `fit_many` trains side by side, unless it is told otherwise."""

    @abstractmethod
    def fresh(self) -> Self:
        """An unfitted head with the same settings on the same device."""

    @abstractmethod
    def fit(self, pairs: EmbeddedPairs, same: Labels, *, seed: int) -> FitReport:
        """Learn from labelled pairs."""

    @abstractmethod
    def fit_views(self, views: Views, same: Labels, *, seed: int) -> FitReport:
        """Learn from pairs of which each is seen through one of several backbones at a time."""

    def fit_many(
        self,
        pool: EmbeddedPairs,
        same: Labels,
        members: Sequence[Rows],
        seeds: Sequence[int],
        *,
        at_once: int | None = None,
    ) -> list[Self]:
        """Heads with these settings, each as `fit` makes it of some of the pool; see `PoolJobs`.

        This head stays as it is.

        Args:
            pool: n pairs, held once.
            same: (n,) bool.
            members: K arrays of positions in the pool, in the order in which `fit` would get them.
            seeds: K seeds.
            at_once: how many are trained side by side, which memory depends on; None for the
                head's own `at_once`. Beyond rounding the results do not depend on it.

        Returns:
            K fitted heads.

        Raises:
            UsageError: as `fit`, naming the job, before anything is fitted.
        """
        found = dict(self.stream_many(pool, same, members, seeds, at_once=at_once))
        return [found[number] for number in range(len(members))]

    def stream_many(
        self,
        pool: EmbeddedPairs,
        same: Labels,
        members: Sequence[Rows],
        seeds: Sequence[int],
        *,
        at_once: int | None = None,
    ) -> Iterator[tuple[int, Self]]:
        """Like `fit_many`, but one (number, head) after another, so that no head need be kept.

        Numbers come in order if all learn from as many pairs; otherwise those of fewer come first.

        Raises:
            UsageError: as `fit_many`.
        """
        jobs = PoolJobs(pool, same, members, seeds)
        jobs.check(where=f"head {self.name}")
        chosen = self.at_once if at_once is None else at_once
        check_integer("at_once", chosen, low=1)
        return self._stream(jobs, jobs.groups(chosen))

    def fit_views_many(self, jobs: Iterable[FitJob]) -> list[Self]:
        """Heads with these settings, each as `fit_views` makes it, all trained side by side.

        Args:
            jobs: taken one after another, so that their maker need not hold all of them.

        Raises:
            UsageError: as `fit_views`.
        """
        heads = []
        for job in jobs:
            heads.append(self.fresh())
            heads[-1].fit_views(job.views, job.same, seed=job.seed)
        return heads

    def _stream(self, jobs: PoolJobs, groups: list[list[int]]) -> Iterator[tuple[int, Self]]:
        """Fit group by group; all checks are done.

        Args:
            jobs: of all groups.
            groups: numbers of the jobs to be trained side by side.
        """
        for number in (number for group in groups for number in group):
            head = self.fresh()
            pairs, same = jobs.pairs(number)
            head.fit(pairs, same, seed=jobs.seeds[number])
            yield number, head


def logit_many(heads: Sequence[LearningHead], pairs: EmbeddedPairs) -> npt.NDArray[np.float32]:
    """Log odds of n pairs under each of K heads, (K, n), by `LearningHead.quick_logit`.

    Heads are asked one after another: at thousands of pairs each product is large enough to keep
    a processor busy by itself, so stacking them would gain nothing and cost memory.

    Raises:
        UsageError: as `LearningHead.logit`.
    """
    found = np.empty((len(heads), len(pairs)), dtype=np.float32)
    for row, head in zip(found, heads, strict=True):
        row[:] = head.quick_logit(pairs)
    return found
