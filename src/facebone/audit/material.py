"""What targets are made from: candidates with the embeddings of their pictures, as plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from facebone.audit.candidates import Candidates
from facebone.audit.gallery import (
    Arrays,
    Gallery,
    changed_part,
    gallery_parts,
    hang,
    pairs_arrays,
    pairs_part,
)
from facebone.data.dataset import Dataset
from facebone.data.pairs import Pairs
from facebone.verification.chain import Problem
from facebone.verification.engine import EmbeddingEngine

PARTS = ("pool", "control", "strangers")


@dataclass(frozen=True, slots=True, eq=False)
class Material(Gallery):
    """Embedded candidates at the level of pairs.

    Args:
        pool: pairs of which each seed makes one half members.
        control: pairs of people in neither set.
        strangers: mismatched pairs that no target is trained on.
        copies: see `Candidates`.
    """

    pool: Pairs
    control: Pairs
    strangers: Pairs
    copies: int

    def to_arrays(self) -> tuple[dict[str, Any], Arrays]:
        """All of it but for changed pictures: facts that JSON can hold, and arrays by name."""
        facts, arrays = self.gallery_arrays()
        for name in PARTS:
            arrays |= pairs_arrays(name, getattr(self, name))
        return facts | {"copies": self.copies}, arrays

    @classmethod
    def from_arrays(cls, facts: Mapping[str, Any], arrays: Mapping[str, Any]) -> Material:
        """What `to_arrays` gave, and `gallery.changed_arrays` if it is among the arrays."""
        parts: dict[str, Any] = {name: pairs_part(name, arrays) for name in PARTS}
        changed = changed_part(arrays)
        copies = int(facts["copies"])
        return cls(**gallery_parts(facts, arrays), **parts, copies=copies, changed=changed)


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
    hung = hang(engine, dataset, candidates.pictures())
    parts: dict[str, Any] = {name: hung.place(getattr(candidates, name))[0] for name in PARTS}
    pool = parts["pool"]
    if not pool.same.any() or pool.same.all():
        raise hung.too_few()
    return Material(**hung.parts, **parts, copies=candidates.copies), hung.problems
