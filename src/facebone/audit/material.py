"""What targets are made from: candidates with the embeddings of their pictures, as plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.audit.candidates import Candidates
from facebone.data.dataset import Dataset
from facebone.data.pairs import Pairs
from facebone.errors import DatasetError
from facebone.verification.chain import Problem
from facebone.verification.embedded_pairs import EmbeddedPairs, Matrix
from facebone.verification.engine import EmbeddingEngine

PARTS = ("pool", "control", "strangers")


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Embedded candidates; pairs point to rows of the matrices.

    Args:
        backbones: their K names.
        matrices: one (N, d_k) float32 a backbone.
        ids: (N,) of the pictures.
        people: (N,) whose face each picture shows.
        pool: pairs of which each seed makes one half members.
        control: pairs of people in neither set.
        strangers: mismatched pairs that no target is trained on.
        copies: see `Candidates`.
    """

    backbones: tuple[str, ...]
    matrices: tuple[Matrix, ...]
    ids: npt.NDArray[np.str_]
    people: npt.NDArray[np.str_]
    pool: Pairs
    control: Pairs
    strangers: Pairs
    copies: int

    def embedded(self, pairs: Pairs, columns: tuple[int, ...]) -> EmbeddedPairs:
        """Embeddings of pairs under the backbones at `columns`."""
        return EmbeddedPairs.gather([self.matrices[column] for column in columns], pairs)

    def people_of(self, pairs: Pairs) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.str_]]:
        """Who is left and right in each pair."""
        return self.people[pairs.left], self.people[pairs.right]

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """All of it as facts that JSON can hold, and arrays by name."""
        arrays: dict[str, npt.NDArray[Any]] = {
            f"matrix_{i}": matrix for i, matrix in enumerate(self.matrices)
        }
        arrays |= {"ids": self.ids, "people": self.people}
        for name in PARTS:
            pairs: Pairs = getattr(self, name)
            arrays |= {
                f"{name}_left": pairs.left,
                f"{name}_right": pairs.right,
                f"{name}_same": pairs.same,
            }
        return {"backbones": list(self.backbones), "copies": self.copies}, arrays

    @classmethod
    def from_arrays(
        cls, facts: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]
    ) -> Material:
        """What `to_arrays` gave."""
        names = tuple(facts["backbones"])
        parts = {
            name: Pairs(arrays[f"{name}_left"], arrays[f"{name}_right"], arrays[f"{name}_same"])
            for name in PARTS
        }
        return cls(
            names,
            tuple(arrays[f"matrix_{i}"] for i in range(len(names))),
            arrays["ids"],
            arrays["people"],
            copies=int(facts["copies"]),
            **parts,
        )


def embed_candidates(
    engine: EmbeddingEngine, dataset: Dataset, candidates: Candidates
) -> tuple[Material, tuple[Problem, ...]]:
    """Embed every picture of the candidates once; pairs with a picture that cannot be are dropped.

    Returns:
        The material, and the pictures that could not be embedded.

    Raises:
        DatasetError: no matched or no mismatched pair of the pool is left.
        PictureError, StorageError: see `EmbeddingEngine.embed`.
    """
    positions = candidates.pictures()
    result = engine.embed([dataset.pictures[i] for i in positions])
    usable = result.usable
    row = np.full(len(dataset.pictures), -1, dtype=np.intp)
    row[positions[usable]] = np.arange(int(usable.sum()))
    parts = {}
    for name in PARTS:
        pairs: Pairs = getattr(candidates, name)
        left, right = row[pairs.left], row[pairs.right]
        kept = (left >= 0) & (right >= 0)
        parts[name] = Pairs(left[kept], right[kept], pairs.same[kept])
    pool = parts["pool"]
    if not pool.same.any() or pool.same.all():
        reason = result.problems[0].reason if result.problems else "no reason is known"
        raise DatasetError(
            f"too few pictures could be embedded; the first reason: {reason}", where=dataset.name
        )
    pictures = [dataset.pictures[i] for i in positions[usable]]
    material = Material(
        tuple(route.backbone.spec.name for route in engine.routes),
        tuple(matrix[usable] for matrix in result.matrices),
        np.array([picture.id for picture in pictures]),
        np.array([picture.person for picture in pictures]),
        copies=candidates.copies,
        **parts,
    )
    return material, result.problems
