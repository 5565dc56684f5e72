"""What a head sees: pairs of embeddings from one or many backbones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.data.pairs import Pairs
from facebone.errors import UsageError

Matrix = npt.NDArray[np.float32]


def normalise(embeddings: Matrix) -> Matrix:
    """Scale the rows of (n, d) to length one; a zero row stays zero."""
    return split_lengths(embeddings)[0]


def split_lengths(embeddings: Matrix) -> tuple[Matrix, Matrix]:
    """Rows of (n, d) scaled to length one, and how long they were, (n,)."""
    lengths = np.linalg.norm(embeddings, axis=1)
    unit: Matrix = embeddings / np.maximum(lengths, np.finfo(np.float32).tiny)[:, None]
    return unit, lengths


def side_by_side(embeddings: Sequence[Matrix]) -> Matrix:
    """K matrices (n, d_k) of unit rows as one, (n, sum of d_k), of unit rows.

    The product of two such rows is the mean of their K cosines.
    """
    return np.concatenate(embeddings, axis=1) / np.float32(np.sqrt(len(embeddings)))


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedPairs:
    """Embeddings of n pairs under K backbones, rows of length one.

    Args:
        left: K matrices (n, d_k) float32, L2-normalised rows.
        right: K matrices of the same shapes.
        people: (n, 2) whom the left and the right picture show, as numbers or names; None where
            nobody says. No head learns from it; a defence that promises something to each person
            must know it.
        lengths: (n, 2, K) float32, how long the left and the right embedding were before they were
            scaled: most networks give short ones to pictures they see little in. None where nobody
            says; then all count as one.

    Raises:
        UsageError: no backbone, or shapes that do not fit each other.
    """

    left: tuple[Matrix, ...]
    right: tuple[Matrix, ...]
    people: npt.NDArray[Any] | None = None
    lengths: Matrix | None = None

    def __post_init__(self) -> None:
        if not self.left or len(self.left) != len(self.right):
            raise UsageError(
                "embedded pairs need the same number of backbones left and right, at least one; "
                f"got {len(self.left)} and {len(self.right)}"
            )
        count = len(self.left[0])
        for a, b in zip(self.left, self.right, strict=True):
            if a.ndim != 2 or a.shape != b.shape or len(a) != count:
                raise UsageError(f"shapes of embedded pairs do not fit: {a.shape} and {b.shape}")
        if self.people is not None and self.people.shape != (count, 2):
            raise UsageError(
                f"people of embedded pairs must have shape ({count}, 2), got {self.people.shape}"
            )
        expected = (count, 2, len(self.left))
        if self.lengths is not None and self.lengths.shape != expected:
            raise UsageError(
                f"lengths of embedded pairs must have shape {expected}, got {self.lengths.shape}"
            )

    @classmethod
    def scale(cls, left: Sequence[Matrix], right: Sequence[Matrix]) -> EmbeddedPairs:
        """Of embeddings of any length: K matrices (n, d_k) a side."""
        sides = [[split_lengths(matrix) for matrix in side] for side in (left, right)]
        units = [tuple(unit for unit, _ in side) for side in sides]
        lengths = [np.stack([length for _, length in side], axis=1) for side in sides]
        return cls(units[0], units[1], None, np.stack(lengths, axis=1))

    @classmethod
    def gather(
        cls,
        embeddings: Sequence[Matrix],
        pairs: Pairs,
        people: npt.NDArray[Any] | None = None,
    ) -> EmbeddedPairs:
        """Pair up the rows of K embedding matrices (N, d_k) of a whole data set.

        Args:
            embeddings: one matrix a backbone, not necessarily normalised, rows by picture position.
            pairs: positions of the pictures.
            people: (N,) whom each picture shows, where that is known.
        """
        unit, lengths = zip(*(split_lengths(matrix) for matrix in embeddings), strict=True)
        sides = np.stack([pairs.left, pairs.right], axis=1)
        return cls(
            tuple(matrix[pairs.left] for matrix in unit),
            tuple(matrix[pairs.right] for matrix in unit),
            None if people is None else people[sides],
            np.stack(lengths, axis=1)[sides],
        )

    def __len__(self) -> int:
        return len(self.left[0])

    @property
    def dimensions(self) -> tuple[int, ...]:
        """The width d_k of each backbone."""
        return tuple(matrix.shape[1] for matrix in self.left)

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> EmbeddedPairs:
        """The pairs at `rows`, as positions or as a mask."""
        return EmbeddedPairs(
            tuple(matrix[rows] for matrix in self.left),
            tuple(matrix[rows] for matrix in self.right),
            None if self.people is None else self.people[rows],
            None if self.lengths is None else self.lengths[rows],
        )

    def choose(self, columns: Sequence[int]) -> EmbeddedPairs:
        """The same pairs under the backbones at `columns` alone, in that order.

        Raises:
            UsageError: no column, or one that is not there.
        """
        for column in columns:
            if not 0 <= column < len(self.left):
                raise UsageError(
                    f"there is no backbone {column}, they are counted from 0 to "
                    f"{len(self.left) - 1}",
                    where="columns",
                )
        return EmbeddedPairs(
            tuple(self.left[column] for column in columns),
            tuple(self.right[column] for column in columns),
            self.people,
            None if self.lengths is None else self.lengths[:, :, list(columns)],
        )

    def turned(self) -> EmbeddedPairs:
        """The same pairs, left and right exchanged."""
        return EmbeddedPairs(
            self.right,
            self.left,
            None if self.people is None else self.people[:, ::-1],
            None if self.lengths is None else self.lengths[:, ::-1],
        )

    def shorter(self) -> Matrix:
        """Length of the shorter embedding of each pair under each backbone, (n, K)."""
        if self.lengths is None:
            return np.ones((len(self), len(self.left)), dtype=np.float32)
        least: Matrix = self.lengths.min(axis=1)
        return least

    def cosines(self) -> Matrix:
        """Cosine similarity under each backbone, (n, K)."""
        columns = [np.einsum("nd,nd->n", a, b) for a, b in zip(self.left, self.right, strict=True)]
        return np.stack(columns, axis=1)

    def products(self) -> Matrix:
        """Element-wise products of all backbones side by side, (n, sum of d_k)."""
        return np.concatenate([a * b for a, b in zip(self.left, self.right, strict=True)], axis=1)

    def differences(self) -> Matrix:
        """Left minus right of all backbones side by side, (n, sum of d_k)."""
        return np.concatenate([a - b for a, b in zip(self.left, self.right, strict=True)], axis=1)
