"""Options from a TOML file: a file may give any option of a command by its long name."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import typer

from facebone.errors import DatasetError, UnknownNameError, UsageError


def read_config(context: typer.Context, path: Path | None) -> Path | None:
    """Make the values of a TOML file the defaults of the command's other options.

    An option given on the command line comes before the file. Names are those of the options
    without the dashes in front, such as ``fail-above``; an option that may repeat takes a list.

    Raises:
        DatasetError: the file cannot be read, or is no TOML.
        UnknownNameError: a name that is no option of the command.
        UsageError: a value that no option can have.
    """
    if path is None:
        return None
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise DatasetError(f"cannot be read: {reason}", where=path) from None
    except tomllib.TOMLDecodeError as error:
        raise DatasetError(f"is no TOML: {error}", where=path) from None
    known = {
        option.lstrip("-"): parameter
        for parameter in context.command.params
        for option in parameter.opts
        if option.startswith("--") and option not in ("--config", "--help")
    }
    defaults: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise UnknownNameError(f"option in {path}", name, known)
        parameter = known[name]
        several = parameter.nargs != 1 or getattr(parameter, "multiple", False)
        if isinstance(value, dict) or (isinstance(value, list) and not several):
            raise UsageError(f"must be one value, got {value!r}", where=f"{path}, {name}")
        items = value if isinstance(value, list) else [value]
        # Words, as on a command line, so that both are read and refused alike; a flag stays a flag.
        words = [item if isinstance(item, bool) else str(item) for item in items]
        defaults[str(parameter.name)] = words if several else words[0]
    context.default_map = defaults
    return path
