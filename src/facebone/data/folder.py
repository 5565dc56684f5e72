"""Any pictures at all: one folder a person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from facebone.data.archive import unpack
from facebone.data.dataset import Dataset
from facebone.data.pictures import FileSource, Picture
from facebone.errors import DatasetError, UsageError

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif"})

_LAYOUT = "expected one folder a person with their pictures in it"
_LISTED = 20


def load_folder(root: Path | None, *, seed: int = 0) -> Dataset:
    """Open a folder, or an archive of one, in which each person has a folder of pictures.

    Hidden files are passed over. Other files, and folders inside a person's folder, are left out
    and listed in the warnings. A person with one picture stays: they can be one side of a
    mismatched pair.

    Args:
        root: the folder or archive.
        seed: not used.

    Returns:
        Pictures sorted by person and name, with ids such as ``Anna Karenina/1.jpg``.

    Raises:
        UsageError: no root was named.
        DatasetError: it is missing, empty, or holds no person with pictures.
    """
    del seed
    if root is None:
        raise UsageError("the folder data set needs a folder", where="--root", hint=_LAYOUT)
    if not root.exists():
        raise DatasetError("there is no such folder or archive", where=root, hint=_LAYOUT)
    folder = _unwrap(unpack(root)) if root.is_file() else root
    if not any(folder.iterdir()):
        raise DatasetError("the folder is empty", where=root, hint=_LAYOUT)
    others = [path.name for path in sorted(folder.iterdir()) if _is_visible_file(path)]
    pictures: list[Picture] = []
    lone: list[str] = []
    empty: list[str] = []
    for person in subfolders(folder):
        own = _pictures_of(person, others)
        pictures += own
        if not own:
            empty.append(person.name)
        elif len(own) == 1:
            lone.append(person.name)
    if not pictures:
        raise DatasetError("no person has a picture", where=root, hint=_LAYOUT)
    warnings = [
        *list_left_out(others, "is no picture in a person's folder"),
        *list_left_out(empty, "is a folder without pictures"),
    ]
    if lone:
        warnings.append(
            f"{len(lone)} with one picture only, of no use in matched pairs: {_shorten(lone)}"
        )
    return Dataset("folder", tuple(pictures), warnings=tuple(warnings))


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, sorted by name, hidden ones left out."""
    return sorted(
        path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    )


def list_left_out(names: Sequence[str], reason: str) -> list[str]:
    """A warning for each name, the first twenty, and one for the rest."""
    warnings = [f"left out {name!r}: {reason}" for name in names[:_LISTED]]
    if len(names) > _LISTED:
        warnings.append(f"left out {len(names) - _LISTED} more: {reason}")
    return warnings


def _pictures_of(person: Path, others: list[str]) -> list[Picture]:
    """The pictures of a person; names of what else is in the folder are added to `others`."""
    found = []
    for path in sorted(person.iterdir()):
        name = f"{person.name}/{path.name}"
        if path.name.startswith("."):
            continue
        # A name in a foreign encoding could neither be hashed nor written into a report.
        if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file() and _is_text(name):
            found.append(Picture(name, person.name, FileSource(path)))
        else:
            others.append(name)
    return found


def _is_visible_file(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".")


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unwrap(folder: Path) -> Path:
    """Step into the one folder that archives like to wrap everything in."""
    inside = subfolders(folder)
    while len(inside) == 1 and subfolders(inside[0]) and not _pictures_of(inside[0], []):
        folder, inside = inside[0], subfolders(inside[0])
    return folder


def _shorten(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(repr(name) for name in names[:_LISTED]) + more
