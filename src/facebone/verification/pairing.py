"""From pairs of pictures to pairs of embeddings, with an account of what fell out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.data.dataset import Dataset
from facebone.data.pairs import Pairs
from facebone.errors import DatasetError
from facebone.verification.chain import Problem
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.engine import EmbeddingEngine

People = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Paired:
    """Pairs whose two pictures could be embedded.

    Args:
        pairs: the n pairs that remain, by position in the data set.
        embedded: their embeddings, in the same order.
        people: whose faces they show: two (n,) columns of person numbers.
        dropped: number of pairs lost because a picture could not be embedded.
        problems: those pictures, and why.
        guessed: ids of pictures whose face was not found, but guessed at the centre.
        computed: embeddings computed now.
        reused: embeddings found in the store.
    """

    pairs: Pairs
    embedded: EmbeddedPairs
    people: tuple[People, People]
    dropped: int
    problems: tuple[Problem, ...]
    guessed: tuple[str, ...]
    computed: int
    reused: int

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Paired:
        """The pairs at `rows`, as positions or as a mask."""
        return Paired(
            self.pairs.take(rows),
            self.embedded.take(rows),
            (self.people[0][rows], self.people[1][rows]),
            self.dropped,
            self.problems,
            self.guessed,
            self.computed,
            self.reused,
        )


def embed_pairs(engine: EmbeddingEngine, dataset: Dataset, pairs: Pairs) -> Paired:
    """Embed every picture of `pairs` once and pair up the embeddings.

    Raises:
        DatasetError: no pair, or none whose pictures could be embedded.
        PictureError, StorageError: see `EmbeddingEngine.embed`.
    """
    if not len(pairs):
        raise DatasetError("there are no pairs to embed", where=dataset.name)
    positions = pairs.pictures()
    result = engine.embed([dataset.pictures[i] for i in positions])
    left = np.searchsorted(positions, pairs.left)
    right = np.searchsorted(positions, pairs.right)
    usable = result.usable
    kept = usable[left] & usable[right]
    if not kept.any():
        reason = result.problems[0].reason if result.problems else "no reason is known"
        raise DatasetError(f"no pair could be embedded; the first reason: {reason}")
    number = {person: i for i, person in enumerate(dataset.people)}
    person_of = np.array([number[dataset.pictures[i].person] for i in positions], dtype=np.intp)
    rows = Pairs(left[kept], right[kept], pairs.same[kept])
    return Paired(
        pairs=pairs.take(kept),
        embedded=EmbeddedPairs.gather(result.matrices, rows, person_of),
        people=(person_of[rows.left], person_of[rows.right]),
        dropped=int((~kept).sum()),
        problems=result.problems,
        guessed=result.guessed,
        computed=result.computed,
        reused=result.reused,
    )
