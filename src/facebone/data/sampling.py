"""Drawing pairs by seed: balanced, without repeats, no person in more than their share.

People are drawn before pictures. Were pairs drawn from the list of all pairs, a person with 500
pictures would stand in more matched pairs than 100 people with 50 pictures together.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.data.dataset import Dataset
from facebone.data.pairs import Pairs
from facebone.errors import DatasetError, UsageError
from facebone.seeding import derive_seed, make_rng

Positions = npt.NDArray[np.intp]

FOLD_PAIRS = 300
"""Pairs of each kind that a drawn fold holds at most: as many as in LFW's View 2."""

# Rounds of drawing at random before it is taken that a few people are drawn out.
_PATIENCE = 50
# With fewer pairs than this it costs nothing to list them all.
_FEW_PAIRS = 100_000


@dataclass(frozen=True, slots=True)
class PairCounts:
    """How many different pairs there are of each kind; (a, b) and (b, a) are one pair."""

    matched: int
    mismatched: int


def count_pairs(dataset: Dataset, *, positions: npt.ArrayLike | None = None) -> PairCounts:
    """How many pairs the pictures at `positions` (all by default) can form."""
    return _count(_group(dataset, positions))


def draw_pairs(
    dataset: Dataset,
    *,
    matched: int,
    mismatched: int,
    seed: int,
    positions: npt.ArrayLike | None = None,
) -> Pairs:
    """Draw different pairs, the matched ones first.

    Matched pairs are dealt evenly: no person has two more of them than another who could have had
    one more. A mismatched pair is two people drawn uniformly, then a picture of each.

    Args:
        dataset: where from.
        matched: how many pairs of one person.
        mismatched: how many pairs of two people.
        seed: the same seed draws the same pairs.
        positions: the pictures to use, all by default.

    Raises:
        DatasetError: so many different pairs do not exist; the error says how many do.
        UsageError: a number is negative, or a position is not in the data set.
    """
    for name, count in (("matched", matched), ("mismatched", mismatched)):
        if count < 0:
            raise UsageError(f"must not be negative, got {count}", where=name)
    groups = _group(dataset, positions)
    possible = _count(groups)
    for kind, asked, there in (
        ("matched", matched, possible.matched),
        ("mismatched", mismatched, possible.mismatched),
    ):
        if asked > there:
            raise DatasetError(
                f"{asked} {kind} pairs were asked for, but only {there} are possible",
                where=dataset.name,
                hint=f"ask for {there} at most or bring more pictures",
            )
    a = _draw_matched(groups, matched, make_rng(seed, "matched pairs"))
    b = _draw_mismatched(groups, mismatched, possible, make_rng(seed, "mismatched pairs"))
    left, right = np.concatenate([a, b]).T
    return Pairs(left, right, np.arange(matched + mismatched) < matched)


def draw_balanced(
    dataset: Dataset,
    *,
    seed: int,
    limit: int | None = None,
    positions: npt.ArrayLike | None = None,
) -> Pairs:
    """Draw as many matched pairs as there are, `limit` at most, and as many mismatched ones.

    Raises:
        DatasetError: not one pair of each kind is possible.
    """
    possible = count_pairs(dataset, positions=positions)
    count = min(possible.matched, possible.mismatched)
    if limit is not None:
        count = min(count, limit)
    if count < 1:
        raise DatasetError(
            f"{possible.matched} matched and {possible.mismatched} mismatched pairs are possible, "
            "and one of each is needed",
            where=dataset.name,
            hint="bring at least two people, one of them with two pictures",
        )
    return draw_pairs(dataset, matched=count, mismatched=count, seed=seed, positions=positions)


def draw_folds(
    dataset: Dataset,
    *,
    seed: int,
    folds: int = 10,
    per_fold: int | None = None,
    positions: npt.ArrayLike | None = None,
) -> Pairs:
    """Draw pairs in folds as View 2 has them: balanced, and no person in two folds.

    Args:
        dataset: where from.
        seed: the same seed draws the same folds.
        folds: how many, at least 2.
        per_fold: matched, and mismatched, pairs a fold holds; by default what the poorest fold
            can give, `FOLD_PAIRS` at most.
        positions: the pictures to use, all by default.

    Raises:
        UsageError: fewer than 2 folds.
        DatasetError: there are too few people or pictures.
    """
    if folds < 2:
        raise UsageError(f"must be at least 2, got {folds}", where="folds")
    groups = _group(dataset, positions)
    dealt = _deal(groups, folds, make_rng(seed, "folds"))
    possible = [count_pairs(dataset, positions=part) if len(part) else None for part in dealt]
    most = min(0 if c is None else min(c.matched, c.mismatched) for c in possible)
    if most < 1:
        raise DatasetError(
            f"too few people for {folds} folds: each needs two, one of them with two pictures; "
            f"there are {len(groups)}, {sum(len(g) > 1 for g in groups)} of them with two pictures",
            where=dataset.name,
            hint="ask for fewer folds or bring more people",
        )
    count = min(most, FOLD_PAIRS) if per_fold is None else per_fold
    drawn = [
        draw_pairs(
            dataset,
            matched=count,
            mismatched=count,
            seed=derive_seed(seed, "fold", fold),
            positions=part,
        )
        for fold, part in enumerate(dealt)
    ]
    return Pairs(
        np.concatenate([pairs.left for pairs in drawn]),
        np.concatenate([pairs.right for pairs in drawn]),
        np.concatenate([pairs.same for pairs in drawn]),
        fold=np.repeat(np.arange(folds), 2 * count),
    )


def check_positions(dataset: Dataset, positions: npt.ArrayLike | None) -> Positions:
    """Positions as a sorted array without repeats; all positions for None.

    Raises:
        UsageError: a position is not in the data set.
    """
    total = len(dataset.pictures)
    if positions is None:
        return np.arange(total)
    unique = np.unique(np.asarray(positions, dtype=np.intp))
    if len(unique) and not (unique[0] >= 0 and unique[-1] < total):
        raise UsageError(
            f"must lie in 0 .. {total - 1}, got {unique[0]} .. {unique[-1]}", where="positions"
        )
    return unique


def _group(dataset: Dataset, positions: npt.ArrayLike | None) -> list[Positions]:
    """Positions by person, people in the order of the data set."""
    wanted = np.zeros(len(dataset.pictures), dtype=np.bool_)
    wanted[check_positions(dataset, positions)] = True
    groups = (np.asarray(own, dtype=np.intp) for own in dataset.people.values())
    return [part for own in groups if len(part := own[wanted[own]])]


def _count(groups: Sequence[Positions]) -> PairCounts:
    sizes = [len(group) for group in groups]
    matched = sum(size * (size - 1) // 2 for size in sizes)
    return PairCounts(matched, sum(sizes) * (sum(sizes) - 1) // 2 - matched)


def _draw_matched(groups: Sequence[Positions], count: int, rng: np.random.Generator) -> Positions:
    """(count, 2) positions."""
    sizes = np.array([len(group) for group in groups], dtype=np.int64)
    capacity = sizes * (sizes - 1) // 2
    shares = np.zeros_like(capacity)
    left = count
    while left:
        able = np.flatnonzero(shares < capacity)
        each = left // len(able)
        if each == 0:
            shares[rng.choice(able, left, replace=False)] += 1
            break
        given = np.minimum(capacity[able] - shares[able], each)
        shares[able] += given
        left -= int(given.sum())
    drawn = [np.empty((0, 2), dtype=np.intp)]
    for who in np.flatnonzero(shares):
        numbers = rng.choice(capacity[who], shares[who], replace=False)
        drawn.append(groups[int(who)][_unrank(numbers)])
    # Shuffled, or the matched pairs would stand in the order of people.
    return rng.permutation(np.concatenate(drawn))


def _unrank(numbers: npt.NDArray[np.int64]) -> Positions:
    """The pairs (i, j), i < j, that `numbers` have in the order (0,1) (0,2) (1,2) (0,3) ..."""
    # Before (0, j) there are j (j - 1) / 2 pairs, so j is the integer part of the root; the root
    # may be off by one in floating point.
    j = ((1 + np.sqrt(1 + 8 * numbers.astype(float))) / 2).astype(np.int64)
    j -= j * (j - 1) // 2 > numbers
    j += j * (j + 1) // 2 <= numbers
    return np.stack([numbers - j * (j - 1) // 2, j], axis=1).astype(np.intp)


def _draw_mismatched(
    groups: Sequence[Positions], count: int, possible: PairCounts, rng: np.random.Generator
) -> Positions:
    """(count, 2) positions."""
    if count == 0:
        return np.empty((0, 2), dtype=np.intp)
    if possible.mismatched <= max(_FEW_PAIRS, 4 * count):
        return _draw_from_list(groups, count, rng)
    flat = np.concatenate(groups)
    sizes = np.array([len(group) for group in groups])
    starts = np.cumsum(sizes) - sizes
    owner = np.repeat(np.arange(len(groups)), sizes)
    drawn = np.empty(0, dtype=np.int64)
    for attempt in itertools.count():
        wanted = (count - len(drawn)) * 5 // 4 + 16
        if attempt < _PATIENCE:
            people = rng.integers(len(groups), size=(wanted, 2))
            rows = starts[people] + rng.integers(sizes[people])
        else:  # a few people with many pictures are left
            rows = rng.integers(len(flat), size=(wanted, 2))
        rows = rows[owner[rows[:, 0]] != owner[rows[:, 1]]]
        # One number a pair, whichever side its pictures stand on.
        numbers = np.concatenate([drawn, rows.min(axis=1) * len(flat) + rows.max(axis=1)])
        first = np.unique(numbers, return_index=True)[1]
        drawn = numbers[np.sort(first)][:count]
        if len(drawn) == count:
            break
    pairs = np.stack([drawn // len(flat), drawn % len(flat)], axis=1)
    chosen: Positions = flat[rng.permuted(pairs, axis=1)]
    return chosen


def _draw_from_list(groups: Sequence[Positions], count: int, rng: np.random.Generator) -> Positions:
    """The same distribution from the list of all pairs: quick where most of them are drawn."""
    # Drawing one by one with weights w and passing over repeats is the same as keeping the
    # `count` smallest of E / w, E exponential (Efraimidis and Spirakis, "Weighted random sampling
    # with a reservoir", 2006). The weight of a pair is the chance to draw it.
    flat = np.concatenate(groups)
    chance = np.concatenate([np.full(len(group), 1 / len(group)) for group in groups])
    rows, end = [], 0
    for group in groups:
        start, end = end, end + len(group)
        own, others = np.arange(start, end), np.arange(end, len(flat))
        rows.append(np.stack([np.repeat(own, len(others)), np.tile(others, len(own))], axis=1))
    pairs = np.concatenate(rows)
    keys = rng.exponential(size=len(pairs)) / chance[pairs].prod(axis=1)
    chosen: Positions = flat[rng.permuted(pairs[np.argsort(keys, kind="stable")[:count]], axis=1)]
    return chosen


def _deal(groups: Sequence[Positions], folds: int, rng: np.random.Generator) -> list[Positions]:
    """Deal people to folds, those with most pictures first, so that all folds are alike."""
    order = rng.permutation(len(groups))
    order = order[np.argsort([-len(groups[who]) for who in order], kind="stable")]
    hands: list[list[Positions]] = [[] for _ in range(folds)]
    for start in range(0, len(order), folds):
        seats = rng.permutation(folds)
        for seat, who in zip(seats, order[start : start + folds], strict=False):
            hands[seat].append(groups[who])
    return [np.concatenate(hand) if hand else np.empty(0, dtype=np.intp) for hand in hands]
