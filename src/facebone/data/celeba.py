"""CelebA's aligned pictures with identities, attributes and landmarks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facebone.data.archive import unpack
from facebone.data.celeba_tables import open_table
from facebone.data.dataset import Dataset
from facebone.data.folder import PICTURE_SUFFIXES, subfolders
from facebone.data.pictures import FileSource, Picture
from facebone.errors import DatasetError, UsageError

PARTITION = "partition"
"""The attribute that holds the published partition: 0 training, 1 validation, 2 test."""

_IMAGES = "img_align_celeba"
_LANDMARKS = ("lefteye", "righteye", "nose", "leftmouth", "rightmouth")
_LAYOUT = f"expected {_IMAGES}/ (or {_IMAGES}.zip) and identity_CelebA.txt as published"


def load_celeba(root: Path | None, *, seed: int = 0) -> Dataset:
    """Open the aligned pictures of CelebA.

    ``img_align_celeba`` (a folder, or the zip archive) and ``identity_CelebA.txt`` are needed;
    ``list_attr_celeba.txt``, ``list_landmarks_align_celeba.txt`` and ``list_eval_partition.txt``
    are used where they are. They may lie side by side or in the publisher's ``Img``, ``Anno`` and
    ``Eval``, and may be Kaggle's csv variants. Any part of the pictures will do.

    Args:
        root: the folder, or an archive of it.
        seed: not used.

    Returns:
        Pictures sorted by file name, which is the id; people are the published numbers. Attributes
        are -1 or +1, and `PARTITION` is among them where it was published.

    Raises:
        UsageError: no root was named.
        DatasetError: something is missing or malformed; the error names file and line.

    References:
        Ziwei Liu, Ping Luo, Xiaogang Wang and Xiaoou Tang, "Deep Learning Face Attributes in the
        Wild", 2015.
    """
    del seed
    if root is None:
        hint = "get it from its publisher under its terms and name the folder with --root"
        raise UsageError("CelebA cannot be downloaded", where="--root", hint=hint)
    if not root.exists():
        raise DatasetError("there is no such folder or archive", where=root, hint=_LAYOUT)
    top = unpack(root) if root.is_file() else root
    places = [top, *(top / name for name in ("Img", "Anno", "Eval"))]
    if not any((place / _IMAGES).exists() for place in places):
        places += subfolders(top)  # an archive often wraps everything in one folder
    files = _image_files(places, root)
    warnings: list[str] = []
    people = _identities(places, files, root, warnings)
    names = sorted(people)
    landmarks = _landmarks(places, people, warnings)
    pictures = tuple(
        Picture(name, people[name], FileSource(files[name], landmarks.get(name))) for name in names
    )
    attributes = _attributes(places, names, warnings)
    return Dataset("celeba", pictures, attributes=attributes, warnings=tuple(warnings))


class AttributeTable(Mapping[str, Mapping[str, float]]):
    """Picture id -> attribute -> value, in a byte a value until asked for.

    Args:
        names: ids of the n pictures.
        columns: names of the k attributes.
        values: (n, k) int8.
    """

    def __init__(
        self, names: Iterable[str], columns: Iterable[str], values: npt.NDArray[np.int8]
    ) -> None:
        self._rows = {name: row for row, name in enumerate(names)}
        self._columns = tuple(columns)
        self._values = values

    def __getitem__(self, name: str) -> Mapping[str, float]:
        row = self._values[self._rows[name]].astype(float).tolist()
        return dict(zip(self._columns, row, strict=True))

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def _image_files(places: list[Path], root: Path) -> dict[str, Path]:
    """File name -> path of all pictures."""
    for place in places:
        folder = place / _IMAGES
        if not folder.is_dir() and (place / f"{_IMAGES}.zip").is_file():
            folder = unpack(place / f"{_IMAGES}.zip")
        # The zip holds the folder again, and so does Kaggle's copy.
        for candidate in (folder / _IMAGES, folder):
            if candidate.is_dir():
                return {
                    path.name: path
                    for path in candidate.iterdir()
                    if path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".")
                }
    raise DatasetError(f"there is no {_IMAGES}", where=root, hint=_LAYOUT)


def _find(places: list[Path], stem: str) -> Path | None:
    for place in places:
        for suffix in (".txt", ".csv"):
            if (place / f"{stem}{suffix}").is_file():
                return place / f"{stem}{suffix}"
    return None


def _identities(
    places: list[Path], files: Mapping[str, Path], root: Path, warnings: list[str]
) -> dict[str, str]:
    """File name -> person, for the pictures that are here."""
    path = _find(places, "identity_CelebA")
    if path is None:
        raise DatasetError(
            "there is no identity_CelebA.txt, which says who is on which picture",
            where=root,
            hint="the publisher sends it on request",
        )
    people: dict[str, str] = {}
    shared: dict[str, str] = {}  # one string a person, not one a picture
    absent = 0
    with open_table(path, columns=("identity",), header=False) as table:
        for name, (person,), line in table.rows():
            if not (person.isascii() and person.isdigit()):
                raise table.error(f"expected the number of a person, got {person!r}", line)
            if name in files:
                people[name] = shared.setdefault(person, person)
            else:
                absent += 1
    if not people:
        raise DatasetError(f"names none of the pictures in {_IMAGES}", where=path, hint=_LAYOUT)
    if absent:
        warnings.append(f"{absent} pictures that {path.name} names are not here")
    if len(people) < len(files):
        more = len(files) - len(people)
        warnings.append(f"left out {more} pictures that {path.name} does not name")
    return people


def _landmarks(
    places: list[Path], people: Mapping[str, str], warnings: list[str]
) -> dict[str, tuple[float, ...]]:
    path = _find(places, "list_landmarks_align_celeba")
    if path is None:
        warnings.append("no stated landmarks: faces will be detected")
        return {}
    columns = tuple(f"{point}_{axis}" for point in _LANDMARKS for axis in "xy")
    found: dict[str, tuple[float, ...]] = {}
    numbers: dict[str, float] = {}  # few numbers, many mentions: each is parsed and kept once
    with open_table(path, columns=columns) as table:
        for name, fields, line in table.rows():
            if name not in people:
                continue
            try:
                found[name] = tuple(map(numbers.__getitem__, fields))
            except KeyError:
                for field in fields:
                    numbers.setdefault(field, table.number(field, line))
                found[name] = tuple(map(numbers.__getitem__, fields))
    _warn_of_gaps(len(people) - len(found), path, warnings)
    return found


def _attributes(
    places: list[Path], names: list[str], warnings: list[str]
) -> Mapping[str, Mapping[str, float]]:
    """The attributes and the partition of each picture that has them all."""
    tables = []
    for stem, columns, allowed in (
        ("list_attr_celeba", None, {"1": 1, "-1": -1}),
        ("list_eval_partition", (PARTITION,), {"0": 0, "1": 1, "2": 2}),
    ):
        path = _find(places, stem)
        if path is not None:
            tables.append(_read_values(path, columns, allowed, names, warnings))
    if not tables:
        return {}
    present = np.logical_and.reduce([present for _, _, present in tables])
    values = np.concatenate([values for _, values, _ in tables], axis=1)[present]
    kept = [name for name, here in zip(names, present, strict=True) if here]
    return AttributeTable(kept, [c for columns, _, _ in tables for c in columns], values)


def _read_values(
    path: Path,
    columns: tuple[str, ...] | None,
    allowed: Mapping[str, int],
    names: list[str],
    warnings: list[str],
) -> tuple[tuple[str, ...], npt.NDArray[np.int8], npt.NDArray[np.bool_]]:
    """Column names, (n, k) values and (n,) whether the file names the picture."""
    rows = {name: row for row, name in enumerate(names)}
    present = np.zeros(len(names), dtype=np.bool_)
    with open_table(path, columns=columns, header=columns is None) as table:
        values = np.zeros((len(names), len(table.columns)), dtype=np.int8)
        for name, fields, line in table.rows():
            row = rows.get(name)
            if row is None:
                continue
            try:
                values[row] = [allowed[field] for field in fields]
            except KeyError as error:
                wanted = ", ".join(allowed)
                what = f"expected one of {wanted}, got {error.args[0]!r}"
                raise table.error(what, line) from None
            present[row] = True
        columns = table.columns
    _warn_of_gaps(len(names) - int(present.sum()), path, warnings)
    return columns, values, present


def _warn_of_gaps(count: int, path: Path, warnings: list[str]) -> None:
    if count:
        warnings.append(f"{path.name} does not name {count} of the pictures")
