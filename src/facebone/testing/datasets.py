"""The contract of data sets."""

from __future__ import annotations

import math
import pickle
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from facebone.data.dataset import Dataset, DatasetLoader
from facebone.data.pictures import Picture
from facebone.errors import DecodeError, FaceBoneError
from facebone.testing.contract import Contract, expect, refused
from facebone.testing.quiet import silent

LOOKED_AT = 6
"""Pictures whose bytes and pixels are read, spread over all."""

LARGEST_SOURCE = 20_000
"""Bytes of a pickled source: it travels to workers, pixels do not."""


@dataclass(frozen=True)
class DatasetSubject:
    """A data set, and where it lies.

    Args:
        name: that it is asked for by.
        load: opens it.
        root: folder or archive, or None where it needs none.
    """

    name: str
    load: DatasetLoader
    root: Path | None = None

    def opened(self) -> Dataset:
        """The data set; opened once."""
        return _open(self)

    def some(self) -> list[Picture]:
        """A few of its pictures."""
        pictures = self.opened().pictures
        rows = np.unique(np.linspace(0, len(pictures) - 1, LOOKED_AT).astype(int))
        return [pictures[row] for row in rows]


@lru_cache(maxsize=2)
def _open(subject: DatasetSubject) -> Dataset:
    return subject.load(subject.root, seed=0)


def opens_as_a_data_set_of_its_name(subject: DatasetSubject) -> None:
    """And prints nothing."""
    with silent():
        found = subject.load(subject.root, seed=0)
    expect(isinstance(found, Dataset), f"is no Dataset, but a {type(found).__name__}")
    expect(found.name == subject.name, f"calls itself {found.name!r}")
    for warning in found.warnings:
        expect(isinstance(warning, str) and "\n" not in warning, f"warning is no line: {warning!r}")


def opened_again_it_is_the_same(subject: DatasetSubject) -> None:
    """In the same order: pairs refer to pictures by position."""
    one, again = subject.opened(), subject.load(subject.root, seed=0)
    ids = [picture.id for picture in one.pictures]
    expect(ids == [picture.id for picture in again.pictures], "pictures stand in another order")
    expect(one.fingerprint == again.fingerprint, "has another fingerprint when opened again")


def ids_and_people_are_text(subject: DatasetSubject) -> None:
    """That can be written into a report; that ids are unique, `Dataset` checks."""
    for picture in subject.opened().pictures:
        for what, text in (("id", picture.id), ("person", picture.person)):
            expect(isinstance(text, str) and text.strip(), f"{what} is {text!r}")
            expect("\n" not in text, f"{what} has several lines: {text!r}")
            try:
                text.encode()
            except UnicodeEncodeError:
                raise AssertionError(f"{what} cannot be encoded: {text!r}") from None


def matched_and_mismatched_pairs_can_be_drawn(subject: DatasetSubject) -> None:
    """Two people, and of one of them two pictures."""
    sizes = [len(positions) for positions in subject.opened().people.values()]
    expect(len(sizes) >= 2, f"shows {len(sizes)} people")
    expect(max(sizes) >= 2, "shows nobody twice")


def sources_travel_to_workers(subject: DatasetSubject) -> None:
    """Pickled, small, and giving the same bytes there."""
    for picture in subject.some():
        packed = pickle.dumps(picture.source)
        what = f"{picture.id} takes {len(packed)} bytes on the way to a worker"
        expect(len(packed) <= LARGEST_SOURCE, what)
        there = pickle.loads(packed)
        expect(there.read() == picture.source.read(), f"{picture.id} has other bytes in a worker")


def pictures_are_bytes_and_pixels(subject: DatasetSubject) -> None:
    """Always the same."""
    for picture in subject.some():
        source = picture.source
        expect(isinstance(source.location, str) and source.location, f"{picture.id} lies nowhere")
        content = source.read()
        expect(isinstance(content, bytes) and content, f"{picture.id} has no bytes")
        expect(content == source.read(), f"{picture.id} has other bytes the second time")
        pixels = source.decode(content)
        proper = pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
        expect(proper, f"{picture.id} has pixels {pixels.dtype} of {pixels.shape}, not (h, w, 3)")
        expect(pixels.size > 0, f"{picture.id} has no pixels")
        alike = np.array_equal(pixels, source.decode(content))
        expect(alike, f"{picture.id} has other pixels the second time")


def landmarks_are_five_points_or_none(subject: DatasetSubject) -> None:
    """Finite."""
    for picture in subject.some():
        points = picture.source.landmarks
        if points is not None:
            proper = points.shape == (5, 2) and np.isfinite(points).all()
            expect(proper, f"{picture.id} has landmarks {points!r}")


def bytes_that_are_no_picture_are_refused(subject: DatasetSubject) -> None:
    """With an error that names the picture's place."""
    source = subject.some()[0].source
    with refused(DecodeError, "", when="given bytes that are no picture"):
        source.decode(b"this is no picture")


def official_pairs_are_right_about_people(subject: DatasetSubject) -> None:
    """Where there are some."""
    dataset, pairs = subject.opened(), subject.opened().official_pairs
    if pairs is None:
        return
    count = len(dataset.pictures)
    expect(len(pairs) > 0, "has official pairs, and none of them")
    inside = min(pairs.left.min(), pairs.right.min()) >= 0
    inside &= max(pairs.left.max(), pairs.right.max()) < count
    expect(inside, f"official pairs name pictures outside 0 .. {count - 1}")
    people = np.array([picture.person for picture in dataset.pictures])
    same = people[pairs.left] == people[pairs.right]
    expect(np.array_equal(same, pairs.same), "official pairs are wrong about who is who")


def attributes_are_numbers_of_its_pictures(subject: DatasetSubject) -> None:
    """Where there are some."""
    dataset = subject.opened()
    for identity, values in dataset.attributes.items():
        expect(identity in dataset.index, f"states attributes of {identity!r}, which is not there")
        for name, value in values.items():
            expect(math.isfinite(value), f"{identity} has {name} = {value}")


def what_is_not_there_is_refused(subject: DatasetSubject) -> None:
    """With one of FaceBone's errors, in one line."""
    with refused(FaceBoneError, "", when="given a folder that does not exist"):
        subject.load(Path("no such folder anywhere"), seed=0)


DATASET: Contract[DatasetSubject] = Contract(
    lambda subject: f"data set {subject.name}",
    opens_as_a_data_set_of_its_name,
    opened_again_it_is_the_same,
    ids_and_people_are_text,
    matched_and_mismatched_pairs_can_be_drawn,
    sources_travel_to_workers,
    pictures_are_bytes_and_pixels,
    landmarks_are_five_points_or_none,
    bytes_that_are_no_picture_are_refused,
    official_pairs_are_right_about_people,
    attributes_are_numbers_of_its_pictures,
    what_is_not_there_is_refused,
)
