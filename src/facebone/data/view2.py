"""LFW's View 2: the published pairs and folds, read strictly."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from facebone.data.pairs import Pairs
from facebone.data.pictures import Picture
from facebone.errors import DatasetError


def picture_id(name: str, number: int) -> str:
    """The id of a person's numbered picture, such as ``Abel_Pacheco/0001``."""
    return f"{name}/{number:04d}"


def read_view2(path: Path, pictures: Sequence[Picture]) -> Pairs:
    """Read a ``pairs.txt``.

    The first line holds the number of folds F and of pairs N. For each fold follow N lines
    ``name i j`` (two pictures of one person) and N lines ``name1 i name2 j`` (of two people),
    tab-separated.

    Args:
        path: the file.
        pictures: the pictures that it may name.

    Returns:
        F x 2N pairs in the file's order, folds counted from 0.

    Raises:
        DatasetError: a count, line, name or number is wrong; the error names file and line.

    References:
        Gary B. Huang, Manu Ramesh, Tamara Berg and Erik Learned-Miller, "Labeled Faces in the
        Wild: A Database for Studying Face Recognition in Unconstrained Environments", 2007.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise DatasetError(f"cannot be read: {error.strerror}", where=path) from error
    except UnicodeDecodeError as error:
        raise DatasetError("is no UTF-8 text", where=path) from error
    while lines and not lines[-1].strip():
        lines.pop()
    reader = _Reader(path, pictures)
    folds, count = reader.header(lines[0] if lines else "")
    expected = 2 * folds * count
    if len(lines) - 1 != expected:
        raise DatasetError(
            f"states {folds} folds of {count} matched and {count} mismatched pairs, {expected} "
            f"lines, but holds {len(lines) - 1}",
            where=path,
            hint="fetch it again from the publisher",
        )
    left, right = np.empty(expected, dtype=np.intp), np.empty(expected, dtype=np.intp)
    rows = np.arange(expected)
    same = rows // count % 2 == 0
    for row in rows:
        number = int(row) + 2
        left[row], right[row] = reader.pair(lines[row + 1], number, matched=bool(same[row]))
    return Pairs(left, right, same, fold=rows // (2 * count))


class _Reader:
    """Turns lines into positions of pictures, and mistakes into errors about the line."""

    def __init__(self, path: Path, pictures: Sequence[Picture]) -> None:
        self._path = path
        self._index = {picture.id: i for i, picture in enumerate(pictures)}
        self._people = {picture.person for picture in pictures}

    def header(self, line: str) -> tuple[int, int]:
        match [_natural(field) for field in line.split("\t")]:
            case [int(folds), int(count)]:
                return folds, count
        raise self._error(f"expected the numbers of folds and pairs, got {line!r}", 1)

    def pair(self, line: str, number: int, *, matched: bool) -> tuple[int, int]:
        fields = line.split("\t")
        if len(fields) != (3 if matched else 4):
            kind = (
                "a matched pair: name, i, j" if matched else "a mismatched pair: name, i, name, j"
            )
            raise self._error(f"expected {kind}, tab-separated; got {line!r}", number)
        if matched:
            fields.insert(2, fields[0])
        first, second = fields[:2], fields[2:]
        left, right = self._find(first, number), self._find(second, number)
        if matched and left == right:
            raise self._error(f"pairs a picture with itself: {line!r}", number)
        if not matched and first[0] == second[0]:
            raise self._error(f"a mismatched pair names one person twice: {line!r}", number)
        return left, right

    def _find(self, fields: Sequence[str], number: int) -> int:
        name, text = fields
        if name not in self._people:
            raise self._error(f"names {name!r}, of whom there is no picture", number)
        image = _natural(text)
        if image is None:
            raise self._error(f"expected the number of a picture, got {text!r}", number)
        position = self._index.get(picture_id(name, image))
        if position is None:
            raise self._error(f"there is no picture {image} of {name!r}", number)
        return position

    def _error(self, what: str, number: int) -> DatasetError:
        return DatasetError(
            what,
            where=f"{self._path}:{number}",
            hint="pairs file and pictures must belong together",
        )


def _natural(text: str) -> int | None:
    """A positive number in plain digits, or None."""
    return int(text) if text.isascii() and text.isdigit() and int(text) > 0 else None
