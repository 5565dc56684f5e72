"""Who is asked about: pairs that may be members, control pairs of people in neither set, and more.

The pool holds the pairs of which each seed makes one half members. The control shows only people
who stand in no pair of the pool, and no picture of which the pool holds a copy.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.data.dataset import Dataset
from facebone.data.duplicates import find_shared
from facebone.data.pairs import Pairs
from facebone.data.sampling import PairCounts, Positions, count_pairs, draw_pairs
from facebone.data.splits import pairs_within, split_identities
from facebone.errors import DatasetError, UsageError
from facebone.scale.executor import Executor
from facebone.seeding import derive_seed
from facebone.verification.metrics import mismatched_needed
from facebone.verification.utility import FARS

CONTROL_SHARE = 0.1
"""Share of people who stand in neither set."""

CONTROL_PAIRS = 1000
"""Matched, and mismatched, control pairs at most."""

FEWEST = 20
"""Matched, and mismatched, pairs without which an audit is not begun."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Pairs of pictures by position in the data set.

    Args:
        pool: of which each seed makes one half members; balanced, no pair twice.
        control: pairs of people in neither set; balanced, perhaps empty.
        strangers: more mismatched pairs of the pool's pictures that are never trained on, so that
            the true accept rate at a small false accept rate can be given.
        copies: number of pairs left out because another pair shows the same pictures, or because
            the pool holds a copy of a control picture.
    """

    pool: Pairs
    control: Pairs
    strangers: Pairs
    copies: int

    def pictures(self) -> Positions:
        """Sorted positions of all pictures that occur."""
        parts = [part.pictures() for part in (self.pool, self.control, self.strangers)]
        return np.unique(np.concatenate(parts))


def draw_candidates(
    dataset: Dataset, *, limit: int, seed: int, control_share: float = CONTROL_SHARE
) -> Candidates:
    """Draw the candidates of an audit.

    Where the data set has official pairs, such as LFW's View 2, the pool takes those first; pairs
    of control people are replaced by drawn ones.

    Args:
        dataset: people and pictures.
        limit: matched, and mismatched, pairs of the pool at most.
        seed: the same seed draws the same pairs.
        control_share: share of people who stand in neither set.

    Raises:
        UsageError: a limit below `FEWEST`.
        DatasetError: too few people or pictures.
    """
    if limit < FEWEST:
        raise UsageError(f"must be at least {FEWEST}, got {limit}", where="pairs")
    _check_enough(dataset, count_pairs(dataset), "")
    sides = split_identities(dataset, fraction=control_share, seed=derive_seed(seed, "control"))
    control_side, pool_side = sides.members, sides.non_members
    twin = first_copies(dataset)
    clean = control_side[~np.isin(twin[control_side], twin[pool_side])]
    pool, repeated = _draw_pool(dataset, pool_side, twin, limit=limit, seed=seed)
    control, repeated_control = _draw_control(dataset, clean, twin, seed=seed)
    strangers = _draw_strangers(dataset, pool, twin, seed=seed)
    copies = repeated + repeated_control
    return Candidates(pool, control, strangers, copies)


def join(parts: Sequence[Pairs]) -> Pairs:
    """Pairs of several parts, in order."""
    return Pairs(
        np.concatenate([part.left for part in parts]),
        np.concatenate([part.right for part in parts]),
        np.concatenate([part.same for part in parts]),
    )


def first_copies(dataset: Dataset, executor: Executor | None = None) -> npt.NDArray[np.intp]:
    """For each picture the first one that shows the same photograph, itself for most, (N,).

    Every picture is decoded for it, so it is kept as long as the data set is: an audit at several
    levels asks more than once.

    Args:
        dataset: the pictures.
        executor: decodes them; threads of this process by default.
    """
    kept = _COPIES.get(id(dataset))
    if kept is None or kept[0]() is not dataset:
        twin = _first_copies(dataset, executor)
        twin.setflags(write=False)
        weakref.finalize(dataset, _COPIES.pop, id(dataset), None)
        kept = _COPIES[id(dataset)] = (weakref.ref(dataset), twin)
    return kept[1]


_COPIES: dict[int, tuple[weakref.ref[Dataset], npt.NDArray[np.intp]]] = {}
"""By identity: a data set holds dictionaries, and so has no hash."""


def _first_copies(dataset: Dataset, executor: Executor | None) -> npt.NDArray[np.intp]:
    everything = np.arange(len(dataset.pictures))
    twin = everything.copy()
    # In the order of the left side: the first of a group is reached before those it stands for.
    for shared in find_shared(dataset, everything, everything, executor=executor):
        if shared.left < shared.right:
            twin[shared.right] = min(twin[shared.right], twin[shared.left])
    return twin


def _draw_pool(
    dataset: Dataset, side: Positions, twin: npt.NDArray[np.intp], *, limit: int, seed: int
) -> tuple[Pairs, int]:
    """Official pairs first, then drawn ones, as many of each kind, and how many were repeats."""
    possible = count_pairs(dataset, positions=side)
    most = min(limit, possible.matched, possible.mismatched)
    _check_enough(dataset, possible, " without the control people")
    drawn = draw_pairs(
        dataset, matched=most, mismatched=most, seed=derive_seed(seed, "pool"), positions=side
    )
    parts = [drawn]
    if dataset.official_pairs is not None:
        parts.insert(0, pairs_within(dataset.official_pairs, side))
    together = join(parts)
    first = _first_of_each(together, twin)
    unique = together.take(first)
    matched = np.flatnonzero(unique.same)[:most]
    mismatched = np.flatnonzero(~unique.same)[:most]
    count = min(len(matched), len(mismatched))
    rows = np.sort(np.concatenate([matched[:count], mismatched[:count]]))
    # A drawn pair that is official too is no copy: it was there to fill up.
    repeated = len(drawn) - len(_first_of_each(drawn, twin))
    return unique.take(rows), repeated


def _check_enough(dataset: Dataset, possible: PairCounts, which: str) -> None:
    if min(possible.matched, possible.mismatched) < FEWEST:
        raise DatasetError(
            f"can form {possible.matched} matched and {possible.mismatched} mismatched pairs"
            f"{which}, an audit needs {FEWEST} of each",
            where=dataset.name,
            hint="bring more people with two pictures or more",
        )


def _draw_control(
    dataset: Dataset, side: Positions, twin: npt.NDArray[np.intp], *, seed: int
) -> tuple[Pairs, int]:
    possible = count_pairs(dataset, positions=side)
    most = min(CONTROL_PAIRS, possible.matched, possible.mismatched)
    drawn = draw_pairs(
        dataset, matched=most, mismatched=most, seed=derive_seed(seed, "controls"), positions=side
    )
    first = _first_of_each(drawn, twin)
    return drawn.take(first), len(drawn) - len(first)


def _draw_strangers(
    dataset: Dataset, pool: Pairs, twin: npt.NDArray[np.intp], *, seed: int
) -> Pairs:
    """As many mismatched pairs, none of the pool's, as the smallest rate still lacks."""
    # Half of the pool's mismatched pairs are non-members of any one seed.
    lacking = max(0, mismatched_needed(min(FARS)) - int((~pool.same).sum()) // 2)
    positions = pool.pictures()
    possible = count_pairs(dataset, positions=positions).mismatched
    # Some of the drawn ones are in the pool already.
    wanted = min(possible, 2 * lacking + len(pool))
    drawn = draw_pairs(
        dataset,
        matched=0,
        mismatched=wanted,
        seed=derive_seed(seed, "strangers"),
        positions=positions,
    )
    fresh = ~np.isin(_numbers(drawn, twin), _numbers(pool, twin))
    candidates = drawn.take(fresh)
    return candidates.take(_first_of_each(candidates, twin)[:lacking])


def _numbers(pairs: Pairs, twin: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
    """One number a pair: the same for copies of its pictures, whichever side they stand on."""
    a, b = twin[pairs.left], twin[pairs.right]
    low, high = np.minimum(a, b).astype(np.int64), np.maximum(a, b)
    numbers: npt.NDArray[np.int64] = low * len(twin) + high
    return numbers


def _first_of_each(pairs: Pairs, twin: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Rows of the pairs without later repeats, and without pairs of one photograph with itself."""
    first = np.unique(_numbers(pairs, twin), return_index=True)[1]
    rows: npt.NDArray[np.intp] = np.sort(first)
    two: npt.NDArray[np.intp] = rows[twin[pairs.left[rows]] != twin[pairs.right[rows]]]
    return two
