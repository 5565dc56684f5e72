"""The parts of a data set for training: people to learn from, to calibrate and to test on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from facebone.data.dataset import Dataset
from facebone.data.duplicates import check_disjoint, find_shared
from facebone.data.fingerprints import FingerprintCache
from facebone.data.pairs import Pairs
from facebone.data.sampling import Positions, count_pairs, draw_pairs
from facebone.data.splits import split_identities
from facebone.errors import DatasetError, UsageError
from facebone.scale.executor import Executor
from facebone.seeding import derive_seed
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.pairing import Paired, embed_pairs

PARTS = ("training", "calibration", "test")

Copies = Literal["error", "drop"]

_FIRST_SHARE, _SECOND_SHARE = 0.6, 0.5
"""Shares of people: 60 % to learn from, and half of the rest each to calibrate and to test on."""


def check_limit(limit: int) -> None:
    """Refuse a number of pairs that draws none.

    Raises:
        UsageError: it is below 1.
    """
    if limit < 1:
        raise UsageError(f"must be at least 1, got {limit}", where="limit")


def split_people(dataset: Dataset, seed: int) -> list[Positions]:
    """Positions of the pictures of each part, no person in two parts."""
    first = split_identities(dataset, fraction=_FIRST_SHARE, seed=derive_seed(seed, "train"))
    second = split_identities(
        dataset,
        fraction=_SECOND_SHARE,
        seed=derive_seed(seed, "test"),
        positions=first.non_members,
    )
    return [first.members, second.members, second.non_members]


def without_copies(
    dataset: Dataset,
    parts: list[Positions],
    copies: Copies,
    cache: FingerprintCache,
    *,
    executor: Executor | None = None,
) -> tuple[list[Positions], list[int]]:
    """Each part without pictures of which an earlier part holds a copy, and those left out.

    The executor, if there is one, decodes pictures where copies are dropped.

    Raises:
        LeakageError: there are some, and `copies` is ``error``.
    """
    clean, removed = [parts[0]], []
    for part in parts[1:]:
        earlier = np.sort(np.concatenate(clean))
        if copies == "error":
            check_disjoint(dataset, earlier, part, cache=cache)
            clean.append(part)
            continue
        found = find_shared(dataset, earlier, part, cache=cache, executor=executor)
        twice = {shared.right for shared in found}
        removed += sorted(twice)
        clean.append(part[~np.isin(part, list(twice))])
    return clean, removed


def without_repeats(
    dataset: Dataset, part: Positions, cache: FingerprintCache
) -> tuple[Positions, list[int]]:
    """One part without later copies of its own pictures, and those left out."""
    shared = find_shared(dataset, part, part, cache=cache)
    twice = sorted({one.right for one in shared if one.left < one.right})
    return part[~np.isin(part, twice)], twice


def draw_part(
    dataset: Dataset, part: Positions, name: str, *, limit: int, mismatched: int, seed: int
) -> Pairs:
    """Balanced pairs of one part, with more mismatched ones where a rate needs them.

    Raises:
        DatasetError: there are not that many.
    """
    possible = count_pairs(dataset, positions=part)
    balanced = min(possible.matched, possible.mismatched, limit)
    wanted = max(balanced, mismatched)
    if balanced < 1 or possible.mismatched < wanted:
        raise DatasetError(
            f"the {name} part can form {possible.matched} matched and {possible.mismatched} "
            f"mismatched pairs, and needs 1 and {max(wanted, 1)}",
            where=dataset.name,
            hint="bring more people with two pictures or more, or ask for a larger --far",
        )
    return draw_pairs(
        dataset,
        matched=balanced,
        mismatched=wanted,
        seed=derive_seed(seed, "pairs", name),
        positions=part,
    )


def embed_parts(
    engine: EmbeddingEngine, dataset: Dataset, drawn: Sequence[Pairs], names: Sequence[str]
) -> list[Paired]:
    """Embed the pairs of all parts in one go, and take them apart again.

    Raises:
        DatasetError: no pair of a part could be embedded.
    """
    part = np.repeat(np.arange(len(drawn)), [len(pairs) for pairs in drawn])
    together = Pairs(
        np.concatenate([pairs.left for pairs in drawn]),
        np.concatenate([pairs.right for pairs in drawn]),
        np.concatenate([pairs.same for pairs in drawn]),
        fold=part,
    )
    paired = embed_pairs(engine, dataset, together)
    fold = paired.pairs.fold
    parts = []
    for i, name in enumerate(names):
        one = paired.take(np.flatnonzero(fold == i))
        if not len(one.pairs):
            raise DatasetError(f"no pair of the {name} part could be embedded", where=dataset.name)
        parts.append(replace(one, pairs=replace(one.pairs, fold=None)))
    return parts
