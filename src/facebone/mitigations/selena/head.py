"""A head that was taught by others which never saw what they taught it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np

from facebone.errors import UsageError
from facebone.mitigations.selena.settings import SelenaHeadSettings
from facebone.mitigations.selena.split import Split, split_units
from facebone.mitigations.units import units_of
from facebone.seeding import derive_seed
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads import (
    FitReport,
    LearningHead,
    SoftHead,
    SoftJob,
    Views,
    make_head,
)
from facebone.verification.heads.base import Arrays, Labelled, Labels, sigmoid
from facebone.verification.heads.composed import ComposedHead, Shapes
from facebone.verification.heads.many import PoolJobs

_WHERE = "mitigation selena"


class SelenaHead(ComposedHead):
    """A head that learns no label, but what heads that never saw a pair say of it.

    Many heads, the teachers, are trained each without some of the pairs. The answer about a pair is
    the mean score of those that never saw it, or where units are images or people, any pair of
    these. The head that is kept, the student, has the teachers' settings and learns from the same
    pairs under these answers; the teachers are forgotten. A pair that every teacher knows something
    of, as happens where units are images or people, teaches the student nothing.

    Whoever holds the head holds the student alone, as trained from scratch.

    References:
        X. Tang, S. Mahloujifar, L. Song, V. Shejwalkar, M. Nasr, A. Houmansadr and P. Mittal,
        "Mitigating Membership Inference Attacks by Self-Distillation Through a Novel Ensemble
        Architecture", USENIX Security 2022: Split-AI, and Self-Distillation with its cross-entropy.
    """

    name = "selena"
    settings_type = SelenaHeadSettings
    inner_prefix = ""
    _inner: SoftHead

    def __init__(self, settings: object | None = None, *, device: str = "cpu") -> None:
        super().__init__(settings, device=device)
        chosen: SelenaHeadSettings = self.settings
        inner = make_head(chosen.head, chosen.head_settings, device=device)
        if not isinstance(inner, SoftHead):
            raise UsageError(
                f"head {inner.name} cannot learn from the answers of others",
                where=_WHERE,
                hint="take one that learns from pairs, such as mlp or logistic",
            )
        inner.check_soft()
        self._inner = inner
        self.at_once = inner.at_once

    def _fit(
        self, pairs: EmbeddedPairs, same: Labels, *, seed: int, validation: Labelled | None
    ) -> FitReport:
        jobs = PoolJobs(pairs, same, [np.arange(len(pairs))], [seed])
        (lesson,) = self._lessons(jobs, [0], validation)
        self._inner = self._inner.fresh()
        return self._inner.fit_soft(
            lesson.pairs, lesson.chance, seed=lesson.seed, validation=validation
        )

    def _fit_views(
        self, views: Views, same: Labels, *, seed: int, validation: Labelled | None
    ) -> FitReport:
        # Seen through several backbones, a pair would count as several that know of each other.
        raise UsageError("learns from whole pairs, not from one backbone at a time", where=_WHERE)

    def _stream(self, jobs: PoolJobs, groups: list[list[int]]) -> Iterator[tuple[int, Self]]:
        for number in range(len(jobs)):
            self._split(jobs, number)  # refused before anything is trained
        for group in groups:
            lessons = self._lessons(jobs, group)
            for number, student in zip(group, self._inner.fit_soft_many(lessons), strict=True):
                head = self.fresh()
                head._inner, head.dimensions = student, jobs.pool.dimensions
                yield number, head

    def _split(self, jobs: PoolJobs, number: int) -> Split:
        """How the pairs of a job are split over teachers.

        Raises:
            UsageError: the pairs do not say whom they show where that is needed, or are too few.
        """
        settings: SelenaHeadSettings = self.settings
        where = _WHERE + (f", job {number}" if len(jobs) > 1 else "")
        pairs, same = jobs.pairs(number)
        if settings.unit == "person" and pairs.people is None:
            raise UsageError(
                "the pairs do not say whom they show",
                where=f"{where}, unit=person",
                hint="give EmbeddedPairs their people, or take unit=image or unit=pair",
            )
        split = split_units(
            units_of(pairs, settings.unit),
            settings.parts,
            settings.left_out,
            seed=jobs.seeds[number],
        )
        for mine in split.learnt:
            matched = int(same[mine].sum())
            if matched in (0, mine.sum()):
                raise UsageError(
                    f"one of {settings.parts} heads would learn from {mine.sum()} of {len(pairs)} "
                    f"pairs, {matched} of them matched",
                    where=where,
                    hint="give more pairs, or leave out of fewer heads by left_out",
                )
        if not len(split.answered):
            raise UsageError(
                f"there is no pair that one of {settings.parts} heads knows nothing of",
                where=where,
                hint="raise left_out",
            )
        return split

    def _lessons(
        self, jobs: PoolJobs, group: Sequence[int], validation: Labelled | None = None
    ) -> list[SoftJob]:
        """What the students of some jobs learn from."""
        splits = [self._split(jobs, number) for number in group]
        sums = [np.zeros(len(jobs.members[number])) for number in group]
        for place, k, teacher in self._teachers(jobs, group, splits, validation):
            unseen = splits[place].unseen[k]
            asked = jobs.pool.take(jobs.members[group[place]][unseen])
            sums[place][unseen] += sigmoid(teacher.quick_logit(asked).astype(np.float64))
        lessons = []
        for number, split, total in zip(group, splits, sums, strict=True):
            rows = split.answered
            chance = total[rows] / split.unseen[:, rows].sum(axis=0)
            pairs = jobs.pool.take(jobs.members[number][rows])
            lessons.append(SoftJob(pairs, chance, derive_seed(jobs.seeds[number], "student")))
        return lessons

    def _teachers(
        self,
        jobs: PoolJobs,
        group: Sequence[int],
        splits: Sequence[Split],
        validation: Labelled | None,
    ) -> Iterator[tuple[int, int, LearningHead]]:
        """Teachers of some jobs: place in the group, number, and the head, which need not be kept.

        Those of all jobs of the group are trained side by side.
        """
        parts = self.settings.parts
        rows = [
            jobs.members[number][mine]
            for number, split in zip(group, splits, strict=True)
            for mine in split.learnt
        ]
        seeds = [
            derive_seed(jobs.seeds[number], "teacher", k) for number in group for k in range(parts)
        ]
        if validation is None:
            for number, teacher in self._inner.stream_many(jobs.pool, jobs.same, rows, seeds):
                yield *divmod(number, parts), teacher
            return
        for number, (mine, seed) in enumerate(zip(rows, seeds, strict=True)):
            teacher = self._inner.fresh()
            teacher.fit(jobs.pool.take(mine), jobs.same[mine], seed=seed, validation=validation)
            yield *divmod(number, parts), teacher

    def _own_arrays(self) -> Arrays:
        return {}

    def _own_shapes(self) -> Shapes:
        return {}

    def _load_own(self, arrays: Arrays) -> None:
        """There is nothing but the student."""
