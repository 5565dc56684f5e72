"""Linking databases of different keys or systems with no picture under both."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from facebone.attacks.access import Access
from facebone.attacks.linkage.axes import cosines, unit_rows
from facebone.attacks.linkage.base import LinkageAttack
from facebone.attacks.linkage.matching import (
    Matching,
    centred_rows,
    principal,
    profiles,
    refine,
)
from facebone.attacks.linkage.view import LinkageView
from facebone.attacks.observations import Floats
from facebone.errors import UsageError
from facebone.settings import check_integer, check_number

FEWEST_RECORDS = 8


@dataclass(frozen=True, slots=True)
class UnalignedSettings:
    """Settings of the search.

    Args:
        axes: principal axes whose directions are searched, each either way: 2 to that power
            starts.
        rounds: of each start's refinement.
        margin: by how much more the best start must hold together than the median one to be
            believed; else the records' profiles are all there is. Wrong starts hold together more
            the fewer records there are, and nearly all starts are wrong.
        seconds: after which no further start is tried; None tries all. What it cuts off depends
            on the machine.

    Raises:
        UsageError: a value is out of range.
    """

    axes: int = 5
    rounds: int = 12
    margin: float = 0.12
    seconds: float | None = None

    def __post_init__(self) -> None:
        check_integer("axes", self.axes, low=1)
        check_integer("rounds", self.rounds, low=1)
        check_number("margin", self.margin, low=0, high=1)
        if self.seconds is not None:
            check_number("seconds", self.seconds, low=0, low_open=True)


class Unaligned(LinkageAttack):
    """Goal: link records of databases under secret keys, or of unknown systems.

    Access: templates. Knowledge: none but that many people are in both. Success: a record is as
    alike to the others of its database as one of the other database is to the others of its own.

    A secret rotation changes no likeness within a database. A record's profile, how alike it is to
    the others from least to most, is so the same under any key: a template that two databases
    share is found by it at once. Different pictures of one person have profiles that are alike,
    no more. Where the people differ along a few axes much more than along the rest, the axes of
    both databases are the same but for their direction: all directions are tried, each is refined
    by mutual matches, and the one that holds together best on held-out matches is taken, if it
    does so at all.

    References:
        Artetxe, Labaka and Agirre, "A robust self-learning method for fully unsupervised
        cross-lingual mappings of word embeddings", 2018; Umeyama, "An Eigendecomposition Approach
        to Weighted Graph Matching Problems", 1988.
    """

    name = "unaligned"
    summary = "records are alike to the others of their database as one person's are"
    access = Access.EMBEDDING
    knowledge = "Nothing but that many people are in both databases."
    settings_type = UnalignedSettings
    clock: Callable[[], float] = staticmethod(time.monotonic)

    def _link(self, view: LinkageView, *, seed: int) -> Floats:
        del seed
        templates = self._templates(view)
        fewest = min(map(len, templates))
        if fewest < FEWEST_RECORDS:
            raise UsageError(
                f"needs {FEWEST_RECORDS} records in each database, got {fewest}",
                where=f"attack {self.name}",
            )
        first, second = map(centred_rows, templates)
        alike = cosines(profiles(first), profiles(second))
        return self._search(first, second, alike)

    def _search(self, first: Floats, second: Floats, alike: Floats) -> Floats:
        """Scores after the best start's refinement, or the profiles' likeness."""
        begun = self.clock()
        best, tried = Matching(alike, -1.0), list[float]()
        for start in self._starts(first, second, alike):
            found = refine(first, second, start, rounds=self.settings.rounds)
            tried.append(found.agreement)
            best = max(best, found, key=lambda matching: matching.agreement)
            limit = self.settings.seconds
            if limit is not None and self.clock() - begun >= limit:
                break
        believed = best.agreement - float(np.median(tried)) > self.settings.margin
        return best.scores if believed else alike

    def _starts(self, first: Floats, second: Floats, alike: Floats) -> Iterator[Floats]:
        yield alike
        axes = min(self.settings.axes, first.shape[1], second.shape[1])
        one, two = principal(first, axes), principal(second, axes)
        for directions in itertools.product((1.0, -1.0), repeat=axes):
            yield unit_rows(one) @ unit_rows(two * np.array(directions)).T
