"""`facebone report`: the page of an audit, made again from its files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """
**Example** `facebone report runs/first`, and for readers who must see no faces
`facebone report runs/first --no-pictures`
"""


def report(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder that `facebone audit` wrote.")
    ],
    pictures: Annotated[
        bool,
        typer.Option(
            "--pictures/--no-pictures",
            help="Show the faces of those most at risk, where the audit kept them, or names alone.",
        ),
    ] = True,
) -> None:
    """Make report.html from the audit.json and scores.parquet of an audit, and name its path."""
    from facebone.audit.report.page import write_report

    typer.echo(str(write_report(folder, pictures=pictures)))
