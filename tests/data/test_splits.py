"""Splits into members and non-members: disjoint at their level, alike in everything else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facebone.data.dataset import Dataset
from facebone.data.pairs import Pairs
from facebone.data.pictures import FileSource, Picture
from facebone.data.sampling import draw_pairs
from facebone.data.splits import (
    Level,
    PictureSplit,
    pairs_of_split,
    pairs_within,
    parse_level,
    split_given_pairs,
    split_identities,
    split_images,
    split_pairs,
)
from facebone.errors import DatasetError, UsageError

SIZES = st.lists(st.integers(1, 9), min_size=4, max_size=20)
FRACTIONS = st.floats(0.1, 0.9)
SEEDS = st.integers(0, 2**32 - 1)


def make(sizes: list[int]) -> Dataset:
    return Dataset(
        "test",
        tuple(
            Picture(f"p{i}/{j}", f"p{i}", FileSource(Path(f"{i}-{j}")))
            for i, size in enumerate(sizes)
            for j in range(size)
        ),
    )


def people(dataset: Dataset, positions: np.ndarray) -> set[str]:
    return {dataset.pictures[i].person for i in positions}


def unordered(pairs: Pairs) -> set[frozenset[int]]:
    both = zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)
    return {frozenset(pair) for pair in both}


def check_partition(dataset: Dataset, split: PictureSplit, positions: range | list[int]) -> None:
    together = np.concatenate([split.members, split.non_members])
    assert sorted(together.tolist()) == sorted(positions)
    assert (np.diff(split.members) > 0).all()


@given(SIZES, FRACTIONS, SEEDS)
@settings(deadline=None)
def test_images_are_divided_evenly_within_each_person(
    sizes: list[int], fraction: float, seed: int
) -> None:
    dataset = make(sizes)
    total = sum(sizes)
    if not 1 <= total * fraction <= total - 1:
        return
    split = split_images(dataset, fraction=fraction, seed=seed)
    check_partition(dataset, split, range(total))
    assert split.level is Level.IMAGE
    assert abs(len(split.members) - total * fraction) < 1
    counts = Counter(dataset.pictures[i].person for i in split.members)
    for i, size in enumerate(sizes):
        assert abs(counts[f"p{i}"] - size * fraction) < 1


@given(SIZES, FRACTIONS, SEEDS)
@settings(deadline=None)
def test_identities_are_disjoint_and_alike(sizes: list[int], fraction: float, seed: int) -> None:
    dataset = make(sizes)
    if not 1 <= len(sizes) * fraction <= len(sizes) - 1:
        return
    split = split_identities(dataset, fraction=fraction, seed=seed)
    check_partition(dataset, split, range(sum(sizes)))
    members, others = people(dataset, split.members), people(dataset, split.non_members)
    assert not members & others
    assert abs(len(members) - len(sizes) * fraction) < 1
    # For each number of pictures, as many people as fall to the members.
    for size, count in Counter(sizes).items():
        have = sum(sizes[int(person[1:])] == size for person in members)
        assert abs(have - count * fraction) < 1


def test_each_picture_is_a_member_equally_often() -> None:
    """400 splits at 0.3: 120 expected, deviation 9.2; the bounds are over four of them wide."""
    dataset = make([1, 1, 2, 7, 3])
    for split in (split_images, split_identities):
        counts = np.zeros(14)
        for seed in range(400):
            counts[split(dataset, fraction=0.3, seed=seed).members] += 1
        assert counts.min() > 80
        assert counts.max() < 160


def test_only_the_asked_positions_are_split() -> None:
    dataset = make([4] * 6)
    wanted = [0, 1, 4, 5, 8, 9, 20]
    for split in (split_images, split_identities):
        check_partition(dataset, split(dataset, fraction=0.5, seed=1, positions=wanted), wanted)


@given(st.integers(2, 60), st.integers(2, 60), FRACTIONS, SEEDS)
@settings(deadline=None)
def test_pairs_are_split_alike(matched: int, mismatched: int, fraction: float, seed: int) -> None:
    if min(matched, mismatched) * min(fraction, 1 - fraction) < 1:
        return
    same = np.arange(matched + mismatched) < matched
    pairs = Pairs(np.arange(len(same)), np.arange(len(same)) + 1000, same)
    split = split_pairs(pairs, fraction=fraction, seed=seed)
    assert unordered(split.members) | unordered(split.non_members) == unordered(pairs)
    assert not unordered(split.members) & unordered(split.non_members)
    assert abs(int(split.members.same.sum()) - matched * fraction) < 1
    assert abs(int((~split.members.same).sum()) - mismatched * fraction) < 1
    assert (split.level, split.repeated, split.crossing) == (Level.PAIR, 0, 0)


def test_a_repeated_pair_never_stands_on_both_sides() -> None:
    left, right = np.array([0, 1, 2, 3, 4, 5, 6, 7]), np.array([1, 0, 9, 9, 9, 9, 9, 9])
    pairs = Pairs(left, right, np.array([True, True, False, False, True, True, False, False]))
    split = split_pairs(pairs, fraction=0.5, seed=0)
    assert split.repeated == 1
    assert len(split.members) + len(split.non_members) == 7


@given(SEEDS, st.sampled_from([0.3, 0.5, 0.7]), st.sampled_from(list(Level)))
@settings(max_examples=40, deadline=None)
def test_given_pairs_at_every_level(seed: int, fraction: float, level: Level) -> None:
    dataset = make([6] * 40)
    pairs = draw_pairs(dataset, matched=300, mismatched=300, seed=seed)
    split = split_given_pairs(dataset, pairs, level=level, fraction=fraction, seed=seed)
    assert split.level is level
    a, b = split.members, split.non_members
    assert not unordered(a) & unordered(b)
    assert unordered(a) | unordered(b) <= unordered(pairs)
    assert len(a) + len(b) + split.crossing + split.surplus + split.repeated == len(pairs)
    for side in (a, b):
        assert abs(side.same.mean() - 0.5) < 0.5 / len(side) + 1e-9
    if level is not Level.PAIR:
        assert not set(a.pictures()) & set(b.pictures())
    if level is Level.IDENTITY:
        assert not people(dataset, a.pictures()) & people(dataset, b.pictures())


def test_pairs_across_the_border_are_counted() -> None:
    pairs = Pairs(
        np.array([0, 2, 0, 1, 3]),
        np.array([1, 3, 2, 4, 5]),
        np.array([True, True, False, False, False]),
    )
    sides = PictureSplit(Level.IDENTITY, np.array([0, 1, 4]), np.array([2, 3, 5]))
    split = pairs_of_split(pairs, sides, seed=0)
    assert split.crossing == 1  # (0, 2)
    assert unordered(split.members) == {frozenset({0, 1}), frozenset({1, 4})}
    assert unordered(split.non_members) == {frozenset({2, 3}), frozenset({3, 5})}


def test_pairs_within_needs_both_pictures() -> None:
    pairs = Pairs(np.array([0, 1, 2]), np.array([1, 2, 3]), np.array([True, False, True]))
    assert unordered(pairs_within(pairs, [1, 2, 3])) == {frozenset({1, 2}), frozenset({2, 3})}


def test_without_leaves_pictures_out_of_both_sides() -> None:
    split = PictureSplit(Level.IMAGE, np.array([0, 2, 4]), np.array([1, 3])).without([2, 3])
    assert split.members.tolist() == [0, 4]
    assert split.non_members.tolist() == [1]


@pytest.mark.parametrize("level", list(Level))
def test_the_same_seed_splits_the_same_way_and_another_another(level: Level) -> None:
    dataset = make([6] * 30)
    pairs = draw_pairs(dataset, matched=200, mismatched=200, seed=0)
    first, again, other = (
        split_given_pairs(dataset, pairs, level=level, fraction=0.5, seed=seed).members
        for seed in (1, 1, 2)
    )
    assert first.tobytes() == again.tobytes()
    assert unordered(first) != unordered(other)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.5, 2.0, float("nan")])
def test_a_fraction_out_of_range(fraction: float) -> None:
    with pytest.raises(UsageError, match="fraction: must lie between 0 and 1"):
        split_images(make([3, 3]), fraction=fraction, seed=0)


def test_too_few_for_two_sides() -> None:
    with pytest.raises(DatasetError, match="1 people are too few for two sides"):
        split_identities(make([9]), fraction=0.5, seed=0)
    with pytest.raises(DatasetError, match="0 pictures are too few"):
        split_images(make([9]), fraction=0.5, seed=0, positions=[])
    lone = Pairs(np.array([0, 1]), np.array([1, 2]), np.array([True, False]))
    with pytest.raises(DatasetError, match="too few pairs are left at the pair level"):
        split_pairs(lone, fraction=0.5, seed=0)


def test_people_with_two_pictures_keep_matched_pairs_at_the_image_level() -> None:
    dataset = make([2] * 60)
    pairs = draw_pairs(dataset, matched=60, mismatched=60, seed=0)
    split = split_given_pairs(dataset, pairs, level="image", fraction=0.5, seed=0)
    assert split.members.same.any()
    assert split.non_members.same.any()


def test_an_unknown_level() -> None:
    with pytest.raises(UsageError, match=r"unknown level 'people'; known: pair, image, identity"):
        parse_level("people")


def test_view_2_at_every_level(lfw: Dataset) -> None:
    """Half of View 2: pairs keep 3000 a side, people keep over a thousand, balanced."""
    assert lfw.official_pairs is not None
    sizes = {}
    for level in Level:
        split = split_given_pairs(lfw, lfw.official_pairs, level=level, fraction=0.5, seed=1)
        sizes[level] = len(split.members), len(split.non_members)
        assert abs(split.members.same.mean() - split.non_members.same.mean()) < 1e-3
    assert sizes[Level.PAIR] == (3000, 3000)
    assert min(sizes[Level.IMAGE]) > 1300
    assert min(sizes[Level.IDENTITY]) > 1300
