"""The two ways CelebA's lists are published: columns in plain text, and Kaggle's csv."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from facebone.errors import DatasetError

Row = tuple[str, Sequence[str], int]
"""Name of a picture, its fields, number of the line."""


class Table:
    """One list, read line by line.

    Args:
        path: the file, for errors.
        file: open at its first line.
        columns: the columns it must have, or None for whatever its header says.
        header: whether the text variant opens with the number of rows and the columns; csv files
            always open with the columns.
    """

    def __init__(
        self, path: Path, file: TextIO, *, columns: tuple[str, ...] | None, header: bool
    ) -> None:
        self._path = path
        self._file = file
        self._csv = path.suffix.lower() == ".csv"
        self._lines_read = 0
        self._stated: int | None = None
        found: tuple[str, ...] | None = None
        if self._csv:
            found = tuple(self._split(self._line())[1:])
        elif header:
            self._stated = self._count(self._line())
            found = tuple(self._split(self._line()))
        if found is not None and (len(found) < 1 or (columns and len(found) != len(columns))):
            raise self.error(f"expected the columns {columns or 'of a list'}", self._lines_read)
        # The name of a single column means nothing; the order of landmarks does.
        if columns and found and len(columns) > 1 and found != columns:
            raise self.error(f"expected the columns {', '.join(columns)}", self._lines_read)
        chosen = columns or found
        if chosen is None:
            raise self.error("has no header", 1)
        self.columns = chosen

    def rows(self) -> Iterator[Row]:
        """All rows, checked for the number of fields, and the file for the number of rows."""
        width = len(self.columns) + 1
        count = 0
        for line in self._file:
            self._lines_read += 1
            fields = self._split(line)
            if not fields or fields == [""]:
                continue
            if len(fields) != width:
                raise self.error(f"expected {width} fields, got {len(fields)}", self._lines_read)
            count += 1
            yield fields[0], fields[1:], self._lines_read
        if self._stated is not None and count != self._stated:
            raise self.error(f"states {self._stated} rows, but holds {count}", 1)

    def number(self, text: str, line: int) -> float:
        """A finite number, or an error about `line`."""
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not abs(value) < float("inf"):
            raise self.error(f"expected a number, got {text!r}", line)
        return value

    def error(self, what: str, line: int) -> DatasetError:
        """An error about a line of this file."""
        return DatasetError(what, where=f"{self._path}:{line}", hint="fetch the file again")

    def _line(self) -> str:
        self._lines_read += 1
        return self._file.readline()

    def _split(self, line: str) -> list[str]:
        return line.strip().split(",") if self._csv else line.split()

    def _count(self, line: str) -> int:
        text = line.strip()
        if not (text.isascii() and text.isdigit()):
            raise self.error(f"expected the number of rows, got {text[:40]!r}", 1)
        return int(text)


@contextmanager
def open_table(
    path: Path, *, columns: tuple[str, ...] | None, header: bool = True
) -> Iterator[Table]:
    """Open a list; see `Table`.

    Raises:
        DatasetError: it cannot be read, or a line is malformed.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield Table(path, file, columns=columns, header=header)
    except OSError as error:
        raise DatasetError(f"cannot be read: {error.strerror}", where=path) from error
    except UnicodeDecodeError as error:
        raise DatasetError("is no UTF-8 text", where=path) from error
