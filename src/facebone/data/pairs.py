"""Pairs of pictures, matched (one person) or mismatched (two people)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.errors import DatasetError


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs as columns of equal length n; pictures are positions in ``Dataset.pictures``.

    Args:
        left: (n,) intp.
        right: (n,) intp.
        same: (n,) bool, true where both pictures show one person.
        fold: (n,) intp, the fold of a published or drawn protocol, or None.

    Raises:
        DatasetError: the columns differ in length or have the wrong dimension.
    """

    left: npt.NDArray[np.intp]
    right: npt.NDArray[np.intp]
    same: npt.NDArray[np.bool_]
    fold: npt.NDArray[np.intp] | None = None

    def __post_init__(self) -> None:
        columns = [self.left, self.right, self.same]
        if self.fold is not None:
            columns.append(self.fold)
        if any(column.ndim != 1 or len(column) != len(self.left) for column in columns):
            shapes = ", ".join(str(column.shape) for column in columns)
            raise DatasetError(f"columns of pairs must be 1-d and equally long, got {shapes}")

    def __len__(self) -> int:
        return len(self.left)

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Pairs:
        """The pairs at `rows`, as positions or as a mask."""
        fold = None if self.fold is None else self.fold[rows]
        return Pairs(self.left[rows], self.right[rows], self.same[rows], fold)

    def pictures(self) -> npt.NDArray[np.intp]:
        """Sorted positions of the pictures that occur in any pair."""
        return np.unique(np.concatenate([self.left, self.right]))

    def placed(
        self,
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """What `pictures` gives, and where among these each pair has its left and right one."""
        pictures = self.pictures()
        return pictures, np.searchsorted(pictures, self.left), np.searchsorted(pictures, self.right)

    def tobytes(self) -> bytes:
        """All columns as bytes, for fingerprints."""
        parts = [self.left.astype("<i8").tobytes(), self.right.astype("<i8").tobytes()]
        parts.append(self.same.tobytes())
        if self.fold is not None:
            parts.append(self.fold.astype("<i8").tobytes())
        return b"".join(parts)
