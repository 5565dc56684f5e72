"""Labeled Faces in the Wild, from a folder, an archive or its publisher."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from facebone.data.archive import unpack
from facebone.data.dataset import Dataset
from facebone.data.folder import list_left_out, subfolders
from facebone.data.pictures import FileSource, Picture
from facebone.data.view2 import picture_id, read_view2
from facebone.errors import DatasetError

PAIRS = "pairs.txt"
ARCHIVES = ("lfw.tgz", "lfw.tar.gz", "lfw.tar", "lfw.zip", "lfw-funneled.tgz")
FOLDERS = ("lfw", "lfw_funneled", "lfw-funneled", "lfw-deepfunneled")

_LAYOUT = "expected <Name>/<Name>_0001.jpg, a folder of such, or the archive lfw.tgz"
_FILE = re.compile(r"(?P<name>.+)_(?P<number>[0-9]{4,})\.(?:jpe?g|png)", re.IGNORECASE)


def load_lfw(root: Path | None, *, seed: int = 0) -> Dataset:
    """Open LFW.

    Args:
        root: the archive; a folder that holds it; or a folder with one folder a person, itself or
            below ``lfw``, ``lfw_funneled`` or ``lfw-deepfunneled``. ``pairs.txt`` is looked for in
            it and beside it, and is not needed. None downloads the original archive and
            ``pairs.txt`` into the user's cache.
        seed: not used.

    Returns:
        All pictures found, with ids such as ``Abel_Pacheco/0001`` and View 2 as official pairs.

    Raises:
        DatasetError: nothing of the kind is at `root`, or it is damaged, or the download failed.

    References:
        Gary B. Huang, Manu Ramesh, Tamara Berg and Erik Learned-Miller, "Labeled Faces in the
        Wild: A Database for Studying Face Recognition in Unconstrained Environments", 2007.
    """
    del seed
    if root is None:
        from facebone.data.download import fetch_lfw

        root = fetch_lfw()
    if not root.exists():
        raise DatasetError("there is no such folder or archive", where=root)
    people = _people_folder(root)
    warnings: list[str] = []
    pictures = tuple(_pictures(people, warnings))
    if not pictures:
        raise DatasetError("holds no pictures of LFW", where=root, hint=_LAYOUT)
    pairs_file = _find_pairs(root, people)
    if pairs_file is None:
        warnings.append(f"there is no {PAIRS} at {root}: no official pairs")
    official = None if pairs_file is None else read_view2(pairs_file, pictures)
    return Dataset("lfw", pictures, official_pairs=official, warnings=tuple(warnings))


def _people_folder(root: Path) -> Path:
    """The folder with one folder a person."""
    if root.is_file():
        root = unpack(root)
    # Some copies of the data set wrap the folder in another one of the same name.
    candidates = [root, *(root / name for name in FOLDERS), *(root / n / n for n in FOLDERS)]
    for candidate in candidates:
        if candidate.is_dir() and next(_pictures(candidate, []), None) is not None:
            return candidate
    for name in ARCHIVES:
        if (root / name).is_file():
            return _people_folder(root / name)
    return root


def _find_pairs(root: Path, people: Path) -> Path | None:
    inside = [root] if root.is_dir() else []
    for folder in (*inside, root.parent, people, people.parent):
        if (folder / PAIRS).is_file():
            return folder / PAIRS
    return None


def _pictures(folder: Path, warnings: list[str]) -> Iterator[Picture]:
    left_out: list[str] = []
    for person in subfolders(folder):
        for path in sorted(person.iterdir()):
            match = _FILE.fullmatch(path.name)
            if match is not None and match["name"] == person.name:
                number = int(match["number"])
                yield Picture(picture_id(person.name, number), person.name, FileSource(path))
            elif not path.name.startswith("."):
                left_out.append(f"{person.name}/{path.name}")
    warnings += list_left_out(left_out, "is not named as LFW names pictures")
