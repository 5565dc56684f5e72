"""Settings of heads: checked values, and from a table of a configuration to settings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from facebone.errors import UnknownNameError, UsageError


@dataclass(frozen=True, slots=True)
class NoSettings:
    """For a head that has nothing to set."""


S = TypeVar("S")


def parse_settings(kind: type[S], given: Mapping[str, Any], *, head: str) -> S:
    """Settings of type `kind` from names and plain values, as a command or a file gives them.

    Args:
        kind: a frozen dataclass that checks its own values.
        given: names and values; what is not named keeps its default, a list becomes a tuple.
        head: name of the head, for error messages.

    Raises:
        UnknownNameError: a name that is no setting of this head.
        UsageError: a value is of the wrong type or out of range.
    """
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for name in given:
        if name not in known:
            raise UnknownNameError(f"setting of the head {head!r}", str(name), known)
    values = {
        name: tuple(value) if isinstance(value, list) else value for name, value in given.items()
    }
    return kind(**values)


def check_integer(name: str, value: object, *, low: int) -> None:
    """Refuse what is not an integer of at least `low`.

    Raises:
        UsageError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise UsageError(f"must be an integer of at least {low}, got {value!r}", where=name)


def check_number(
    name: str, value: object, *, low: float, high: float = math.inf, low_open: bool = False
) -> None:
    """Refuse what is not a finite number in [low, high), or (low, high) with `low_open`.

    Raises:
        UsageError: it is not.
    """
    right_type = isinstance(value, int | float) and not isinstance(value, bool)
    number = float(value) if isinstance(value, int | float) else math.nan
    inside = (number > low if low_open else number >= low) and number < high
    if not (right_type and inside):
        rule = f"{'more than' if low_open else 'at least'} {low:g}"
        if math.isfinite(high):
            rule += f" and less than {high:g}"
        raise UsageError(f"must be a number of {rule}, got {value!r}", where=name)


def check_flag(name: str, value: object) -> None:
    """Refuse what is neither true nor false.

    Raises:
        UsageError: it is not.
    """
    if not isinstance(value, bool):
        raise UsageError(f"must be true or false, got {value!r}", where=name)
