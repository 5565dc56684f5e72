"""Backbones of other packages: facts and weights, found by an entry point."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from facebone.backbones.base import Backbone, BackboneSpec
from facebone.backbones.runtimes import RUNTIMES
from facebone.plugin_checks import called_with
from facebone.plugins import Plugin
from facebone.registry import Registry

PluggedBackbone = Callable[[], tuple[BackboneSpec, Path]]
"""What an entry point of ``facebone.backbones`` names: the facts, and where the weights are to be.

The runtime that the facts name loads them: one of FaceBone's, or one that the same package brings
as an entry point of ``facebone.runtimes``. A backbone without weights names the file of its code.
"""


class Backbones(Registry[PluggedBackbone]):
    """Backbones of other packages by name; those of the zoo are names of its own.

    Args:
        zoo: the names that are taken.
    """

    def __init__(self, zoo: Callable[[], Iterable[str]]) -> None:
        super().__init__("backbone", group="facebone.backbones", check=called_with())
        self._zoo = zoo

    def own_names(self) -> tuple[str, ...]:
        """Names of the zoo's own."""
        return tuple(sorted(self._zoo()))

    def names(self) -> tuple[str, ...]:
        """Names of other packages' backbones alone."""
        return tuple(sorted({*super().names()} - {*self.own_names()}))

    def describe(self, name: str) -> tuple[BackboneSpec, Path]:
        """The facts of a backbone and where its weights are.

        Raises:
            UnknownNameError: no such backbone.
            PluginError: it cannot be used.
        """
        describe, plugin = self.get(name), self._plugins()[name]
        try:
            found = describe()
        except Exception as error:
            what = " ".join(f"{type(error).__name__}: {error}".split())
            raise plugin.refuse(f"cannot be described: {what}") from error
        if not (
            isinstance(found, tuple)
            and len(found) == 2
            and isinstance(found[0], BackboneSpec)
            and isinstance(found[1], Path)
        ):
            raise plugin.refuse("must return a BackboneSpec and a pathlib.Path")
        if found[0].name != name:
            raise plugin.refuse(f"calls itself {found[0].name!r}: both must be one name")
        return found

    def stamp(self, backbone: Backbone) -> None:
        """Let a backbone's hash name also the code of the packages that make its embeddings."""
        spec = backbone.spec
        used: list[Plugin] = [
            plugin
            for registry, name in ((self, spec.name), (RUNTIMES, spec.runtime))
            for plugin in registry.plugins()
            if plugin.name == name and name not in registry.own_names()
        ]
        if used:
            words = [backbone.weights_hash, *(plugin.fingerprint() for plugin in used)]
            backbone.weights_hash = hashlib.sha256(" ".join(words).encode()).hexdigest()
