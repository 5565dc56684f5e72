"""The attributes of pictures as a table, each either yes or no, or a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.attacks.observations import Floats
from facebone.data.celeba import PARTITION
from facebone.data.dataset import Dataset
from facebone.errors import UsageError

LEFT_OUT = {PARTITION: "no attribute of a face", "hair_style": "a name in disguise, no number"}
"""What data sets list beside attributes. Styles of hair have no order; being bald and having long
hair, which are attributes of their own, say what can be said with yes and no."""


class Kind(StrEnum):
    """What the values of an attribute are."""

    BINARY = "binary"
    """Two values; the larger counts as yes."""
    NUMBER = "number"
    """More values, in their order."""


class Unit(StrEnum):
    """What has the attribute."""

    PERSON = "person"
    """The same on all pictures of a person, and so inferred from all of them together."""
    PICTURE = "picture"
    """A smile, a hat: asked of each picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Traits:
    """Attributes of n pictures.

    Args:
        names: of the k attributes.
        values: (n, k) float64.
        person: (n,) whose picture each is.

    Raises:
        UsageError: shapes that do not fit each other, or values that are not finite.
    """

    names: tuple[str, ...]
    values: Floats
    person: npt.NDArray[Any]

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.person), len(self.names)):
            raise UsageError(
                f"must have shape ({len(self.person)}, {len(self.names)}), got {self.values.shape}",
                where="attributes",
            )
        if not np.isfinite(self.values).all():
            raise UsageError("must be finite", where="attributes")

    @classmethod
    def read(cls, dataset: Dataset, pictures: Sequence[int] | npt.NDArray[np.intp]) -> Traits:
        """The attributes that a data set states of some of its pictures.

        Attributes that are the same on all of them are left out, and see `LEFT_OUT`.

        Args:
            dataset: CelebA, synthetic people, or any other with attributes.
            pictures: positions; each must have attributes, see `stated`.

        Raises:
            UsageError: the data set states none, or none of one of the pictures.
        """
        chosen = [dataset.pictures[int(i)] for i in pictures]
        missing = [picture.id for picture in chosen if picture.id not in dataset.attributes]
        if missing or not chosen:
            raise UsageError(
                f"states no attributes of {missing[0]}" if missing else "no pictures were named",
                where=f"data set {dataset.name}",
                hint="celeba and synthetic state attributes",
            )
        rows = [dataset.attributes[picture.id] for picture in chosen]
        listed = [name for name in rows[0] if name not in LEFT_OUT]
        table = np.array([[row[name] for name in listed] for row in rows], dtype=np.float64)
        varies = (table != table[0]).any(axis=0)
        names = tuple(name for name, one in zip(listed, varies, strict=True) if one)
        return cls(names, table[:, varies], np.array([picture.person for picture in chosen]))

    def __len__(self) -> int:
        return len(self.person)

    def take(self, rows: npt.NDArray[Any]) -> Traits:
        """The attributes of the pictures at `rows`, as positions or as a mask."""
        return Traits(self.names, self.values[rows], self.person[rows])

    def kind(self, name: str) -> Kind:
        """What the values of an attribute are."""
        return Kind.BINARY if len(np.unique(self._column(name))) <= 2 else Kind.NUMBER

    def unit(self, name: str) -> Unit:
        """What has the attribute: the person, if all pictures of each person agree."""
        _, first, number = np.unique(self.person, return_index=True, return_inverse=True)
        column = self._column(name)
        return Unit.PERSON if (column == column[first][number]).all() else Unit.PICTURE

    def _column(self, name: str) -> Floats:
        column: Floats = self.values[:, self.names.index(name)]
        return column


def stated(dataset: Dataset) -> npt.NDArray[np.intp]:
    """Positions of the pictures of which a data set states attributes."""
    return np.array(
        [i for i, picture in enumerate(dataset.pictures) if picture.id in dataset.attributes],
        dtype=np.intp,
    )
