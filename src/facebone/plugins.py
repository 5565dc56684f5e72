"""Parts that other packages bring: found by their entry points, imported when they are used."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import Distribution, EntryPoint, distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from facebone.errors import PluginError

PREFIX = "facebone."

GROUPS = {
    "facebone.backbones": "backbone",
    "facebone.runtimes": "runtime",
    "facebone.datasets": "data set",
    "facebone.heads": "head",
    "facebone.adaptations": "adaptation",
    "facebone.composed_heads": "composed head",
    "facebone.defences": "mitigation",
    "facebone.attacks.membership": "attack",
    "facebone.attacks.reconstruction": "attack",
    "facebone.attacks.extraction": "attack",
    "facebone.attacks.attributes": "attack",
    "facebone.attacks.linkage": "attack",
}
"""Groups of entry points, and what an entry of each is called in errors."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
"""What a command can name: no character of it means something in specs such as NAME:SETTING=1."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """One entry point of one package.

    Args:
        group: of `GROUPS`, or one that nobody reads.
        name: of the part.
        package: name of the distribution that offers it.
        version: of the distribution.
        entry: imports the part.
    """

    group: str
    name: str
    package: str
    version: str
    entry: EntryPoint = field(repr=False, compare=False)

    @property
    def source(self) -> str:
        """The package, in words."""
        return f"package {self.package} {self.version}"

    def load(self) -> Any:
        """Import the part.

        Raises:
            PluginError: its package fails when it is imported, or holds nothing of that name.
        """
        try:
            return self.entry.load()
        except (Exception, SystemExit) as error:  # whatever a stranger's module does
            what = " ".join(f"{type(error).__name__}: {error}".split())
            raise self.refuse(f"cannot be imported: {what}") from error

    def refuse(self, why: str) -> PluginError:
        """The error that says why it cannot be used."""
        kind = GROUPS.get(self.group, "plug-in")
        return PluginError(
            f"from {self.source} {why}",
            where=f"{kind} {self.name}",
            hint="mend or uninstall that package",
        )

    def fingerprint(self) -> str:
        """Version and code of the package it comes from, as a hash, without importing it."""
        return _fingerprint(self.package, self.version, self.entry.module.partition(".")[0])


def find_plugins() -> tuple[Plugin, ...]:
    """All entry points whose group begins like ours, by group, name and package."""
    return _find(tuple(sys.path))


@cache
def _find(path: tuple[str, ...]) -> tuple[Plugin, ...]:
    """See `find_plugins`; what is installed is looked up once for each search path."""
    del path  # `distributions` reads it itself
    found: dict[str, list[Plugin]] = {}
    for distribution in distributions():
        plugins = _offered(distribution)
        if plugins:
            # Of one package that lies in two places of the path, the first is imported.
            found.setdefault(plugins[0].package, plugins)
    every = (plugin for plugins in found.values() for plugin in plugins)
    return tuple(sorted(every, key=lambda one: (one.group, one.name, one.package)))


def _offered(distribution: Distribution) -> list[Plugin]:
    """What a package offers; nothing where its metadata is damaged."""
    try:
        entries = [one for one in distribution.entry_points if one.group.startswith(PREFIX)]
        if not entries:
            return []
        name, version = str(distribution.name), str(distribution.version)
    except Exception:  # noqa: BLE001 - the metadata of a stranger, who may have no plug-in at all
        return []
    return [Plugin(entry.group, entry.name, name, version, entry) for entry in entries]


def name_problem(plugin: Plugin) -> str | None:
    """Why nobody could ask for a part of this name or group, or None."""
    if plugin.group not in GROUPS:
        return f"stands in the group {plugin.group}; groups: {', '.join(GROUPS)}"
    if not _NAME.fullmatch(plugin.name):
        return "needs a name of letters, digits and underscores that begins with a letter"
    return None


def named_in(text: str) -> Iterator[Plugin]:
    """The plug-ins whose names stand in a text as whole words."""
    for plugin in find_plugins():
        if re.search(rf"(?<!\w){re.escape(plugin.name)}(?!\w)", text):
            yield plugin


_MET: dict[str, None] = {}


def remember(problem: PluginError) -> None:
    """Keep what is wrong with a plug-in that was passed over, for whoever tells the user."""
    _MET[str(problem)] = None


def passed_over() -> list[str]:
    """What was remembered, each problem once and a line; then it is forgotten."""
    lines = list(_MET)
    _MET.clear()
    return lines


@cache
def _fingerprint(package: str, version: str, module: str) -> str:
    digest = hashlib.sha256(f"{package}\0{version}\0{module}".encode())
    for path in _sources(module):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _sources(module: str) -> list[Path]:
    """The Python files of a top-level module or package."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    folders = list(spec.submodule_search_locations or ())
    if not folders:
        return [Path(spec.origin)] if spec.origin and Path(spec.origin).is_file() else []
    return sorted(path for folder in folders for path in Path(folder).rglob("*.py"))
