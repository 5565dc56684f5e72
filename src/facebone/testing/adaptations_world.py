"""Pictures of people made of numbers, for adaptations to learn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from facebone.testing.heads_world import Labels
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise
from facebone.verification.heads import PeopleHead
from facebone.verification.heads.people import draw_labelled_pairs
from facebone.verification.labelled_pictures import LabelledPictures


@dataclass(frozen=True, eq=False)
class Toy:
    """Pictures to learn from, and pictures of other people to be asked about."""

    learnt: LabelledPictures
    asked: LabelledPictures

    def pairs(self) -> tuple[EmbeddedPairs, Labels]:
        """Matched and mismatched pairs of other people."""
        left, right, same = draw_labelled_pairs(self.asked.person, 150, seed=1)
        matrices = self.asked.embeddings
        return EmbeddedPairs(
            tuple(matrix[left] for matrix in matrices), tuple(matrix[right] for matrix in matrices)
        ), same


@lru_cache
def directions() -> Toy:
    """People as random directions, pictures as people plus noise, under two backbones."""
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(80), 4)
    matrices = []
    for width in (12, 8):
        centres = rng.normal(size=(80, width))
        # One direction that all faces share, and that says nothing of whom they show.
        rows = centres[person] + 0.4 * rng.normal(size=(320, width)) + 3 * np.eye(width)[0]
        matrices.append(normalise(rows.astype(np.float32)))
    pictures = LabelledPictures(tuple(matrices), person + 7)
    return Toy(pictures.take(person < 50), pictures.take(person >= 50))


@dataclass(frozen=True, eq=False)
class AdaptationSubject:
    """An adaptation, and what its checks need to know.

    Args:
        name: of the adaptation.
        unfitted: makes one under quick settings.
        toy: what it learns from.
        least: the least AUC of pairs of people it has not met.
        draws: whether its training is random.
    """

    name: str
    unfitted: Callable[[], PeopleHead]
    toy: Callable[[], Toy] = directions
    least: float = 0.95
    draws: bool = True

    def fit(self, seed: int = 0) -> PeopleHead:
        """One that has learnt."""
        head = self.unfitted()
        head.fit_people(self.toy().learnt, seed=seed)
        return head


@lru_cache
def fitted(subject: AdaptationSubject) -> PeopleHead:
    """Shared by checks that only ask it."""
    return subject.fit()
