"""Pairs drawn by seed: counted by brute force, checked one by one, spread evenly."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facebone.data import sampling
from facebone.data.dataset import Dataset
from facebone.data.pairs import Pairs
from facebone.data.pictures import FileSource, Picture
from facebone.data.sampling import count_pairs, draw_balanced, draw_folds, draw_pairs
from facebone.errors import DatasetError, UsageError

SIZES = st.lists(st.integers(1, 7), min_size=2, max_size=8)


def make(sizes: list[int]) -> Dataset:
    """People with so many pictures each, their pictures interleaved."""
    rows = sorted((j, i) for i, size in enumerate(sizes) for j in range(size))
    return Dataset(
        "test",
        tuple(Picture(f"p{i}/{j}", f"p{i}", FileSource(Path(f"{i}-{j}"))) for j, i in rows),
    )


def people(dataset: Dataset, positions: np.ndarray) -> np.ndarray:
    return np.array([dataset.pictures[i].person for i in positions])


def unordered(pairs: Pairs) -> list[tuple[int, int]]:
    return [tuple(sorted(p)) for p in zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)]


def check(dataset: Dataset, pairs: Pairs) -> None:
    """What holds for any drawn pairs: truthful, no picture with itself, no repeat."""
    same = people(dataset, pairs.left) == people(dataset, pairs.right)
    np.testing.assert_array_equal(same, pairs.same)
    assert (pairs.left != pairs.right).all()
    assert len(set(unordered(pairs))) == len(pairs)


def brute_force(dataset: Dataset, positions: list[int]) -> tuple[int, int]:
    person = [picture.person for picture in dataset.pictures]
    same = [person[a] == person[b] for a, b in combinations(positions, 2)]
    return sum(same), len(same) - sum(same)


@given(SIZES, st.data())
@settings(deadline=None)
def test_counts_agree_with_listing_all_pairs(sizes: list[int], data: st.DataObject) -> None:
    dataset = make(sizes)
    chosen = data.draw(st.sets(st.integers(0, len(dataset.pictures) - 1)))
    counts = count_pairs(dataset, positions=list(chosen))
    assert (counts.matched, counts.mismatched) == brute_force(dataset, sorted(chosen))


@given(SIZES, st.integers(0, 2**32 - 1), st.data())
@settings(deadline=None)
def test_any_possible_number_is_drawn_without_repeats(
    sizes: list[int], seed: int, data: st.DataObject
) -> None:
    dataset = make(sizes)
    positions = sorted(data.draw(st.sets(st.integers(0, len(dataset.pictures) - 1), min_size=2)))
    matched, mismatched = brute_force(dataset, positions)
    m = data.draw(st.integers(0, matched))
    n = data.draw(st.integers(0, mismatched))
    pairs = draw_pairs(dataset, matched=m, mismatched=n, seed=seed, positions=positions)
    check(dataset, pairs)
    assert (int(pairs.same.sum()), int((~pairs.same).sum())) == (m, n)
    assert set(pairs.pictures().tolist()) <= set(positions)


def test_all_pairs_there_are_can_be_drawn() -> None:
    dataset = make([5, 1, 3, 2])
    pairs = draw_pairs(dataset, matched=14, mismatched=41, seed=0)
    assert set(unordered(pairs)) == set(combinations(range(11), 2))


def test_the_way_for_many_pairs_obeys_the_same_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing listed, pairs are drawn at random until there are enough."""
    monkeypatch.setattr(sampling, "_FEW_PAIRS", 0)
    monkeypatch.setattr(sampling, "_draw_from_list", lambda *_: pytest.fail("the list was used"))
    dataset = make([40, 1, 1, 25, 3, 9, 30])
    check(dataset, draw_pairs(dataset, matched=50, mismatched=500, seed=3))


def test_it_ends_where_drawing_people_first_would_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Among hundreds of people with one picture, two with thousands are hardly ever drawn."""
    monkeypatch.setattr(sampling, "_FEW_PAIRS", 0)
    monkeypatch.setattr(sampling, "_PATIENCE", 3)
    dataset = make([400, 400] + [1] * 300)
    counts = count_pairs(dataset)
    check(dataset, draw_pairs(dataset, matched=0, mismatched=counts.mismatched // 5, seed=3))


@pytest.mark.parametrize("few", [0, 10**9], ids=["drawing", "listing"])
def test_both_ways_draw_people_uniformly(monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    """Each two people are drawn equally often although one person has 30 pictures.

    1500 draws of one pair over 10 couples of people: 150 each, deviation 11.6; the bounds are
    more than four deviations wide.
    """
    monkeypatch.setattr(sampling, "_FEW_PAIRS", few)
    dataset = make([30, 2, 5, 1, 4])
    drawn: Counter[tuple[str, str]] = Counter()
    for seed in range(1500):
        pairs = draw_pairs(dataset, matched=0, mismatched=1, seed=seed)
        a, b = sorted([*people(dataset, pairs.left), *people(dataset, pairs.right)])
        drawn[a, b] += 1
    assert len(drawn) == 10
    assert min(drawn.values()) > 100
    assert max(drawn.values()) < 200


@given(SIZES.filter(lambda s: max(s) > 1), st.integers(0, 1000), st.data())
@settings(deadline=None)
def test_matched_pairs_are_dealt_evenly(sizes: list[int], seed: int, data: st.DataObject) -> None:
    dataset = make(sizes)
    most = count_pairs(dataset).matched
    count = data.draw(st.integers(1, most))
    pairs = draw_pairs(dataset, matched=count, mismatched=0, seed=seed)
    shares = Counter(people(dataset, pairs.left).tolist())
    for i, size in enumerate(sizes):
        if shares[f"p{i}"] < size * (size - 1) // 2:  # who could have had one more
            assert max(shares.values()) <= shares[f"p{i}"] + 1


def test_a_person_with_500_pictures_does_not_dominate() -> None:
    dataset = make([500] + [5] * 99)
    pairs = draw_pairs(dataset, matched=300, mismatched=300, seed=1)
    assert Counter(people(dataset, pairs.left[:300]).tolist())["p0"] == 3
    there = (people(dataset, pairs.left) == "p0") | (people(dataset, pairs.right) == "p0")
    # Of 300 mismatched pairs 6 are expected; 500 of 995 pictures would make it about 225.
    assert there[300:].sum() < 20


def test_triangular_numbers_and_back() -> None:
    expected = [(i, j) for j in range(1, 60) for i in range(j)]
    numbers = np.arange(len(expected))
    assert [tuple(row) for row in sampling._unrank(numbers).tolist()] == expected
    big = 94906267  # the square of this needs more digits than a float64 has
    at = big * (big - 1) // 2
    assert sampling._unrank(np.array([at - 1, at])).tolist() == [[big - 2, big - 1], [0, big]]


def test_the_same_seed_draws_the_same_and_another_another() -> None:
    dataset = make([6] * 12)
    first, again, other = (
        draw_pairs(dataset, matched=40, mismatched=40, seed=seed) for seed in (5, 5, 6)
    )
    assert first.tobytes() == again.tobytes()
    assert set(unordered(first)) != set(unordered(other))


@pytest.mark.parametrize(
    ("matched", "mismatched", "message"),
    [
        (5, 0, "5 matched pairs were asked for, but only 4 are possible"),
        (0, 12, "12 mismatched pairs were asked for, but only 11 are possible"),
    ],
)
def test_more_than_possible(matched: int, mismatched: int, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        draw_pairs(make([3, 2, 1]), matched=matched, mismatched=mismatched, seed=0)


def test_a_negative_number_and_a_position_that_is_not_there() -> None:
    with pytest.raises(UsageError, match="mismatched: must not be negative, got -1"):
        draw_pairs(make([3, 2]), matched=1, mismatched=-1, seed=0)
    with pytest.raises(UsageError, match=r"positions: must lie in 0 \.\. 4, got 0 \.\. 5"):
        draw_pairs(make([3, 2]), matched=1, mismatched=1, seed=0, positions=[0, 5])


def test_balanced_takes_what_there_is() -> None:
    dataset = make([3, 2, 1])
    pairs = draw_balanced(dataset, seed=0)
    assert (len(pairs), int(pairs.same.sum())) == (8, 4)
    assert len(draw_balanced(dataset, seed=0, limit=3)) == 6


@pytest.mark.parametrize("sizes", [[1, 1, 1], [5]])
def test_balanced_needs_one_of_each(sizes: list[int]) -> None:
    with pytest.raises(DatasetError, match="one of each is needed"):
        draw_balanced(make(sizes), seed=0)


@given(st.lists(st.integers(2, 9), min_size=8, max_size=30), st.integers(2, 4), st.integers(0, 99))
@settings(deadline=None, max_examples=40)
def test_folds_share_no_people(sizes: list[int], folds: int, seed: int) -> None:
    dataset = make(sizes)
    pairs = draw_folds(dataset, folds=folds, seed=seed)
    check(dataset, pairs)
    assert pairs.fold is not None
    per_fold = len(pairs) // folds
    assert pairs.fold.tolist() == np.repeat(np.arange(folds), per_fold).tolist()
    groups = []
    for fold in range(folds):
        part = pairs.take(pairs.fold == fold)
        assert int(part.same.sum()) * 2 == len(part) > 0
        groups.append(set(people(dataset, part.pictures())))
    assert len(set.union(*groups)) == sum(map(len, groups))


def test_folds_are_as_large_as_view_2_where_there_is_enough() -> None:
    dataset = make([30] * 40)
    pairs = draw_folds(dataset, seed=0)
    assert len(pairs) == 10 * 600
    assert len(draw_folds(dataset, seed=0, per_fold=7)) == 140


def test_folds_of_too_few_people() -> None:
    with pytest.raises(DatasetError, match=r"too few people for 10 folds.*there are 15, 15 of"):
        draw_folds(make([3] * 15), seed=0)
    with pytest.raises(DatasetError, match=r"there are 40, 3 of them with two pictures"):
        draw_folds(make([2] * 3 + [1] * 37), seed=0)
    with pytest.raises(UsageError, match="folds: must be at least 2, got 1"):
        draw_folds(make([3] * 15), seed=0, folds=1)
    with pytest.raises(DatasetError, match="500 matched pairs were asked for"):
        draw_folds(make([4] * 40), seed=0, per_fold=500)
