"""Training a verifier on a data set: people are split, so that its figures are of strangers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from facebone.data.dataset import Dataset
from facebone.data.duplicates import check_disjoint, find_shared
from facebone.data.fingerprints import FingerprintCache
from facebone.data.pairs import Pairs
from facebone.data.sampling import Positions, count_pairs, draw_pairs
from facebone.data.splits import split_identities
from facebone.errors import DatasetError, UsageError
from facebone.seeding import derive_seed
from facebone.verification.chain import Problem
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.heads.base import FitReport, Head
from facebone.verification.metrics import mismatched_needed
from facebone.verification.pairing import Paired, embed_pairs
from facebone.verification.utility import Utility, measure_utility
from facebone.verification.verifier import TrainingFacts, Verifier

PARTS = ("training", "calibration", "test")
_FIRST_SHARE, _SECOND_SHARE = 0.6, 0.5
"""Shares of people: 60 % to learn from, and half of the rest each to calibrate and to test on."""


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A verifier and what is known of it.

    Args:
        verifier: ready to be saved.
        fit: what fitting the head did.
        utility: measured on people it has never met.
        people: number of people in each of `PARTS`.
        pairs: number of pairs in each of `PARTS`.
        removed: ids of pictures left out because a copy stands in another part.
        problems: pictures that could not be embedded.
    """

    verifier: Verifier
    fit: FitReport
    utility: Utility
    people: tuple[int, ...]
    pairs: tuple[int, ...]
    removed: tuple[str, ...]
    problems: tuple[Problem, ...]


def train_verifier(
    dataset: Dataset,
    engine: EmbeddingEngine,
    head: Head,
    *,
    seed: int,
    target_far: float = 0.01,
    limit: int = 3000,
    copies: Literal["error", "drop"] = "error",
    mitigation: str = "none",
) -> Trained:
    """Train a verifier, calibrate its threshold and measure it, each on other people.

    Args:
        dataset: pictures of named people.
        engine: its routes become the verifier's.
        head: unfitted; it includes the defence, if there is one.
        seed: for the split, the pairs and the head.
        target_far: false accept rate at which the threshold is set.
        limit: matched pairs drawn for training at most; as many mismatched ones are drawn.
        copies: what to do about a picture, or a near-duplicate of it, in two parts: ``error``, or
            ``drop`` all of its copies but those in the first part that has one.
        mitigation: name and settings of the defence, kept with the verifier; see
            `Mitigation.spec`.

    Raises:
        LeakageError: a picture stands in two parts, and `copies` is ``error``.
        DatasetError: too few people or pictures.
        UsageError: `target_far` needs more mismatched pairs than there are, or a limit below 1.
    """
    if limit < 1:
        raise UsageError(f"must be at least 1, got {limit}", where="limit")
    parts = _split_people(dataset, seed)
    parts, removed = _without_copies(dataset, parts, copies)
    needed = mismatched_needed(target_far)
    drawn = [
        _draw(dataset, part, name, limit=limit, mismatched=0 if i == 0 else needed, seed=seed)
        for i, (name, part) in enumerate(zip(PARTS, parts, strict=True))
    ]
    paired = _embed_together(engine, dataset, drawn)
    fitting, calibration, test = paired
    verifier, report = Verifier.fit(
        head,
        fitting.embedded,
        fitting.pairs.same,
        routes=tuple(route.describe() for route in engine.routes),
        training=TrainingFacts(dataset.name, dataset.fingerprint, seed, mitigation),
        target_far=target_far,
        calibration=(calibration.embedded, calibration.pairs.same),
    )
    utility = measure_utility(
        verifier.score(test.embedded), test.pairs.same, people=test.people, seed=seed
    )
    return Trained(
        verifier=verifier,
        fit=report,
        utility=utility,
        people=tuple(len({dataset.pictures[i].person for i in part}) for part in parts),
        pairs=tuple(len(part.pairs) for part in paired),
        removed=tuple(dataset.pictures[i].id for i in removed),
        problems=fitting.problems,
    )


def _split_people(dataset: Dataset, seed: int) -> list[Positions]:
    first = split_identities(dataset, fraction=_FIRST_SHARE, seed=derive_seed(seed, "train"))
    second = split_identities(
        dataset,
        fraction=_SECOND_SHARE,
        seed=derive_seed(seed, "test"),
        positions=first.non_members,
    )
    return [first.members, second.members, second.non_members]


def _without_copies(
    dataset: Dataset, parts: list[Positions], copies: Literal["error", "drop"]
) -> tuple[list[Positions], list[int]]:
    """Each part without pictures of which an earlier part holds a copy."""
    cache = FingerprintCache()
    clean, removed = [parts[0]], []
    for part in parts[1:]:
        earlier = np.sort(np.concatenate(clean))
        if copies == "error":
            check_disjoint(dataset, earlier, part, cache=cache)
            clean.append(part)
            continue
        twice = {shared.right for shared in find_shared(dataset, earlier, part, cache=cache)}
        removed += sorted(twice)
        clean.append(part[~np.isin(part, list(twice))])
    return clean, removed


def _draw(
    dataset: Dataset, part: Positions, name: str, *, limit: int, mismatched: int, seed: int
) -> Pairs:
    """Balanced pairs of one part, with more mismatched ones where a rate needs them."""
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


def _embed_together(
    engine: EmbeddingEngine, dataset: Dataset, drawn: Sequence[Pairs]
) -> list[Paired]:
    """Embed the pairs of all parts in one go, and take them apart again."""
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
    for i, name in enumerate(PARTS[: len(drawn)]):
        one = paired.take(np.flatnonzero(fold == i))
        if not len(one.pairs):
            raise DatasetError(f"no pair of the {name} part could be embedded", where=dataset.name)
        parts.append(replace(one, pairs=replace(one.pairs, fold=None)))
    return parts
