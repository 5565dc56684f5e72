"""A head behind a guard: it learns as it did, and answers through the guard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Self

import numpy as np
import numpy.typing as npt

from facebone.mitigations.guards.aside import keep_aside
from facebone.mitigations.guards.guarded import Guarded, Parts
from facebone.seeding import derive_seed
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads import FitJob, FitReport, LearningHead, Views
from facebone.verification.heads.base import Labelled, Labels, Scores
from facebone.verification.heads.many import PoolJobs


class GuardedHead(Guarded):
    """A head that learns from pairs, behind a guard.

    Asked about pairs, changed pictures, or templates of the asker's own making, it answers through
    the guard. `inside` shows what stands behind it.
    """

    name = "guarded"
    takes_people = False

    def through(self, pairs: EmbeddedPairs) -> Scores:
        """Log odds through each backbone, (n, K), each of them guarded.

        Raises:
            UsageError: as `score`.
        """
        self._check_scored(pairs)
        ways = self._inner.through(pairs)
        count = ways.shape[1]
        shown = [self._show(ways[:, k], pairs, way=k if count > 1 else None) for k in range(count)]
        return np.stack(shown, axis=1)

    def _logit(self, pairs: EmbeddedPairs) -> Scores:
        return self._show(self._inner.logit(pairs), pairs)

    def _quick_logit(self, pairs: EmbeddedPairs) -> npt.NDArray[np.float32]:
        quick = self._inner.quick_logit(pairs).astype(np.float64)
        return self._show(quick, pairs).astype(np.float32)

    def _widths(self) -> tuple[int, ...]:
        return self.dimensions or ()

    def _fit(
        self, pairs: EmbeddedPairs, same: Labels, *, seed: int, validation: Labelled | None
    ) -> FitReport:
        kept, aside = parts = self._split(same, seed)
        inner = self._inner.fresh()
        report = inner.fit(pairs.take(kept), same[kept], seed=seed, validation=validation)
        self._adopt(inner, pairs, parts, seed)
        return replace(report, held_out=report.held_out + len(aside))

    def _fit_views(
        self, views: Views, same: Labels, *, seed: int, validation: Labelled | None
    ) -> FitReport:
        kept, aside = parts = self._split(same, seed)
        inner = self._inner.fresh()
        report = inner.fit_views(views.take(kept), same[kept], seed=seed, validation=validation)
        self._adopt_views(inner, views, same, parts, seed)
        return replace(report, held_out=report.held_out + len(aside))

    def _stream(self, jobs: PoolJobs, groups: list[list[int]]) -> Iterator[tuple[int, Self]]:
        parts: list[Parts] = []
        for rows, seed in zip(jobs.members, jobs.seeds, strict=True):
            kept, aside = self._split(jobs.same[rows], seed)
            parts.append((rows[kept], rows[aside]))
        lessons = PoolJobs(jobs.pool, jobs.same, [kept for kept, _ in parts], jobs.seeds)
        for number, inner in self._inner._stream(lessons, groups):
            head = self.fresh()
            head._adopt(inner, jobs.pool, parts[number], jobs.seeds[number])
            yield number, head

    def fit_views_many(self, jobs: Iterable[FitJob]) -> list[Self]:
        """See `LearningHead.fit_views_many`; the heads inside are trained side by side."""
        given: list[tuple[FitJob, Parts]] = []

        def lessons() -> Iterator[FitJob]:
            for job in jobs:
                given.append((job, self._split(job.same, job.seed)))
                kept = given[-1][1][0]
                yield FitJob(job.views.take(kept), job.same[kept], job.seed)

        heads = []
        for inner, (job, parts) in zip(self._inner.fit_views_many(lessons()), given, strict=True):
            heads.append(self.fresh())
            heads[-1]._adopt_views(inner, job.views, job.same, parts, job.seed)
        return heads

    def _split(self, same: Labels, seed: int) -> Parts:
        """Positions of pairs that the head is trained on, and of those kept aside for the guard."""
        own = derive_seed(seed, "guard", self._guard.name)
        return keep_aside(same, self._guard.share, seed=own, where=f"guard {self._guard.name}")

    def _adopt(self, inner: LearningHead, pairs: EmbeddedPairs, parts: Parts, seed: int) -> None:
        """Take a fitted head inside, and let the guard learn."""
        self._inner, self.dimensions = inner, inner.dimensions
        self._guard = self._guard.fresh()
        if self._guard.learns:
            trained, aside = (pairs.take(rows) for rows in parts)
            self._guard.learn(trained, aside, inner.logit, seed=seed)

    def _adopt_views(
        self, inner: LearningHead, views: Views, same: Labels, parts: Parts, seed: int
    ) -> None:
        """Like `_adopt`: the guard meets each pair through every backbone that shows it."""
        self._inner, self.dimensions = inner, inner.dimensions
        self._guard = self._guard.fresh()
        if self._guard.learns:
            trained, aside = (views.take(rows).distinct(same[rows])[0] for rows in parts)
            self._guard.learn(trained, aside, inner.logit, seed=seed)
