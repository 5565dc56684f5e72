"""`facebone plugins`: parts that other packages bring, and whether they keep the contract."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facebone.commands import options
from facebone.commands.console import note, print_columns, print_json

if TYPE_CHECKING:
    from facebone.plugins import Plugin

EXAMPLES = """
**Examples**

`facebone plugins`

`facebone plugins --check loss_density`

`facebone plugins --check manifest --root people.csv`
"""


def plugins(
    check: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Run the contract tests of the plug-in of this name."),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="With --check: a setting that makes it quick. May repeat."),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(help="With --check of a data set: an example of it with a few pictures."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """List the parts that other packages bring, or check one; see docs/add-a-part.md."""
    from facebone.errors import UsageError
    from facebone.testing.found import named

    if check is None:
        if setting or root is not None:
            raise UsageError("--set and --root go with --check", hint="name a plug-in to check")
        _list(as_json)
        return
    if as_json:
        raise UsageError("--json does not go with --check", hint="leave one out")
    for plugin in named(check):
        _check(plugin, setting or [], root)


def _list(as_json: bool) -> None:
    from facebone.testing.found import find

    found = list(find())
    if as_json:
        print_json(
            [
                {
                    "kind": one.kind,
                    "group": one.plugin.group,
                    "name": one.plugin.name,
                    "package": one.plugin.package,
                    "version": one.plugin.version,
                    "problem": one.problem,
                }
                for one in found
            ]
        )
        return
    if not found:
        note("no installed package brings parts; docs/add-a-part.md says how one does")
        return
    rows = [("KIND", "NAME", "PACKAGE", "VERSION", "STATE")]
    for one in found:
        plugin = one.plugin
        state = "ready" if one.used else "refused"
        rows.append((one.kind, plugin.name, plugin.package, plugin.version, state))
    print_columns(rows)
    for one in found:
        if one.problem is not None:
            note(one.problem)


def _check(plugin: Plugin, words: list[str], root: Path | None) -> None:
    from facebone.settings import parse_words
    from facebone.testing.contract import ContractError
    from facebone.testing.found import checked_with, checks_of

    settings = parse_words(words, where="--set")
    checks = checks_of(plugin, settings=settings, root=root)
    if not checks:
        note(f"{plugin.group} {plugin.name} is checked with {checked_with(plugin)}")
        return
    for check in checks:
        try:
            check()
        except ContractError as error:
            raise plugin.refuse(f"breaks the contract: {check.name}: {error.why}") from error
        note(f"holds: {check.name}")
    typer.echo(f"{checks[0].part} from {plugin.source} keeps the contract: {len(checks)} checks")
