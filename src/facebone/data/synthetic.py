"""The synthetic data set: as many people as asked for, drawn by a seed, on no disk."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from facebone.data.dataset import Dataset
from facebone.data.pictures import RGB, Picture, Points
from facebone.data.synthesis.recipe import GENERATOR, Recipe, View
from facebone.errors import StorageError, UsageError
from facebone.files import new_folder, storage_errors
from facebone.progress import ProgressFactory, SilentProgress
from facebone.seeding import check_seed

DEFAULT_PEOPLE = 400
DEFAULT_PICTURES = 8

Format = Literal["png", "jpg"]


@dataclass(frozen=True, slots=True)
class SyntheticSource:
    """A picture that is rendered when it is asked for.

    Args:
        recipe: which one.
    """

    recipe: Recipe

    @property
    def location(self) -> str:
        """What an error message calls this picture."""
        recipe = self.recipe
        return f"synthetic:{recipe.seed}/{picture_id(recipe.person, recipe.picture)}"

    @property
    def landmarks(self) -> Points:
        """The true landmarks, (5, 2), known without painting the picture."""
        from facebone.data.synthesis.render import face_landmarks
        from facebone.data.synthesis.scenes import portrait_landmarks

        recipe = self.recipe
        person, nuisance = recipe.identity(), recipe.nuisance()
        if recipe.view == "scene":
            return portrait_landmarks(person, nuisance, recipe.stream("portrait", recipe.picture))
        return face_landmarks(person, nuisance)

    def read(self) -> bytes:
        """The recipe and the version of the generator."""
        return self.recipe.to_bytes()

    def decode(self, content: bytes) -> RGB:
        """Render the recipe that `read` gave: (112, 112, 3), or (250, 250, 3) for a scene.

        Raises:
            DecodeError: the bytes are no recipe, or one for another version of the generator.
        """
        from facebone.data.synthesis.render import render_face
        from facebone.data.synthesis.scenes import portrait

        recipe = Recipe.from_bytes(content, location=self.location)
        person, nuisance = recipe.identity(), recipe.nuisance()
        if recipe.view == "scene":
            return portrait(person, nuisance, recipe.stream("portrait", recipe.picture)).image
        return render_face(person, nuisance).image


@dataclass(frozen=True)
class SyntheticDataset(Dataset):
    """A data set of synthetic people.

    Args:
        seed: the people's.
        view: what the pictures are.
    """

    seed: int = 0
    view: View = "crop"

    @cached_property
    def fingerprint(self) -> str:
        """As of any data set, and of the seed: the ids are the same for all seeds."""
        text = f"{super().fingerprint} {GENERATOR} {self.seed} {self.view}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def picture_id(person: int, picture: int) -> str:
    """The id of a picture, such as ``s00012/003``."""
    return f"s{person:05d}/{picture:03d}"


def synthetic_dataset(
    people: int = DEFAULT_PEOPLE,
    pictures_per_person: int = DEFAULT_PICTURES,
    *,
    seed: int,
    view: View = "crop",
) -> SyntheticDataset:
    """Synthetic people and pictures of them.

    Person i and picture j of a seed are the same whatever the numbers asked for, and no person of
    any seed is among those that the shipped networks were trained on.

    Args:
        people: how many people.
        pictures_per_person: how many pictures of each.
        seed: another seed gives other people.
        view: ``crop`` for (112, 112, 3) faces roughly where the ArcFace template has them,
            ``scene`` for (250, 250, 3) photographs that need a detector and alignment.

    Returns:
        A data set called ``synthetic``, with the people's traits as attributes.

    Raises:
        UsageError: a number or the seed is out of range.
    """
    for where, count in (("people", people), ("pictures_per_person", pictures_per_person)):
        if count < 1:
            raise UsageError(f"must be 1 or more, got {count}", where=where)
    check_seed(seed)
    pictures: list[Picture] = []
    attributes: dict[str, dict[str, float]] = {}
    for person in range(people):
        traits = Recipe(seed, person, 0).identity().attributes()
        for number in range(pictures_per_person):
            source = SyntheticSource(Recipe(seed, person, number, view))
            name = picture_id(person, number)
            pictures.append(Picture(name, f"s{person:05d}", source))
            attributes[name] = traits
    return SyntheticDataset(
        "synthetic", tuple(pictures), attributes=attributes, seed=seed, view=view
    )


def load_synthetic(root: Path | None, *, seed: int) -> SyntheticDataset:
    """The default synthetic data set, 400 people with 8 pictures each.

    Args:
        root: must be None, for nothing is read.
        seed: draws the people.

    Raises:
        UsageError: a root was given, or the seed is out of range.
    """
    if root is not None:
        raise UsageError(
            f"the synthetic data set reads nothing, got {str(root)!r}",
            where="root",
            hint="leave it out, or use the 'folder' data set for pictures in files",
        )
    return synthetic_dataset(seed=seed)


def export_folder(
    dataset: Dataset,
    out: Path,
    *,
    file_format: Format = "png",
    progress: ProgressFactory = SilentProgress,
) -> list[Path]:
    """Write the pictures of any data set as files, one folder a person.

    Args:
        dataset: the pictures.
        out: a folder that does not exist yet, or is empty.
        file_format: ``png`` keeps every pixel, ``jpg`` is a quarter of the size.
        progress: told how many pictures are written.

    Returns:
        The files, in the order of the pictures: ``out/s00012/s00012_0003.png``.

    Raises:
        UsageError: the format is unknown.
        StorageError: the folder holds something, or cannot be written.
    """
    if file_format not in ("png", "jpg"):
        raise UsageError(f"must be 'png' or 'jpg', got {file_format!r}", where="file_format")
    with storage_errors(out):
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise StorageError("is not an empty folder", where=out, hint="name a new one")
    names: list[Path] = []
    total = len(dataset.pictures)
    with new_folder(out) as part, progress("writing pictures", total) as told:
        for picture in dataset.pictures:
            stem = picture.id.replace("/", "_").replace("\\", "_")
            name = Path(picture.person) / f"{stem}.{file_format}"
            (part / name).parent.mkdir(exist_ok=True)
            pixels = picture.source.decode(picture.source.read())
            (part / name).write_bytes(_encode(pixels, file_format))
            names.append(name)
            told.advance(1)
    return [out / name for name in names]


def _encode(pixels: RGB, file_format: Format) -> bytes:
    import cv2

    options = [cv2.IMWRITE_JPEG_QUALITY, 92] if file_format == "jpg" else []
    _, encoded = cv2.imencode(f".{file_format}", np.ascontiguousarray(pixels[:, :, ::-1]), options)
    return encoded.tobytes()
