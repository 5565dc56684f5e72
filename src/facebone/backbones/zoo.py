"""The zoo: every backbone by name, where its weights are, and what to do if they are not here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from facebone.backbones.added import AddedBackbone, read_added, write_added
from facebone.backbones.base import Backbone, BackboneSpec
from facebone.backbones.cut_name import parse_cut
from facebone.backbones.dlib_backend import INSTALL, is_installed, packaged_file
from facebone.backbones.plugged import Backbones
from facebone.backbones.runtimes import RUNTIMES, SUFFIXES, Settings
from facebone.backbones.specs import ASSET_SPECS, DLIB_SPEC, PUBLISHED_SPECS
from facebone.backbones.views import ViewedBackbone, parse_view, seen
from facebone.backbones.weights import check_hash
from facebone.config import ASSETS_VARIABLE, assets_folder, home_folder
from facebone.data.hashes import file_sha256
from facebone.errors import MissingPartError, PluginError, UnknownNameError, UsageError
from facebone.plugins import remember

Origin = Literal["shipped", "assets", "extra", "published", "added", "plug-in"]

WAYS_TO_A_REAL_BACKBONE = (
    f"two ways to a real backbone: {INSTALL} and --backbone dlib, or weights you have or pull: "
    f"'facebone backbones pull iresnet100-73e07ba7', or {ASSETS_VARIABLE} set to a folder that "
    "holds weights/"
)


@dataclass(frozen=True, slots=True)
class ZooEntry:
    """A backbone and where its weights are.

    Args:
        spec: the facts.
        origin: ``shipped`` with the package, in the ``assets`` folder, in the package index as an
            ``extra``, ``published`` on the web, ``added`` by the user, or a ``plug-in`` of another
            package.
        path: where the weights are or will be, or None where that is not known.
        missing: what is missing before it can be used, or None if nothing is.
    """

    spec: BackboneSpec
    origin: Origin
    path: Path | None
    missing: str | None

    @property
    def ready(self) -> bool:
        """Whether it can be loaded now."""
        return self.missing is None

    def require_path(self) -> Path:
        """The weights.

        Raises:
            MissingPartError: they are not here; the error names the ways to a real backbone.
        """
        if self.missing is not None or self.path is None:
            raise MissingPartError(
                self.missing or "has no weights here",
                where=self.spec.name,
                hint=WAYS_TO_A_REAL_BACKBONE,
            )
        return self.path


class Zoo:
    """All backbones there are, as things stand when it is made.

    Raises:
        UsageError: FACEBONE_ASSETS is set to something that is not a folder.
        StorageError: the file of added backbones is damaged.
    """

    def __init__(self) -> None:
        self._entries: dict[str, ZooEntry] = {}
        for entry in _own():
            self._entries[entry.spec.name] = entry

    def __iter__(self) -> Iterator[ZooEntry]:
        """The entries: shipped ones, assets, dlib, published, added, those of other packages.

        One of another package that cannot be used is remembered and left out, see
        `facebone.plugins.passed_over`.
        """
        yield from self._entries.values()
        for name in BACKBONES.names():
            try:
                yield _plugged(name)
            except PluginError as error:
                remember(error)

    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted({*self._entries, *BACKBONES.names()}))

    def get(self, name: str) -> ZooEntry:
        """The entry called `name`.

        Raises:
            UnknownNameError: there is none; the error carries the nearest name.
        """
        if name in self._entries:
            return self._entries[name]
        if name in BACKBONES:
            return _plugged(name)
        raise UnknownNameError("backbone", name, self.names())

    def find(self, name_or_path: str | os.PathLike[str]) -> ZooEntry:
        """The entry of a name, or of a weights file that is known or was described.

        Either may be followed by a view, see `facebone.backbones.views`.

        Raises:
            UnknownNameError: no backbone has that name.
            UsageError: no such file, or one that was never described, or described several times.
        """
        text = os.fspath(name_or_path)
        if text in self._entries or text in BACKBONES:
            return self.get(text)
        path = Path(text).expanduser()
        if not path.exists() and (parsed := parse_view(text)):
            entry = self.find(parsed[0])
            return replace(entry, spec=seen(entry.spec, parsed[1]))
        looks_like_path = path.name != text or path.suffix.lower() in SUFFIXES or path.exists()
        if not looks_like_path:
            return self.get(text)
        if not path.is_file():
            raise UsageError("no such weights file", where=path, hint="correct the path")
        wanted = path.resolve()
        found = [
            entry for entry in self if entry.path is not None and entry.path.resolve() == wanted
        ]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(entry.spec.name for entry in found)
            raise UsageError(f"is described as {names}", where=path, hint="give one of the names")
        raise UsageError(
            "was never described: its input, preparation and licence are not known",
            where=path,
            hint=f"describe it once with 'facebone backbones add {path}'",
        )

    def add(self, path: Path, spec: BackboneSpec, *, trust: bool = False) -> ZooEntry:
        """Describe a weights file, so that its name or path can be used from now on.

        The file stays where it is. It is loaded and embeds one grey picture first: a description
        that does not fit is refused. A name that was added before is described anew.

        Args:
            path: the file.
            spec: the facts; `sha256` and `filename` are filled in from the file.
            trust: whether to load formats that can run any code on this machine.

        Raises:
            UsageError: no such file, or the name belongs to a backbone of FaceBone's own or of
                another package.
            WeightsError: the file does not fit the description, or has another hash.
            StorageError: the description cannot be kept.
        """
        if not path.is_file():
            raise UsageError("no such weights file", where=path, hint="correct the path")
        _check_facts(spec)
        taken = self._entries.get(spec.name)
        if spec.name in BACKBONES or (taken is not None and taken.origin != "added"):
            owner = "FaceBone's own" if taken is not None else "another package"
            raise UsageError(
                f"{spec.name!r} is a backbone of {owner}", where="name", hint="choose another"
            )
        digest = check_hash(path, spec.sha256) if spec.sha256 else file_sha256(path)
        spec = replace(spec, sha256=digest, filename=path.name)
        backbone = _load(spec, path, Settings(device="cpu", trust=trust))
        backbone.embed(np.full((1, *spec.input_size, 3), 128, dtype=np.uint8))
        others = tuple(added for added in read_added() if added.spec.name != spec.name)
        write_added((*others, AddedBackbone(path=path.resolve(), spec=spec)))
        entry = ZooEntry(spec, "added", path.resolve(), None)
        self._entries[spec.name] = entry
        return entry

    def remove(self, name: str) -> None:
        """Forget a description; the file stays.

        Raises:
            UsageError: no such name was added.
        """
        known = read_added()
        if name not in {added.spec.name for added in known}:
            raise UsageError(f"{name!r} was not added", where="name", hint="nothing to remove")
        write_added(tuple(added for added in known if added.spec.name != name))
        del self._entries[name]


def load_backbone(
    name_or_path: str | os.PathLike[str],
    *,
    device: str = "auto",
    threads: int | None = None,
    trust: bool = False,
) -> Backbone:
    """Load a backbone by its name in the zoo, or by the path of a file that was described.

    Args:
        name_or_path: such as ``dlib`` or ``weights/mine.onnx``; ``mine@3`` is that backbone cut
            behind its third unit, see `facebone.backbones.cut`; ``mine%60`` is shown the middle
            60 % of pictures, see `facebone.backbones.views`.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``, as the runtime allows.
        threads: threads inside one call, or None for what suits the runtime.
        trust: whether to load formats that can run any code on this machine.

    Raises:
        UnknownNameError: no such name.
        MissingPartError: the weights or their runtime are not here.
        HashMismatchError: the file is not the one that was described.
        WeightsError: the file is damaged, unsafe, or does not fit its description.
        UsageError: a path that was never described, a device that is not there.
    """
    if threads is not None and threads < 1:
        raise UsageError(f"must be at least 1, got {threads}", where="threads")
    settings = Settings(device=device, threads=threads, trust=trust)
    if parse_cut(os.fspath(name_or_path)) and not Path(name_or_path).exists():
        from facebone.backbones.cut import load_cut

        return load_cut(os.fspath(name_or_path), settings)
    if not Path(name_or_path).exists() and (parsed := parse_view(os.fspath(name_or_path))):
        inner = load_backbone(parsed[0], device=device, threads=threads, trust=trust)
        return ViewedBackbone(inner, parsed[1])
    entry = Zoo().find(name_or_path)
    path = entry.require_path()
    if entry.spec.sha256 is not None:
        check_hash(path, entry.spec.sha256)
    return _load(entry.spec, path, settings)


def weights_folder() -> Path:
    """Where pulled files are kept."""
    return home_folder() / "weights"


def _load(spec: BackboneSpec, path: Path, settings: Settings) -> Backbone:
    backbone = RUNTIMES.get(spec.runtime)(spec, path, settings)
    BACKBONES.stamp(backbone)
    return backbone


def _check_facts(spec: BackboneSpec) -> None:
    """Refuse numbers that no network has, before they end up in a stored description."""
    if not spec.name or Path(spec.name).name != spec.name or spec.name.strip() != spec.name:
        raise UsageError(f"must be a plain word, got {spec.name!r}", where="name")
    if min(spec.input_size) < 1:
        raise UsageError(f"must be positive, got {spec.input_size}", where="input_size")
    if spec.dimension < 1:
        raise UsageError(f"must be positive, got {spec.dimension}", where="dimension")
    if not all(value > 0 for value in spec.std):
        raise UsageError(f"must be positive, got {spec.std}", where="std")


def _shipped() -> Iterator[ZooEntry]:
    from facebone.backbones.shipped import SHIPPED_SPECS, shipped_path

    for spec in SHIPPED_SPECS:
        if spec.filename is not None:
            yield ZooEntry(spec, "shipped", shipped_path(spec.filename), None)


def _assets() -> Iterator[ZooEntry]:
    folder = assets_folder()
    for spec in ASSET_SPECS:
        path = None if folder is None else folder / "weights" / str(spec.filename)
        missing = None
        if path is None:
            missing = f"{ASSETS_VARIABLE} is not set, its weights are there"
        elif not path.is_file():
            missing = f"there is no {path}"
        yield ZooEntry(spec, "assets", path, missing)


def _dlib() -> ZooEntry:
    path = packaged_file(str(DLIB_SPEC.filename))
    missing = None if path is not None and is_installed() else "its extra is not installed"
    return ZooEntry(DLIB_SPEC, "extra", path, missing)


def _published() -> Iterator[ZooEntry]:
    for spec in PUBLISHED_SPECS:
        path = weights_folder() / str(spec.filename)
        missing = None if path.is_file() else f"not pulled: facebone backbones pull {spec.name}"
        yield ZooEntry(spec, "published", path, missing)


def _added() -> Iterator[ZooEntry]:
    for added in read_added():
        missing = None if added.path.is_file() else f"there is no {added.path} any more"
        yield ZooEntry(added.spec, "added", added.path, missing)


def _own() -> Iterator[ZooEntry]:
    """Entries that no other package brings."""
    yield from (*_shipped(), *_assets(), _dlib(), *_published(), *_added())


BACKBONES = Backbones(lambda: (entry.spec.name for entry in _own()))
"""Those of other packages."""


def _plugged(name: str) -> ZooEntry:
    """The entry of another package's backbone.

    Raises:
        PluginError: it cannot be used.
    """
    spec, path = BACKBONES.describe(name)
    missing = None if path.is_file() else f"there is no {path}"
    return ZooEntry(spec, "plug-in", path, missing)
