"""What an attacker who links records has before them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.attacks.observations import Floats
from facebone.errors import UsageError


@dataclass(frozen=True, slots=True, eq=False)
class Anchors:
    """Templates of the attacker's own people under both systems, a picture a row.

    Args:
        first: (k, d1) under the first system.
        second: (k, d2) of the same pictures under the second.
        person: (k,) whom each picture shows, none of them in either database.

    Raises:
        UsageError: shapes that do not fit each other, or templates that are not finite.
    """

    first: Floats
    second: Floats
    person: npt.NDArray[Any]

    def __post_init__(self) -> None:
        if not len(self.first) == len(self.second) == len(self.person):
            raise UsageError(
                f"{len(self.first)} and {len(self.second)} templates of {len(self.person)} "
                "pictures do not fit each other",
                where="anchors",
            )
        for name, matrix in (("first", self.first), ("second", self.second)):
            check_templates(matrix, where=f"anchors, {name}")

    def __len__(self) -> int:
        return len(self.person)

    def take(self, rows: npt.NDArray[Any]) -> Anchors:
        """The anchors at `rows`, as positions or as a mask."""
        return Anchors(self.first[rows], self.second[rows], self.person[rows])


@dataclass(frozen=True, slots=True, eq=False)
class LinkageView:
    """What an attacker sees of n records of one database and m of another.

    Who the records show is what is sought, and no part of this class. What the attacker does not
    see is None. The first database may be public pictures by name, the second one that leaked.

    Args:
        first: (n, d1) templates of the first database.
        second: (m, d2) templates of the second.
        anchors: of the attacker's own people; with them templates of different systems compare.
        cohort: (c, d1) templates of the attacker's own people under the first system, for what an
            unrelated person scores.
        answers: (n, m) what the verifier says of a picture of each of the first, beside the
            record of each of the second; larger for the same person.
        cohort_answers: (c, m) what it says of pictures of the attacker's own people.

    Raises:
        UsageError: shapes that do not fit each other, or values that are not finite.
    """

    first: Floats | None = None
    second: Floats | None = None
    anchors: Anchors | None = None
    cohort: Floats | None = None
    answers: Floats | None = None
    cohort_answers: Floats | None = None

    def __post_init__(self) -> None:
        named = {
            "first": self.first,
            "second": self.second,
            "cohort": self.cohort,
            "answers": self.answers,
            "cohort answers": self.cohort_answers,
        }
        for name, matrix in named.items():
            if matrix is not None:
                check_templates(matrix, where=name)
        self._check_widths("first", self.first, None if self.anchors is None else 0)
        self._check_widths("second", self.second, None if self.anchors is None else 1)
        for name, mine, other in (
            ("cohort", self.cohort, self.first),
            ("cohort answers", self.cohort_answers, self.answers),
        ):
            if mine is not None and other is not None and mine.shape[1] != other.shape[1]:
                raise UsageError(
                    f"has {mine.shape[1]} columns, what it is held against {other.shape[1]}",
                    where=name,
                )

    def _check_widths(self, name: str, matrix: Floats | None, side: int | None) -> None:
        if matrix is None or side is None or self.anchors is None:
            return
        theirs = (self.anchors.first, self.anchors.second)[side].shape[1]
        if matrix.shape[1] != theirs:
            raise UsageError(
                f"templates of the {name} database have width {matrix.shape[1]}, those of the "
                f"anchors {theirs}",
                where="anchors",
                hint="embed the anchors with the systems that made the databases",
            )


def check_templates(matrix: Floats, *, where: str) -> None:
    """Refuse what is no matrix of finite numbers.

    Raises:
        UsageError: it is none.
    """
    if matrix.ndim != 2 or not matrix.shape[1]:
        raise UsageError(f"must be a matrix, a row a record, got {matrix.shape}", where=where)
    bad = ~np.isfinite(matrix).all(axis=1)
    if bad.any():
        raise UsageError(
            f"row {int(np.flatnonzero(bad)[0])} is not finite",
            where=where,
            hint="leave out pictures that could not be embedded",
        )
