"""Settings of parts: checked values, and how words of a command become settings."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from facebone.errors import UnknownNameError, UsageError


@dataclass(frozen=True, slots=True)
class NoSettings:
    """For a part that has nothing to set."""


S = TypeVar("S")


def parse_settings(kind: type[S], given: Mapping[str, Any], *, owner: str) -> S:
    """Settings of type `kind` from names and plain values, as a command or a file gives them.

    Args:
        kind: a frozen dataclass that checks its own values.
        given: names and values; what is not named keeps its default, a list becomes a tuple.
        owner: what they are settings of, for error messages, such as ``head mlp``.

    Raises:
        UnknownNameError: a name that is no setting of this part.
        UsageError: a value is of the wrong type or out of range.
    """
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for name in given:
        if name not in known:
            raise UnknownNameError(f"setting of {owner}", str(name), known)
    values = {
        name: tuple(value) if isinstance(value, list) else value for name, value in given.items()
    }
    return kind(**values)


def parse_value(word: str) -> Any:
    """The value that a word of a command stands for: JSON where it is, a list by ``+``, or a word.

    ``30`` and ``0.5`` are numbers, ``true`` is a flag, ``tiny_plain+tiny_wide`` a list of words.
    """
    try:
        return json.loads(word)
    except json.JSONDecodeError:
        return [parse_value(part) for part in word.split("+")] if "+" in word else word


def parse_words(words: Iterable[str], *, where: str) -> dict[str, Any]:
    """``NAME=VALUE`` words as a dictionary, values read by `parse_value`.

    Raises:
        UsageError: a word without ``=``, or a name given twice.
    """
    settings: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError(f"must look like NAME=VALUE, got {word!r}", where=where)
        if name in settings:
            raise UsageError(f"{name} is given twice", where=where)
        settings[name] = parse_value(value)
    return settings


def parse_spec(spec: str, *, where: str) -> tuple[str, dict[str, Any]]:
    """Name and settings of a part from ``NAME`` or ``NAME:SETTING=VALUE,SETTING=VALUE``.

    Raises:
        UsageError: it does not look like that.
    """
    name, colon, rest = spec.partition(":")
    if not name or (colon and not rest):
        raise UsageError(f"must look like NAME or NAME:SETTING=VALUE, got {spec!r}", where=where)
    return name, parse_words(rest.split(",") if rest else (), where=f"{where} {name}")


def format_spec(name: str, settings: Mapping[str, Any]) -> str:
    """``NAME:SETTING=VALUE,..`` that `parse_spec` reads as this name and these settings.

    Args:
        name: of the part.
        settings: plain values without commas: numbers, flags, words, lists of these.
    """
    words = [f"{key}={format_value(value)}" for key, value in settings.items()]
    return name + ":" * bool(words) + ",".join(words)


def format_value(value: Any) -> str:
    """The word that `parse_value` reads as `value`: a list of several by ``+``, without commas."""
    if isinstance(value, list | tuple) and len(value) > 1:
        return "+".join(format_value(one) for one in value)
    if isinstance(value, str) and parse_value(value) == value:
        return value
    return json.dumps(value, separators=(",", ":"))


def plain(value: Any) -> Any:
    """`value` as JSON gives it back: tuples become lists."""
    if isinstance(value, dict):
        return {str(name): plain(inner) for name, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value


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


def check_word(name: str, value: object, words: Sequence[str]) -> None:
    """Refuse what is none of the words.

    Raises:
        UsageError: it is none.
    """
    if value not in words:
        raise UsageError(f"must be one of {', '.join(words)}, got {value!r}", where=name)
