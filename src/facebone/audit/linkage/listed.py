"""What a list of names adds: whoever stands on it is likelier to be in a leaked database."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.attacks.linkage.open_set_figures import best_records
from facebone.attacks.linkage.prior import ListedMembership
from facebone.attacks.observations import Floats, Mask
from facebone.seeding import make_rng

Names = npt.NDArray[Any]


def draw_list(enrolled: Mask, *, hit: float, wrong: float, seed: int) -> Mask:
    """Who stands on a list, (n,): of a class of a school, or of customers.

    Args:
        enrolled: (n,) who is in the database.
        hit: share of these who are listed.
        wrong: share of the others who are.
        seed: of the draw.
    """
    drawn = make_rng(seed, "list of names").random(len(enrolled))
    listed: Mask = drawn < np.where(enrolled, hit, wrong)
    return listed


def with_list(scores: Floats, names: Names, records: Names, listed: Mask, *, seed: int) -> Floats:
    """Scores (n, m) of names and records as log odds, with what a list says of each name added.

    The attacker knows of half of the names whether they are in the database, and learns from these
    what best scores and the list are worth; so of each half, for the other.

    Args:
        scores: (n, m) larger for the same person.
        names: (n,) whose public pictures were held against the records.
        records: (m,) whom each record shows.
        listed: (n,) who stands on the list.
        seed: of the halves.
    """
    best, enrolled, _ = best_records(scores, names, records)
    found = np.empty_like(scores)
    half = np.zeros(len(names), dtype=np.bool_)
    rng = make_rng(seed, "names known")
    for group in (np.flatnonzero(enrolled), np.flatnonzero(~enrolled)):
        # As many of each kind on both sides, lest one lacks a kind.
        half[rng.permutation(group)[: len(group) // 2]] = True
    for known in (half, ~half):
        learnt = ListedMembership()
        learnt.fit(best[known], listed[known], enrolled[known])
        others = np.flatnonzero(~known)
        flat = scores[others].ravel()
        told = learnt.score(flat, np.repeat(listed[others], scores.shape[1]))
        found[others] = told.reshape(len(others), -1)
    return found
