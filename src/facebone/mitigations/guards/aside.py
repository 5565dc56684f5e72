"""Keeping pairs, or people, aside from training: a guard learns from them what strangers get."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError
from facebone.seeding import make_rng

Rows = npt.NDArray[np.intp]

FEWEST = 2
"""Of each kind, on each side."""


def keep_aside(
    same: npt.NDArray[np.bool_], share: float, *, seed: int, where: str
) -> tuple[Rows, Rows]:
    """Positions of pairs to train on and to keep aside, as large a share of both kinds.

    Args:
        same: (n,) whether each shows one person.
        share: to keep aside; 0 keeps none.
        seed: of the draw.
        where: for errors.

    Raises:
        UsageError: there are too few of a kind.
    """
    everything = np.arange(len(same))
    if share == 0:
        return everything, everything[:0]
    rng = make_rng(seed, "pairs kept aside")
    chosen = [_draw(np.flatnonzero(same == kind), share, rng, "pairs", where) for kind in (1, 0)]
    aside = np.sort(np.concatenate(chosen))
    return np.setdiff1d(everything, aside), aside


def keep_people_aside(person: Rows, share: float, *, seed: int, where: str) -> tuple[Rows, Rows]:
    """Positions of pictures to train on and to keep aside; no person stands on both sides.

    Args:
        person: (n,) whom each picture shows.
        share: of people to keep aside, as large of those with one picture as of the others; 0
            keeps none.
        seed: of the draw.
        where: for errors.

    Raises:
        UsageError: fewer than four people have two pictures or more.
    """
    everything = np.arange(len(person))
    if share == 0:
        return everything, everything[:0]
    people, counts = np.unique(person, return_counts=True)
    rng = make_rng(seed, "people kept aside")
    chosen = _draw(people[counts > 1], share, rng, "people with two pictures", where)
    single = rng.permutation(people[counts == 1])
    chosen = np.concatenate([chosen, single[: round(share * len(single))]])
    mask = np.isin(person, chosen)
    return np.flatnonzero(~mask), np.flatnonzero(mask)


def _draw(candidates: Rows, share: float, rng: np.random.Generator, kind: str, where: str) -> Rows:
    count = max(FEWEST, round(share * len(candidates)))
    if len(candidates) - count < FEWEST:
        raise UsageError(
            f"{len(candidates)} {kind} are too few to keep a share of {share:g} aside",
            where=where,
            hint="give more of them",
        )
    drawn: Rows = rng.permutation(candidates)[:count]
    return drawn
