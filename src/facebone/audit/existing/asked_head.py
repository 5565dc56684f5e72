"""A head asked about given pairs: their pictures are looked up in a data set and embedded."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches

import numpy as np

from facebone.audit.existing.given_pairs import GivenPairs
from facebone.audit.score_table import ScoreTable
from facebone.data.dataset import Dataset
from facebone.data.pairs import Pairs
from facebone.errors import DatasetError
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.engine import Embedded, EmbeddingEngine
from facebone.verification.heads import Head

# Looking through more ids for a near one would take seconds.
_MOST_COMPARED = 20_000


def ask_head(
    head: Head,
    pairs: GivenPairs,
    dataset: Dataset,
    engine: EmbeddingEngine,
    *,
    threshold: float | None = None,
    seed: int = 0,
) -> tuple[ScoreTable, Embedded]:
    """A fitted head's answers about pairs of pictures of a data set.

    Who is on the pictures, the data set says. Where the pairs bring no blind score, the mean
    cosine of their embeddings stands in: the head's backbones, without what it learnt.

    Args:
        head: fitted, such as an `OnnxHead`.
        pairs: whose ids are ids of pictures of `dataset`.
        dataset: where the pictures are.
        engine: embeds them.
        threshold: see `GivenPairs.to_table`.
        seed: draws the membership of control pairs.

    Returns:
        The table, without pairs of which a picture could not be embedded, and what embedding
        found, such as those pictures.

    Raises:
        DatasetError: a picture that the data set lacks, a label that contradicts it, or too few
            pairs left to audit; see `GivenPairs`.
        UsageError: the head does not fit the backbones, or its scores mean the opposite.
        PictureError, StorageError: see `EmbeddingEngine.embed`.
    """
    rows = _look_up(pairs, dataset)
    people = np.array([picture.person for picture in dataset.pictures])
    known = replace(pairs, people=(people[rows.left], people[rows.right]))
    positions = rows.pictures()
    result = engine.embed([dataset.pictures[i] for i in positions])
    left, right = np.searchsorted(positions, rows.left), np.searchsorted(positions, rows.right)
    kept = result.usable[left] & result.usable[right]
    embedded = EmbeddedPairs.gather(
        result.matrices, Pairs(left[kept], right[kept], rows.same[kept])
    )
    asked = known.take(np.flatnonzero(kept))
    if asked.blind is None:
        asked = replace(asked, blind=embedded.cosines().mean(axis=1, dtype=np.float64))
    return asked.to_table(head.score(embedded), threshold=threshold, seed=seed), result


def _look_up(pairs: GivenPairs, dataset: Dataset) -> Pairs:
    """The pairs by position in the data set."""
    columns = []
    for column in (pairs.left, pairs.right):
        positions = [dataset.index.get(name, -1) for name in column.tolist()]
        found = np.array(positions, dtype=np.intp)
        missing = np.flatnonzero(found < 0)
        if len(missing):
            row = int(missing[0])
            name = str(column[row])
            ids = list(dataset.index)
            near = get_close_matches(name, ids[:_MOST_COMPARED], n=1, cutoff=0.5)
            raise DatasetError(
                f"the {dataset.name} data set has no picture {name!r}, {len(missing)} are missing",
                where=f"{pairs.source}, {pairs.place(row)}",
                hint=f"its ids look like {near[0] if near else ids[0]!r}",
            )
        columns.append(found)
    return Pairs(columns[0], columns[1], pairs.same)
