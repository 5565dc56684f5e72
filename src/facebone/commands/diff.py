"""`facebone diff`: two audits, before and after."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facebone.commands import options
from facebone.commands.console import note, print_columns, print_json

if TYPE_CHECKING:
    from facebone.audit.compare import Change, Comparison
    from facebone.audit.schema import E

EXAMPLES = """
**Example** `facebone diff runs/before runs/after`
"""


def diff(
    before: Annotated[
        Path, typer.Argument(metavar="DIR1", help="Folder that `facebone audit` wrote.")
    ],
    after: Annotated[Path, typer.Argument(metavar="DIR2", help="Another such folder.")],
    as_json: options.Json = False,
) -> None:
    """Compare two audits, targets matched by name. Exit code 0 whatever the difference."""
    from facebone.audit.artefacts import read_audit
    from facebone.audit.compare import compare

    found = compare(read_audit(before), read_audit(after))
    for warning in found.warnings:
        note(f"warning: {warning}")
    if as_json:
        print_json(found.to_json())
    elif found.same:
        typer.echo("no difference")
    else:
        _show(found)


def _show(found: Comparison) -> None:
    rows: list[tuple[str, ...]] = [("TARGET", "FIGURE", "BEFORE", "AFTER", "CHANGE", "VERDICT")]
    for target in found.targets:
        rows += [_row(target.name, change) for change in target.changes]
    rows += [(name, "", "in DIR1 only", "", "", "") for name in found.only_before]
    rows += [(name, "", "", "in DIR2 only", "", "") for name in found.only_after]
    print_columns(rows)
    for target in found.targets:
        one, two = target.strongest
        was = f"{one} before, {two} after" if one != two else one
        note(f"{target.name}: strongest attack {was}")
        for line in target.settings:
            note(f"{target.name}: {line}")
        for names, folder in ((target.only_before, "DIR1"), (target.only_after, "DIR2")):
            if names:
                note(f"{target.name}: in {folder} only: {', '.join(names)}")


def _row(target: str, change: Change) -> tuple[str, ...]:
    moved = "" if change.difference is None else f"{change.difference:+.4f}"
    figures = (_figure(change.before), _figure(change.after))
    return target, change.figure, *figures, moved, change.verdict.value


def _figure(figure: E) -> str:
    from facebone.audit.schema import Interval

    if isinstance(figure, Interval):
        return f"{figure.value:.4f} [{figure.low:.4f}, {figure.high:.4f}]"
    return "refused"
