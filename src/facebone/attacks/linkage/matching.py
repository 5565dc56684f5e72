"""Two clouds of templates brought together with nothing known of who is who."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facebone.attacks.linkage.axes import cosines, unit_rows
from facebone.attacks.observations import Floats

QUANTILES = 200
"""Of a record's likenesses to the others of its database."""
NEIGHBOURS = 10
FEWEST_MATCHES = 20
"""Fewer mutual matches than this say too little: then each record's nearest counts."""
AXES_AT_FIRST = 5
AXES_MORE = 5
"""Axes that a refinement trusts to begin with, and more in each round."""

_ROUNDING = 1e-6
"""What likenesses of records that do not differ may differ by."""

Rows = np.ndarray[tuple[int], np.dtype[np.intp]]


def centred_rows(templates: Floats) -> Floats:
    """Rows of length one about their mean, scaled to length one again."""
    unit = unit_rows(templates)
    return unit_rows(unit - unit.mean(axis=0))


def profiles(templates: Floats) -> Floats:
    """How alike each of n records is to the others, from least to most, (n, q).

    No rotation and no order of the records changes it, so that records of two databases can be
    compared by it. Each column is standardised.
    """
    likeness = templates @ templates.T
    np.fill_diagonal(likeness, np.inf)  # itself comes last, and is cut off
    falling = np.sort(likeness, axis=1)[:, :-1]
    chosen = falling[:, np.linspace(0, falling.shape[1] - 1, QUANTILES).astype(np.intp)]
    spread = chosen.std(axis=0)
    standard: Floats = (chosen - chosen.mean(axis=0)) / np.where(spread > _ROUNDING, spread, 1.0)
    return standard


def principal(templates: Floats, axes: int) -> Floats:
    """Where n records lie along the axes on which they differ most, (n, axes)."""
    values, vectors = np.linalg.eigh(np.cov(templates, rowvar=False))
    laid: Floats = templates @ vectors[:, np.argsort(-values)[:axes]]
    return laid


@dataclass(frozen=True, slots=True, eq=False)
class Matching:
    """A guess at who is who, and how well it holds together.

    Args:
        scores: (n, m) how surely each pair of records shows one person.
        agreement: of the matches of one half of the records, the share that a rotation learnt
            from the matches of the other half finds again; 0 where there are hardly any.
    """

    scores: Floats
    agreement: float


def refine(first: Floats, second: Floats, start: Floats, *, rounds: int) -> Matching:
    """Rotate one cloud onto the other by mutual matches, and match again, a few times.

    Args:
        first: (n, d1) centred rows.
        second: (m, d2) centred rows.
        start: (n, m) scores to begin with.
        rounds: how often; each trusts more axes than the one before.

    References:
        Artetxe, Labaka and Agirre, "A robust self-learning method for fully unsupervised
        cross-lingual mappings of word embeddings", 2018.
    """
    scores = start
    for number in range(rounds):
        left, right = _matches(scores)
        scores = _rotated(first, second, left, right, AXES_AT_FIRST + AXES_MORE * number)
    return Matching(scores, _agreement(first, second, scores))


def _matches(scores: Floats) -> tuple[Rows, Rows]:
    """Records that are each other's nearest, or each one's nearest where they are few."""
    evened = _evened(scores)
    ahead, back = evened.argmax(axis=1), evened.argmax(axis=0)
    mutual = np.flatnonzero(back[ahead] == np.arange(len(ahead)))
    if len(mutual) >= FEWEST_MATCHES:
        return mutual, ahead[mutual]
    return (
        np.concatenate([np.arange(len(ahead)), back]),
        np.concatenate([ahead, np.arange(len(back))]),
    )


def _evened(scores: Floats) -> Floats:
    """Scores less how alike each record is to its nearest: some are alike to everybody."""
    count = max(1, min(NEIGHBOURS, min(scores.shape) // 2))
    rows = np.sort(scores, axis=1)[:, -count:].mean(axis=1)
    columns = np.sort(scores, axis=0)[-count:].mean(axis=0)
    evened: Floats = 2 * scores - rows[:, None] - columns[None, :]
    return evened


def _rotated(first: Floats, second: Floats, left: Rows, right: Rows, axes: int) -> Floats:
    """Cosines after the rotation that brings the matches together, along its surest axes."""
    u, shared, v = np.linalg.svd(first[left].T @ second[right], full_matrices=False)
    weight = np.sqrt(shared[:axes])
    return cosines(first @ u[:, :axes] * weight, second @ v[:axes].T * weight)


def _agreement(first: Floats, second: Floats, scores: Floats) -> float:
    left, right = _matches(scores)
    half = len(left) // 2
    if half < FEWEST_MATCHES or len(left) > min(len(first), len(second)):
        return 0.0
    found = _rotated(first, second, left[:half], right[:half], first.shape[1])
    return float(np.mean(found[left[half:]].argmax(axis=1) == right[half:]))
