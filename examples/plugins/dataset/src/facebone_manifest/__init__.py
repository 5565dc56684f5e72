"""A CSV file that says which picture shows whom, and what they are like."""

from __future__ import annotations

import csv
from pathlib import Path

from facebone.data.dataset import Dataset
from facebone.data.pictures import FileSource, Picture
from facebone.errors import DatasetError, UsageError

PICTURE, PERSON = "picture", "person"
LAYOUT = f"expected a CSV file with the columns {PICTURE} and {PERSON}"


def load_manifest(root: Path | None, *, seed: int) -> Dataset:
    """Open a data set by its list.

    Args:
        root: a CSV file whose first line names the columns. ``picture`` is a path, relative to the
            file's folder, ``person`` is whom it shows; every other column is an attribute, a number
            or empty.
        seed: not used.

    Raises:
        UsageError: no file was named.
        DatasetError: it is missing, damaged, or names a picture that is not there.
    """
    del seed
    if root is None:
        raise UsageError("the manifest data set needs a file", where="--root", hint=LAYOUT)
    if not root.is_file():
        raise DatasetError("there is no such file", where=root, hint=LAYOUT)
    try:
        with root.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            columns = list(reader.fieldnames or ())
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"cannot be read: {error}", where=root, hint=LAYOUT) from error
    if not {PICTURE, PERSON} <= set(columns):
        raise DatasetError(f"has the columns {', '.join(columns)}", where=root, hint=LAYOUT)
    pictures, attributes = [], {}
    for number, row in enumerate(rows, start=2):
        where = f"{root}, line {number}"
        identity, person = (row[PICTURE] or "").strip(), (row[PERSON] or "").strip()
        if not identity or not person:
            raise DatasetError("names no picture or no person", where=where)
        path = root.parent / identity
        if not path.is_file():
            raise DatasetError(f"there is no picture {identity!r}", where=where)
        pictures.append(Picture(identity, person, FileSource(path)))
        attributes[identity] = {
            name: _number(row[name], f"{where}, {name}")
            for name in columns
            if name not in (PICTURE, PERSON) and (row[name] or "").strip()
        }
    return Dataset("manifest", tuple(pictures), attributes=attributes)


def _number(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise DatasetError(f"must be a number, got {text!r}", where=where) from None
