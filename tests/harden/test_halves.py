"""The two halves share no person, no picture and no copy of one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from facebone.data.dataset import Dataset
from facebone.data.duplicates import find_shared
from facebone.data.pairs import Pairs
from facebone.data.pictures import RGB, Picture
from facebone.data.synthetic import synthetic_dataset
from facebone.errors import DatasetError
from facebone.harden.halves import restrict, split_halves


@dataclass(frozen=True, slots=True)
class Painted:
    """A picture that is there."""

    location: str
    pixels: RGB
    landmarks: None = None

    def read(self) -> bytes:
        return self.pixels.tobytes()

    def decode(self, content: bytes) -> RGB:
        return np.frombuffer(content, np.uint8).reshape(self.pixels.shape)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """People of whom some pictures are, a little brighter, also somebody else's."""
    made = synthetic_dataset(people=12, pictures_per_person=2, seed=0)
    pictures = list(made.pictures)
    for one in pictures[:6]:
        pixels = np.clip(one.source.decode(one.source.read()).astype(int) + 6, 0, 255)
        copy = Painted(f"copy of {one.id}", pixels.astype(np.uint8))
        pictures.append(Picture(f"copy/{one.id}", f"other {one.person}", copy))
    left, right = np.triu_indices(len(pictures), k=1)
    people = np.array([one.person for one in pictures])
    pairs = Pairs(left, right, people[left] == people[right], np.arange(len(left)) % 10)
    return replace(
        Dataset("copied", tuple(pictures)),
        official_pairs=pairs,
        attributes={one.id: {"smile": float(i)} for i, one in enumerate(pictures)},
    )


def test_no_person_and_no_copy_stands_in_both(dataset: Dataset) -> None:
    left_out = 0
    for seed in range(4):
        halves = split_halves(dataset, seed=seed)
        search, confirmation = halves.search, halves.confirmation
        assert not set(search.people) & set(confirmation.people)
        assert not {p.id for p in search.pictures} & {p.id for p in confirmation.pictures}
        together = Dataset("both", search.pictures + confirmation.pictures)
        first = np.arange(len(search.pictures))
        second = np.arange(len(search.pictures), len(together.pictures))
        assert find_shared(together, first, second) == ()
        assert len(together.pictures) + len(halves.copies) == len(dataset.pictures)
        left_out += len(halves.copies)
    assert left_out, "some copy was left out, or this shows nothing"


def test_official_pairs_within_a_half_are_kept(dataset: Dataset) -> None:
    half = split_halves(dataset, seed=0).search
    kept = half.official_pairs
    assert kept is not None
    assert len(kept) == len(half.pictures) * (len(half.pictures) - 1) // 2
    assert dataset.official_pairs is not None
    fold = {
        (dataset.pictures[a].id, dataset.pictures[b].id): f
        for a, b, f in zip(
            dataset.official_pairs.left,
            dataset.official_pairs.right,
            dataset.official_pairs.fold,  # type: ignore[arg-type]
            strict=True,
        )
    }
    assert kept.fold is not None
    for a, b, same, own in zip(kept.left, kept.right, kept.same, kept.fold, strict=True):
        one, other = half.pictures[a], half.pictures[b]
        assert same == (one.person == other.person)
        assert own == fold[one.id, other.id]


def test_attributes_stay_with_their_pictures(dataset: Dataset) -> None:
    half = split_halves(dataset, seed=1).confirmation
    assert set(half.attributes) == {one.id for one in half.pictures}
    assert all(half.attributes[name] == dataset.attributes[name] for name in half.attributes)


def test_nothing_is_no_data_set(dataset: Dataset) -> None:
    with pytest.raises(DatasetError, match="no pictures"):
        restrict(dataset, np.empty(0, dtype=np.intp))
    bare = restrict(replace(dataset, official_pairs=dataset.official_pairs), np.array([0]))
    assert bare.official_pairs is None


def test_another_seed_splits_otherwise(dataset: Dataset) -> None:
    parts = {tuple(sorted(split_halves(dataset, seed=seed).search.people)) for seed in range(3)}
    assert len(parts) == 3
