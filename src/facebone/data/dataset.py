"""A data set: pictures of named people, and the registry of data sets."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

from facebone.data.pairs import Pairs
from facebone.data.pictures import Picture
from facebone.errors import DatasetError
from facebone.plugin_checks import called_with
from facebone.registry import Registry


@dataclass(frozen=True)
class Dataset:
    """Pictures of people.

    Args:
        name: ``lfw``, ``celeba``, ``folder``, ``synthetic`` or a plug-in's.
        pictures: all pictures, in a fixed order; pairs refer to them by position.
        official_pairs: the pairs and folds the data set was published with, if it was.
        attributes: picture id -> attribute name -> value, where the data set has attributes.
        warnings: what a user should know, such as files that were left out and why.

    Raises:
        DatasetError: no pictures, or two with the same id.
    """

    name: str
    pictures: tuple[Picture, ...]
    official_pairs: Pairs | None = None
    attributes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.pictures:
            raise DatasetError(f"the {self.name} data set holds no pictures")
        if len(self.index) != len(self.pictures):
            raise DatasetError(f"two pictures of the {self.name} data set have the same id")

    @cached_property
    def index(self) -> dict[str, int]:
        """Picture id -> position in `pictures`."""
        return {picture.id: i for i, picture in enumerate(self.pictures)}

    @cached_property
    def people(self) -> dict[str, tuple[int, ...]]:
        """Person -> positions of their pictures, people and positions in order of appearance."""
        found: dict[str, list[int]] = {}
        for i, picture in enumerate(self.pictures):
            found.setdefault(picture.person, []).append(i)
        return {person: tuple(positions) for person, positions in found.items()}

    @cached_property
    def fingerprint(self) -> str:
        """A hash of ids, people and official pairs: equal for the same list of pictures."""
        digest = hashlib.blake2b(self.name.encode(), digest_size=16)
        for picture in self.pictures:
            digest.update(f"\0{picture.id}\0{picture.person}".encode())
        if self.official_pairs is not None:
            digest.update(self.official_pairs.tobytes())
        return digest.hexdigest()


class DatasetLoader(Protocol):
    """What the registry holds: opens a data set without reading the pixels of its pictures."""

    def __call__(self, root: Path | None, *, seed: int) -> Dataset:
        """Open the data set.

        Args:
            root: folder or archive; None where the data set needs none or can be downloaded.
            seed: used by data sets that are generated.

        Raises:
            DatasetError: what is at `root` is not this data set, or is damaged.
        """
        ...


DATASETS: Registry[DatasetLoader] = Registry(
    "data set", group="facebone.datasets", check=called_with("root", seed=0)
)
DATASETS.add("lfw", "facebone.data.lfw:load_lfw")
DATASETS.add("folder", "facebone.data.folder:load_folder")
DATASETS.add("celeba", "facebone.data.celeba:load_celeba")
DATASETS.add("synthetic", "facebone.data.synthetic:load_synthetic")


def load_dataset(name: str, root: Path | None = None, *, seed: int = 0) -> Dataset:
    """Open the data set called `name`; see `DatasetLoader` for the arguments and errors."""
    return DATASETS.get(name)(root, seed=seed)
