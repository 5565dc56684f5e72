"""What can be told of another package's part by looking at it, before it is used."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any

Check = Callable[[str, Any], str | None]
"""See `facebone.registry.Check`."""


def subclass_of(base: type, *facts: str) -> Check:
    """A check that a part is a class that can be made, and that says what it is.

    Args:
        base: what it must be derived from.
        facts: attributes that `base` leaves to it, besides its name.
    """

    def check(name: str, part: Any) -> str | None:
        if not (isinstance(part, type) and issubclass(part, base)):
            return f"is no class derived from {base.__module__}.{base.__qualname__}"
        if missing := sorted(getattr(part, "__abstractmethods__", ())):
            return f"lacks the method {missing[0]}"
        if lacking := [fact for fact in ("name", *facts) if not hasattr(part, fact)]:
            return f"lacks the attribute {lacking[0]}"
        own = getattr(part, "name", None)
        if own != name:
            return f"calls itself {own!r}, and its entry point {name!r}: both must be one name"
        if not is_dataclass(getattr(part, "settings_type", None)):
            return "has a settings_type that is no dataclass"
        return None

    return check


def called_with(*arguments: str, **named: Any) -> Check:
    """A check that a part can be called with such arguments.

    Args:
        arguments: what stands in each place, in words.
        named: those given by name.
    """

    def check(_name: str, part: Any) -> str | None:
        wanted = ", ".join((*arguments, *(f"{name}=.." for name in named)))
        if not callable(part):
            return f"is no function, but a {type(part).__name__}; it is called with ({wanted})"
        try:
            inspect.signature(part).bind(*arguments, **named)
        except TypeError as error:
            return f"cannot be called with ({wanted}): {error}"
        return None

    return check
