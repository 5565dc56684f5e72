"""An adaptation behind a guard: it makes templates as it did, and compares them through it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

import numpy as np

from facebone.mitigations.guards.aside import keep_people_aside
from facebone.mitigations.guards.guarded import Guarded, Parts
from facebone.seeding import derive_seed
from facebone.verification.embedded_pairs import EmbeddedPairs, Matrix
from facebone.verification.heads import FitReport, PeopleHead
from facebone.verification.heads.base import Scores
from facebone.verification.heads.people import CALIBRATION_PAIRS, Rows, draw_labelled_pairs
from facebone.verification.labelled_pictures import LabelledPictures


class GuardedPeopleHead(Guarded, PeopleHead):
    """An adaptation behind a guard, which knows pairs by their templates.

    Templates that lie in a database lie there as the adaptation makes them: who steals them can
    compare them without the guard.
    """

    name = "guarded_people"
    takes_people = True
    _inner: PeopleHead

    def _fit_people(
        self, pictures: LabelledPictures, *, seed: int, validation: LabelledPictures | None
    ) -> FitReport:
        kept, aside = parts = self._split(pictures.person, seed)
        inner = self._inner.fresh()
        report = inner.fit_people(pictures.take(kept), seed=seed, validation=validation)
        self._adopt(inner, pictures, parts, seed)
        return replace(report, held_out=report.held_out + len(aside))

    def _fit_people_many(
        self, pool: LabelledPictures, members: Sequence[Rows], seeds: Sequence[int]
    ) -> list[Self]:
        parts: list[Parts] = []
        for rows, seed in zip(members, seeds, strict=True):
            kept, aside = self._split(pool.person[rows], seed)
            parts.append((rows[kept], rows[aside]))
        heads = []
        inners = self._inner.fit_people_many(pool, [kept for kept, _ in parts], seeds)
        for inner, part, seed in zip(inners, parts, seeds, strict=True):
            heads.append(self.fresh())
            heads[-1]._adopt(inner, pool, part, seed)
        return heads

    def _templates(self, embeddings: tuple[Matrix, ...]) -> Matrix:
        return self._inner.templates(embeddings)

    def _compare(self, left: Matrix, right: Matrix) -> Scores:
        log_odds = self._inner.compare(left, right)
        return self._show(log_odds, EmbeddedPairs((left,), (right,)))

    def _widths(self) -> tuple[int, ...]:
        none = tuple(np.empty((0, width), dtype=np.float32) for width in self.dimensions or ())
        return (self._inner.templates(none).shape[1],)

    def _split(self, person: Rows, seed: int) -> Parts:
        """Positions of pictures to train on, and of those of people kept aside for the guard."""
        own = derive_seed(seed, "guard", self._guard.name)
        return keep_people_aside(
            person, self._guard.share, seed=own, where=f"guard {self._guard.name}"
        )

    def _adopt(
        self, inner: PeopleHead, pictures: LabelledPictures, parts: Parts, seed: int
    ) -> None:
        """Take a fitted adaptation inside, and let the guard learn."""
        self._inner, self.dimensions = inner, inner.dimensions
        self._guard = self._guard.fresh()
        if self._guard.learns:
            own = derive_seed(seed, "guard", self._guard.name)
            trained, aside = (_pairs(inner, pictures.take(rows), own) for rows in parts)

            def answer(pairs: EmbeddedPairs) -> Scores:
                return inner.compare(pairs.left[0], pairs.right[0])

            self._guard.learn(trained, aside, answer, seed=seed)


def _pairs(head: PeopleHead, pictures: LabelledPictures, seed: int) -> EmbeddedPairs:
    """Pairs of the templates of pictures, matched and mismatched; none of no picture."""
    rows = head.templates(pictures.embeddings)
    if not len(rows):
        return EmbeddedPairs((rows,), (rows,))
    left, right, _ = draw_labelled_pairs(pictures.person, CALIBRATION_PAIRS, seed=seed)
    return EmbeddedPairs((rows[left],), (rows[right],))
