"""What an adaptation learns from: embedded pictures, and who each of them shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError
from facebone.verification.embedded_pairs import Matrix, normalise

Positions = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPictures:
    """Embeddings of n pictures under K backbones, and who each picture shows.

    Args:
        embeddings: K matrices (n, d_k) float32, L2-normalised rows.
        person: (n,) intp, any numbers; equal ones for pictures of one person.

    Raises:
        UsageError: no backbone, or shapes that do not fit each other.
    """

    embeddings: tuple[Matrix, ...]
    person: Positions

    def __post_init__(self) -> None:
        if not self.embeddings:
            raise UsageError("labelled pictures need at least one backbone")
        shapes = [matrix.shape for matrix in self.embeddings]
        if any(len(shape) != 2 or shape[0] != len(self.person) for shape in shapes):
            raise UsageError(
                f"embeddings of {shapes} do not fit {len(self.person)} labelled pictures"
            )
        if self.person.ndim != 1 or self.person.dtype.kind not in "iu":
            raise UsageError(f"people must be integers in a row, got {self.person.dtype}")

    @classmethod
    def gather(
        cls, embeddings: Sequence[Matrix], rows: Positions, person: Positions
    ) -> LabelledPictures:
        """The pictures at some rows of K embedding matrices, not necessarily normalised.

        Args:
            embeddings: one matrix (N, d_k) a backbone.
            rows: (n,) of the pictures.
            person: (n,) who they show.
        """
        return cls(tuple(normalise(matrix[rows]) for matrix in embeddings), person)

    def __len__(self) -> int:
        return len(self.person)

    @property
    def dimensions(self) -> tuple[int, ...]:
        """The width d_k of each backbone."""
        return tuple(matrix.shape[1] for matrix in self.embeddings)

    @property
    def people(self) -> int:
        """How many people the pictures show."""
        return len(np.unique(self.person))

    def take(self, rows: Positions | npt.NDArray[np.bool_]) -> LabelledPictures:
        """The pictures at `rows`, as positions or as a mask."""
        return LabelledPictures(
            tuple(matrix[rows] for matrix in self.embeddings), self.person[rows]
        )

    def choose(self, columns: Sequence[int]) -> LabelledPictures:
        """The same pictures under the backbones at `columns` alone, in that order."""
        return LabelledPictures(tuple(self.embeddings[column] for column in columns), self.person)

    def side_by_side(self) -> Matrix:
        """The embeddings of all backbones in one row a picture, of length one, (n, sum of d_k)."""
        return join(self.embeddings)


def join(embeddings: Sequence[Matrix]) -> Matrix:
    """Embeddings of K backbones, rows of length one, side by side, rows of length one again.

    The cosine of two such rows is the mean of the K cosines.
    """
    if len(embeddings) == 1:
        return embeddings[0]
    joined: Matrix = np.concatenate(embeddings, axis=1) / np.float32(np.sqrt(len(embeddings)))
    return joined
