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
    norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
    unit: Matrix = embeddings / np.maximum(norms, np.finfo(np.float32).tiny)
    return unit


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedPairs:
    """Embeddings of n pairs under K backbones, rows of length one.

    Args:
        left: K matrices (n, d_k) float32, L2-normalised rows.
        right: K matrices of the same shapes.
        people: (n, 2) whom the left and the right picture show, as numbers or names; None where
            nobody says. No head learns from it; a defence that promises something to each person
            must know it.

    Raises:
        UsageError: no backbone, or shapes that do not fit each other.
    """

    left: tuple[Matrix, ...]
    right: tuple[Matrix, ...]
    people: npt.NDArray[Any] | None = None

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
        unit = [normalise(matrix) for matrix in embeddings]
        return cls(
            tuple(matrix[pairs.left] for matrix in unit),
            tuple(matrix[pairs.right] for matrix in unit),
            None if people is None else people[np.stack([pairs.left, pairs.right], axis=1)],
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
        )

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
