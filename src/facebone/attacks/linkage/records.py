"""Records: a template a person and database, from all pictures that the database holds of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.attacks.linkage.axes import unit_rows
from facebone.attacks.observations import Floats
from facebone.errors import UsageError
from facebone.seeding import make_rng

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """A database: n records, each of another person.

    Args:
        templates: (n, d) float64.
        person: (n,) whom each record shows; the truth, which no attack sees.

    Raises:
        UsageError: shapes that do not fit, or a person with two records.
    """

    templates: Floats
    person: npt.NDArray[Any]

    def __post_init__(self) -> None:
        if self.templates.ndim != 2 or len(self.templates) != len(self.person):
            raise UsageError(
                f"{len(self.person)} people do not fit templates of {self.templates.shape}",
                where="records",
            )
        if len(np.unique(self.person)) != len(self.person):
            raise UsageError("a person has several", where="records", hint="use Records.enrol")

    def __len__(self) -> int:
        return len(self.person)

    @classmethod
    def enrol(
        cls, templates: npt.NDArray[np.floating], person: npt.NDArray[Any], pictures: Rows
    ) -> Records:
        """One record a person: the mean of their templates, each scaled to length one.

        Args:
            templates: (N, d) of all pictures.
            person: (N,) whom each picture shows.
            pictures: positions of those that the database holds.
        """
        unit = unit_rows(np.asarray(templates[pictures], dtype=np.float64))
        people, number = np.unique(person[pictures], return_inverse=True)
        total = np.zeros((len(people), unit.shape[1]))
        np.add.at(total, number, unit)
        return cls(unit_rows(total), people)


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """Pictures of the same people, dealt to two databases.

    Args:
        first: positions of the pictures of the first database.
        second: positions of those of the second; no picture is in both.
    """

    first: Rows
    second: Rows


def deal(person: npt.NDArray[Any], people: npt.NDArray[Any], *, seed: int, most: int = 1) -> Shared:
    """Deal the pictures of `people` to two databases.

    Args:
        person: (N,) whom each picture shows.
        people: who is in both; each needs two pictures.
        seed: of the draw.
        most: pictures of one person in one database at most.

    Raises:
        UsageError: a person with fewer than two pictures.
    """
    rng = make_rng(seed, "deal pictures to databases")
    first: list[Rows] = []
    second: list[Rows] = []
    for who in people:
        own = rng.permutation(np.flatnonzero(person == who))
        if len(own) < 2:
            raise UsageError(
                f"{who} has {len(own)} pictures, and two databases need one each", where="people"
            )
        half = min(len(own) // 2, most)
        first.append(own[:half])
        second.append(own[half : 2 * half])
    return Shared(np.concatenate(first), np.concatenate(second))
