"""How the commands speak: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
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
