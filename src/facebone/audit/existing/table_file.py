"""A table in a CSV or Parquet file: named columns of checked values, and where each stands."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from facebone.errors import DatasetError

T = TypeVar("T")

FLAGS = {"true": True, "false": False, "1": True, "0": False}

_PARQUET_MAGIC = b"PAR1"
_SEPARATORS = ",;\t"
_NAMED_COLUMNS = 12
_LONGEST = 40
# A name this near to one that is wanted is a slip of the pen.
_NEAR = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class TableFile:
    """The columns of a file, as text or as Parquet's own values.

    Args:
        path: the file.
        columns: values by name, all of one length; names in lower case.
        lines: the line that each row ends on, for CSV; None for Parquet.
    """

    path: Path
    columns: dict[str, Sequence[object]]
    lines: npt.NDArray[np.intp] | None

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def place(self, row: int) -> str:
        """Where a row stands, in words: ``line 4``, or ``row 3`` where there are no lines."""
        return f"row {row + 1}" if self.lines is None else f"line {self.lines[row]}"

    def require(self, name: str) -> None:
        """Refuse a table without a column.

        Raises:
            DatasetError: it has none of that name.
        """
        if name in self.columns:
            return
        near = get_close_matches(name, self.columns, n=1, cutoff=0.5)
        hint = f"rename its column {near[0]!r}? " if near else ""
        raise DatasetError(
            f"has no column {name!r}", where=self.path, hint=f"{hint}it has {self.listing()}"
        )

    def refuse_slips(self, known: Iterable[str]) -> None:
        """Refuse a column that is almost called like a known one that is not there.

        Raises:
            DatasetError: there is one; it would be passed over in silence.
        """
        absent = [name for name in known if name not in self.columns]
        for name in self.columns:
            near = get_close_matches(name, absent, n=1, cutoff=_NEAR)
            if near and name not in known:
                raise DatasetError(
                    f"has a column {name!r} that is not known",
                    where=self.path,
                    hint=f"call it {near[0]!r}, or take it out",
                )

    def listing(self) -> str:
        """The names of the columns, for error messages."""
        names = [repr(shorten(name)) for name in self.columns]
        more = ["..."] if len(names) > _NAMED_COLUMNS else []
        return ", ".join(names[:_NAMED_COLUMNS] + more)

    def texts(self, name: str) -> npt.NDArray[np.str_]:
        """A column of names or numbers that serve as names, (n,).

        Raises:
            DatasetError: no such column, or an empty cell.
        """
        return np.array(self._read(name, _text, "an id"), dtype=np.str_)

    def flags(self, name: str) -> npt.NDArray[np.bool_]:
        """A column of true and false, or 1 and 0, (n,).

        Raises:
            DatasetError: no such column, an empty cell, or another value.
        """
        return np.array(self._read(name, _flag, "true, false, 1 or 0"), dtype=np.bool_)

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """A column of finite numbers, (n,).

        Raises:
            DatasetError: no such column, an empty cell, or a value that is no finite number.
        """
        return np.array(self._read(name, _number, "a finite number"), dtype=np.float64)

    def words(self, name: str, meaning: dict[str, T]) -> list[T]:
        """A column of words, as what they mean; their case does not matter.

        Raises:
            DatasetError: no such column, an empty cell, or another word.
        """
        return self._read(name, lambda cell: meaning[_plain(cell)], ", ".join(meaning))

    def _read(self, name: str, convert: Callable[[object], T], rule: str) -> list[T]:
        self.require(name)
        found: list[T] = []
        for row, cell in enumerate(self.columns[name]):
            where = f"{self.path}, {self.place(row)}, column {name!r}"
            if cell is None or (isinstance(cell, str) and not cell.strip()):
                raise DatasetError(
                    "is empty", where=where, hint=f"must be {rule}; fill it in or drop the row"
                )
            try:
                found.append(convert(cell))
            except (ValueError, KeyError, TypeError, OverflowError):
                raise DatasetError(
                    f"must be {rule}, got {shorten(str(cell))!r}",
                    where=where,
                    hint="correct it or drop the row",
                ) from None
        return found


def read_table(path: Path) -> TableFile:
    """Read a CSV file (separated by commas, semicolons or tabs) or a Parquet file.

    Which of the two it is, its first bytes say. Names of columns lose their case and the spaces
    around them.

    Raises:
        DatasetError: there is no such file, it is no table, it has no rows, or columns of one name.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(_PARQUET_MAGIC))
    except FileNotFoundError:
        raise DatasetError("there is no such file", where=path, hint="check the path") from None
    except IsADirectoryError:
        raise DatasetError("is a folder", where=path, hint="name a CSV or Parquet file") from None
    except OSError as error:
        raise DatasetError(f"cannot be read: {error.strerror}", where=path) from None
    if not start:
        raise DatasetError("is empty", where=path, hint="write a header and a row for each pair")
    is_parquet = start == _PARQUET_MAGIC
    names, columns, lines = _read_parquet(path) if is_parquet else _read_csv(path)
    plain = [name.strip().lower() for name in names]
    twice = sorted({name for name in plain if plain.count(name) > 1})
    if twice:
        raise DatasetError(
            f"has several columns {shorten(twice[0])!r}", where=path, hint="keep one of them"
        )
    if not columns or not len(columns[0]):
        raise DatasetError(
            "has no rows", where=path, hint="write a row for each pair under the header"
        )
    return TableFile(path, dict(zip(plain, columns, strict=True)), lines)


def shorten(text: str) -> str:
    """Text from a stranger's file, short enough for an error message."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


_Columns = tuple[Sequence[str], list[Sequence[object]], npt.NDArray[np.intp] | None]


def _read_csv(path: Path) -> _Columns:
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            separator = max(_SEPARATORS, key=first.count)
            file.seek(0)
            reader = csv.reader(file, delimiter=separator, strict=True, skipinitialspace=True)
            for cells in reader:
                if not cells:
                    continue
                rows.append(cells)
                lines.append(reader.line_num)
                if len(cells) != len(rows[0]):
                    raise DatasetError(
                        f"has {len(cells)} cells, the header has {len(rows[0])}",
                        where=f"{path}, line {reader.line_num}",
                        hint="correct the line; a cell that holds the separator needs quotes",
                    )
    except (csv.Error, UnicodeDecodeError) as error:
        raise DatasetError(
            f"is neither a Parquet file nor CSV text in UTF-8: {error}",
            where=path,
            hint="write the table again",
        ) from None
    header = rows[0] if rows else []
    return header, [*zip(*rows[1:], strict=True)], np.array(lines[1:], dtype=np.intp)


def _read_parquet(path: Path) -> _Columns:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Not read_table: that takes folders called a=b for columns.
        with pq.ParquetFile(path) as file:
            table = file.read()
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(
            f"cannot be read as Parquet: {error}", where=path, hint="write the table again"
        ) from None
    return table.column_names, [column.to_pylist() for column in table.columns], None


def _text(cell: object) -> str:
    """A cell as a name: without spaces around it, whole numbers without a point."""
    if not isinstance(cell, str | int | float):
        raise TypeError(type(cell).__name__)
    if isinstance(cell, float):
        if math.isnan(cell):  # it names nothing
            raise ValueError(cell)
        cell = int(cell) if cell.is_integer() else cell
    return str(cell).strip()


def _plain(cell: object) -> str:
    return _text(cell).lower()


def _flag(cell: object) -> bool:
    return FLAGS[_plain(cell)]


def _number(cell: object) -> float:
    if not isinstance(cell, str | int | float):
        raise TypeError(type(cell).__name__)
    number = float(cell)
    if not math.isfinite(number):
        raise ValueError(cell)
    return number
