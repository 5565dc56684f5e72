"""How the commands speak: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Sequence

import typer


def note(text: str) -> None:
    """A line for people, on stderr."""
    typer.echo(text, err=True)


def print_json(value: object) -> None:
    """A JSON document on stdout, and nothing else there."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_columns(rows: Iterable[Sequence[str]]) -> None:
    """Rows in aligned columns on stdout; plain text, fit for a pipe."""
    table = [list(row) for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        typer.echo("  ".join(cells).rstrip())


def print_records(heads: Sequence[str], records: Sequence[Sequence[str]]) -> None:
    """One line a record in aligned columns; on a terminal that is too narrow one line a cell.

    The first cell of a record names it.
    """
    rows = [heads, *records]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    wide = sum(widths) + 2 * (len(widths) - 1)
    if not sys.stdout.isatty() or wide <= shutil.get_terminal_size().columns:
        print_columns(rows)
        return
    for record in records:
        typer.echo(record[0])
        print_columns(("", *line) for line in zip(heads[1:], record[1:], strict=True))
