"""`facebone report`: the page of an audit, made again from its files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """
**Example** `facebone report runs/first`
"""


def report(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder that `facebone audit` wrote.")
    ],
) -> None:
    """Make report.html from the audit.json and scores.parquet of an audit, and name its path."""
    from facebone.audit.report.page import write_report

    typer.echo(str(write_report(folder)))
