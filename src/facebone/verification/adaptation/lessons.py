"""Heads of one or many adapters: what each learns from, trained side by side where they can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from facebone.seeding import derive_seed
from facebone.verification.adaptation.adapter_settings import AdapterSettings
from facebone.verification.adaptation.adapter_training import Course, Trained, train_together
from facebone.verification.adaptation.watching import Watch
from facebone.verification.embedded_pairs import Matrix
from facebone.verification.heads.fit_report import FitReport

Positions = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What one head learns from.

    Args:
        rows: positions of its pictures in a pool.
        person: who they show.
        seed: for everything random.
        aside: positions and people of the pictures that it is watched by, if any.
    """

    rows: Positions
    person: Positions
    seed: int
    aside: tuple[Positions, Positions] | None = None

    def course(self, column: int, begin: int) -> Course:
        """What its adapter of a column of embeddings learns, whose rows begin at `begin`."""
        seed = derive_seed(self.seed, "adapter of column", column)
        watch = None
        if self.aside is not None:
            # All adapters of a head are watched by the same pairs.
            places, person = self.aside
            watch = Watch.over(begin + places, person, seed=derive_seed(self.seed, "watch"))
        _, person = np.unique(self.person, return_inverse=True)
        return Course(begin + self.rows, person, seed, watch)


def train_lessons(
    settings: AdapterSettings,
    inputs: Sequence[Matrix],
    lessons: Sequence[Lesson],
    *,
    device: str,
    at_once: int,
) -> list[list[Trained]]:
    """Adapters of each lesson, one a column; those whose columns are of one width side by side.

    Args:
        settings: the recipe.
        inputs: a matrix (n, d) a column, of the pool that lessons name rows of.
        lessons: one a head.
        device: to train on.
        at_once: how many adapters, at most.
    """
    found: dict[tuple[int, int], Trained] = {}
    for width in sorted({matrix.shape[1] for matrix in inputs}):
        columns = [k for k, matrix in enumerate(inputs) if matrix.shape[1] == width]
        rows = torch.from_numpy(np.concatenate([inputs[k] for k in columns])).to(device)
        keys = [(number, k) for number in range(len(lessons)) for k in columns]
        begins = {k: place * len(inputs[k]) for place, k in enumerate(columns)}
        courses = [lessons[number].course(k, begins[k]) for number, k in keys]
        trained = train_together(settings, rows, courses, at_once=at_once)
        found |= zip(keys, trained, strict=True)
    return [[found[number, k] for k in range(len(inputs))] for number in range(len(lessons))]


def report_of(lesson: Lesson, parts: Sequence[Trained]) -> FitReport:
    """What training a head did; losses are means over those of its adapters that still trained."""

    def mean(columns: list[list[float]]) -> tuple[float, ...]:
        epochs = range(max(map(len, columns)))
        return tuple(
            float(np.mean([losses[e] for losses in columns if e < len(losses)])) for e in epochs
        )

    return FitReport(
        pairs=len(lesson.rows),
        held_out=0 if lesson.aside is None else len(lesson.aside[0]),
        epochs=max(len(part.train_loss) for part in parts),
        best_epoch=max(part.best_epoch for part in parts),
        train_loss=mean([part.train_loss for part in parts]),
        validation_loss=mean([part.validation_loss for part in parts]),
    )
