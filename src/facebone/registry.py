"""Names for parts: one small registry class, used by every kind of part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any, Generic, TypeVar

from facebone.errors import PluginError, UnknownNameError, UsageError
from facebone.plugins import Plugin, find_plugins, name_problem, remember

T = TypeVar("T")

Check = Callable[[str, Any], str | None]
"""Says of a name and what a plug-in offers under it why it is no such part, or None."""


class Registry(Generic[T]):
    """Maps names to parts of one kind.

    A part may be registered as a reference, ``"package.module:attribute"``, which is imported on
    first use: listing what there is stays quick and loads no heavy library. Parts of other packages
    are found by their entry points; what was registered here goes before them.

    Args:
        kind: what a name stands for, in the singular, for error messages.
        group: of entry points that bring more parts; none does by default.
        check: what a part of another package must be.
        rivals: references to registries whose names are asked for in the same place.
    """

    def __init__(
        self,
        kind: str,
        *,
        group: str | None = None,
        check: Check = lambda _name, _part: None,
        rivals: Iterable[str] = (),
    ) -> None:
        self.kind = kind
        self.group = group
        self._check = check
        self._rivals = tuple(rivals)
        self._parts: dict[str, T | str] = {}
        self._loaded: dict[Plugin, T] = {}

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
            PluginError: another package offers it, and it cannot be used.
        """
        if name in self._parts:
            part = self._parts[name]
            if isinstance(part, str):
                part = self._parts[name] = _resolve(part)
            return part
        plugin = self._plugins().get(name)
        if plugin is None:
            raise UnknownNameError(self.kind, name, self.names())
        return self._load(plugin)

    def names(self) -> tuple[str, ...]:
        """All names, sorted: those of other packages too, whether or not they can be imported."""
        offered = [name for name, one in self._plugins().items() if self.clash(one) is None]
        return tuple(sorted({*self._parts, *offered}))

    def own_names(self) -> tuple[str, ...]:
        """Names that no other package brings, sorted."""
        return tuple(sorted(self._parts))

    def usable(self) -> Iterator[tuple[str, T]]:
        """Names and parts; one of another package that cannot be used is remembered and left out.

        See `facebone.plugins.passed_over`.
        """
        for name in self.names():
            try:
                part = self.get(name)
            except PluginError as error:
                remember(error)
                continue
            yield name, part

    def plugins(self) -> tuple[Plugin, ...]:
        """What other packages offer, including what cannot be used."""
        if self.group is None:
            return ()
        return tuple(plugin for plugin in find_plugins() if plugin.group == self.group)

    def clash(self, plugin: Plugin) -> str | None:
        """Why its name alone makes a plug-in useless: it is taken, or two packages offer it."""
        if self._is_own(plugin.name):
            return "has a name that FaceBone itself uses"
        for other in (one for rival in self._all() for one in rival.plugins()):
            if other.name == plugin.name and other != plugin:
                return f"has a name that {other.source} offers too"
        return name_problem(plugin)

    def check_plugin(self, plugin: Plugin) -> T:
        """Import a plug-in of this kind.

        Raises:
            PluginError: it cannot be used; the error says why.
        """
        why = self.clash(plugin)
        if why is not None:
            raise plugin.refuse(why)
        return self._load(plugin)

    def __contains__(self, name: object) -> bool:
        return name in self._parts or name in self._plugins()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self.names())

    def _plugins(self) -> dict[str, Plugin]:
        """By name; of several that offer one name any, which `clash` will refuse."""
        return {plugin.name: plugin for plugin in self.plugins() if not self._is_own(plugin.name)}

    def _all(self) -> list[Registry[Any]]:
        """Those whose names are asked for in one place, this among them."""
        return [self, *(_resolve(one) for one in self._rivals)]

    def _is_own(self, name: str) -> bool:
        return any(name in registry.own_names() for registry in self._all())

    def _load(self, plugin: Plugin) -> T:
        if plugin in self._loaded:
            return self._loaded[plugin]
        why = self.clash(plugin)
        if why is not None:
            raise plugin.refuse(why)
        part: T = plugin.load()
        try:
            why = self._check(plugin.name, part)
        except Exception as error:  # noqa: BLE001 - what a stranger's class does when looked at
            why = f"cannot be looked at: {type(error).__name__}: {error}"
        if why is not None:
            raise plugin.refuse(why)
        self._loaded[plugin] = part
        return part


def _resolve(reference: str) -> Any:
    module, _, attribute = reference.partition(":")
    return getattr(import_module(module), attribute)
