"""Plug-ins as they were found: which can be used, and the checks of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from facebone.attacks.attack import REGISTRIES
from facebone.errors import MissingPartError, PluginError, UnknownNameError, UsageError
from facebone.plugins import GROUPS, Plugin, find_plugins, name_problem
from facebone.registry import Registry
from facebone.testing.contract import Check

_REGISTRIES = {
    "facebone.backbones": "facebone.backbones.zoo:BACKBONES",
    "facebone.runtimes": "facebone.backbones.runtimes:RUNTIMES",
    "facebone.datasets": "facebone.data.dataset:DATASETS",
    "facebone.heads": "facebone.verification.heads:HEADS",
    "facebone.adaptations": "facebone.verification.heads:ADAPTATIONS",
    "facebone.composed_heads": "facebone.verification.heads:COMPOSED",
    "facebone.defences": "facebone.mitigations.base:MITIGATIONS",
    **{f"facebone.attacks.{goal}": path for goal, path in REGISTRIES.items()},
}
"""Where the parts of each group are asked for."""

_CHECKED_WITH = {
    "facebone.runtimes": "the backbones that it runs",
    "facebone.composed_heads": "the defence that composes it",
}
"""Parts that have no contract of their own."""


@dataclass(frozen=True, slots=True)
class Found:
    """A plug-in, and whether it can be used.

    Args:
        plugin: name and package.
        problem: why it cannot be used, in one line; None where it can.
    """

    plugin: Plugin
    problem: str | None

    @property
    def kind(self) -> str:
        """What it is, such as ``attack``."""
        return GROUPS.get(self.plugin.group, "unknown")

    @property
    def used(self) -> bool:
        """Whether it can be used."""
        return self.problem is None


def find() -> Iterator[Found]:
    """Every plug-in that is installed, imported to see whether it can be used."""
    for plugin in find_plugins():
        try:
            load(plugin)
        except PluginError as error:
            yield Found(plugin, str(error))
        else:
            yield Found(plugin, None)


def load(plugin: Plugin) -> Any:
    """What it offers.

    Raises:
        PluginError: it cannot be used.
    """
    if plugin.group not in _REGISTRIES:
        raise plugin.refuse(name_problem(plugin) or "stands in a group that nobody reads")
    part = registry_of(plugin).check_plugin(plugin)
    if plugin.group == "facebone.backbones":
        from facebone.backbones.zoo import BACKBONES

        BACKBONES.describe(plugin.name)
    return part


def registry_of(plugin: Plugin) -> Registry[Any]:
    """Where parts of its group are asked for."""
    module, _, attribute = _REGISTRIES[plugin.group].partition(":")
    registry: Registry[Any] = getattr(import_module(module), attribute)
    return registry


def named(name: str) -> list[Plugin]:
    """The plug-ins of this name: one package may offer a backbone and the runtime that runs it.

    Raises:
        UnknownNameError: there is none; the error carries the nearest name.
    """
    found = [plugin for plugin in find_plugins() if plugin.name == name]
    if not found:
        raise UnknownNameError("plug-in", name, {plugin.name for plugin in find_plugins()})
    return found


def checks_of(
    plugin: Plugin, *, settings: Mapping[str, Any] | None = None, root: Path | None = None
) -> list[Check]:
    """The contract of a plug-in; of some parts, which are checked with others, there is none.

    Args:
        plugin: which one.
        settings: names and plain values that make it quick.
        root: an example of a data set.

    Raises:
        PluginError: it cannot be used at all.
        UsageError: settings or a root that it does not take.
    """
    from facebone.testing import parts

    part, group = load(plugin), plugin.group
    if settings and group in ("facebone.backbones", "facebone.datasets", *_CHECKED_WITH):
        raise UsageError(
            f"{GROUPS[group]} {plugin.name} has no settings", where="--set", hint="leave it out"
        )
    if root is not None and group != "facebone.datasets":
        raise UsageError(
            f"{GROUPS[group]} {plugin.name} takes no root", where="--root", hint="leave it out"
        )
    if group.startswith("facebone.attacks."):
        return parts.attack_checks(part, settings=settings)
    if group == "facebone.defences":
        return parts.defence_checks(part, settings=settings)
    if group in ("facebone.heads", "facebone.adaptations"):
        return parts.head_checks(part, settings=settings)
    if group == "facebone.datasets":
        return parts.dataset_checks(plugin.name, part, root)
    if group == "facebone.backbones":
        return _backbone_checks(plugin, part)
    return []


def checked_with(plugin: Plugin) -> str:
    """What a part without a contract of its own is checked with."""
    return _CHECKED_WITH[plugin.group]


def _backbone_checks(plugin: Plugin, part: Any) -> list[Check]:
    from facebone.testing.parts import backbone_checks

    _, path = part()
    if not path.is_file():
        raise MissingPartError(
            f"there is no {path}", where=f"backbone {plugin.name}", hint="get its weights first"
        )
    return backbone_checks(part)
