"""What an attacker holds before the first question: pictures, their embeddings, whom they show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.data.pairs import Pairs
from facebone.errors import UsageError
from facebone.verification.embedded_pairs import EmbeddedPairs, Matrix

Positions = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class KnownPictures:
    """Pictures of the attacker's own, embedded by public backbones.

    The backbones may be those of the victim or others: then the attacker sees the pictures with
    other eyes than the victim does.

    Args:
        matrices: K matrices (N, d_k) float32, not necessarily normalised, a row a picture.
        people: (N,) whom each picture shows, as numbers or names.

    Raises:
        UsageError: no backbone, shapes that do not fit, embeddings that are not finite, or
            pictures of fewer than two people.
    """

    matrices: tuple[Matrix, ...]
    people: npt.NDArray[Any]

    def __post_init__(self) -> None:
        shapes = [matrix.shape for matrix in self.matrices]
        if not shapes or any(len(shape) != 2 or shape[0] != len(self.people) for shape in shapes):
            raise UsageError(
                f"needs a matrix a backbone of {len(self.people)} rows, one a picture, "
                f"got {shapes}",
                where="known pictures",
            )
        if not all(np.isfinite(matrix).all() for matrix in self.matrices):
            raise UsageError("holds embeddings that are not finite", where="known pictures")
        if len(np.unique(self.people)) < 2:
            raise UsageError("needs pictures of two people or more", where="known pictures")

    def __len__(self) -> int:
        return len(self.people)

    @property
    def dimensions(self) -> tuple[int, ...]:
        """The width d_k of each backbone."""
        return tuple(matrix.shape[1] for matrix in self.matrices)

    def same(self, left: Positions, right: Positions) -> npt.NDArray[np.bool_]:
        """Whether pairs of pictures show one person, (n,)."""
        shown: npt.NDArray[np.bool_] = self.people[left] == self.people[right]
        return shown

    def embedded(self, left: Positions, right: Positions) -> EmbeddedPairs:
        """The pairs as a head sees them."""
        return EmbeddedPairs.gather(self.matrices, Pairs(left, right, self.same(left, right)))

    def likeness(self, left: Positions, right: Positions) -> npt.NDArray[np.float64]:
        """Mean cosine under the backbones, (n,): how alike the attacker finds the pictures."""
        mean: npt.NDArray[np.float64] = self.embedded(left, right).cosines().mean(axis=1)
        return mean.astype(np.float64)
