"""Names for parts: one small registry class, used by every kind of part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Generic, TypeVar

from facebone.errors import UnknownNameError, UsageError

T = TypeVar("T")


class Registry(Generic[T]):
    """Maps names to parts of one kind.

    A part may be registered as a reference, ``"package.module:attribute"``, which is imported on
    first use: listing what there is stays quick and loads no heavy library.

    Args:
        kind: what a name stands for, in the singular, for error messages.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._parts: dict[str, T | str] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers what it decorates under `name`."""

        def decorate(part: T) -> T:
            self.add(name, part)
            return part

        return decorate

    def add(self, name: str, part: T | str) -> None:
        """Register a part, or a reference to one, under `name`.

        Raises:
            UsageError: the name is taken.
        """
        if name in self._parts:
            raise UsageError(f"{self.kind} {name!r} is already registered", hint="choose another")
        self._parts[name] = part

    def get(self, name: str) -> T:
        """Return the part called `name`.

        Raises:
            UnknownNameError: no part has that name; the error carries the nearest one.
        """
        try:
            part = self._parts[name]
        except KeyError:
            raise UnknownNameError(self.kind, name, self._parts) from None
        if isinstance(part, str):
            module, _, attribute = part.partition(":")
            resolved: T = getattr(import_module(module), attribute)
            self._parts[name] = resolved
            return resolved
        return part

    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted(self._parts))

    def __contains__(self, name: object) -> bool:
        return name in self._parts

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self._parts)
