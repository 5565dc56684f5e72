"""Groups of people, and which adaptations are trained without whom."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt

from facebone.seeding import derive_seed, make_rng

Rows = npt.NDArray[np.intp]
Groups = npt.NDArray[np.int64]


def choices(parts: int, left_out: int) -> tuple[tuple[int, ...], ...]:
    """The groups that each adaptation of a split is trained without."""
    return tuple(combinations(range(parts), left_out))


def split_people(pictures: Rows, parts: int, *, splits: int, seed: int) -> Groups:
    """The group of each person in each split, 0 .. parts - 1, at random and of equal sizes.

    People of whom there are two pictures or more are dealt out first, so that each group has some.

    Args:
        pictures: (m,) number of pictures of each person.
        parts: number of groups.
        splits: how often they are split.
        seed: of all splits.

    Returns:
        (splits, m).
    """
    groups = np.empty((splits, len(pictures)), dtype=np.int64)
    for split, group in enumerate(groups):
        rng = make_rng(derive_seed(seed, "split", split), "groups of people")
        order = rng.permutation(len(pictures))
        dealt = order[np.argsort(pictures[order] < 2, kind="stable")]
        group[dealt] = np.arange(len(pictures)) % parts
    return groups


def unseen_by(person: Rows, groups: Groups, parts: int, left_out: int) -> npt.NDArray[np.bool_]:
    """Which pictures show people whom an adaptation is trained without, (K, n), split by split.

    Args:
        person: (n,) whom each picture shows, 0 .. m - 1.
        groups: (splits, m) of the people.
        parts: number of groups.
        left_out: how many of them each adaptation is trained without.
    """
    return np.stack(
        [np.isin(group[person], chosen) for group in groups for chosen in choices(parts, left_out)]
    )
