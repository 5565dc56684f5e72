"""Packages with entry points, made in a folder of a test."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a package into a folder on the search path, for one test; see `put`."""
    folder = tmp_path / "site"
    folder.mkdir()
    modules: list[str] = []

    def put(
        package: str, entries: Mapping[str, Mapping[str, str]], code: str, version: str = "1.0"
    ) -> None:
        """Install one module as a package.

        Args:
            package: its name.
            entries: group -> name -> attribute of the module.
            code: of the module.
            version: of the package.
        """
        module = package.replace("-", "_")
        modules.append(module)
        (folder / f"{module}.py").write_text(code)
        info = folder / f"{module}-{version}.dist-info"
        for old in folder.glob(f"{module}-*.dist-info"):
            old.rename(folder / f"{old.name}.gone")
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
        )
        lines = []
        for group, names in entries.items():
            lines += [f"[{group}]", *(f"{name} = {module}:{what}" for name, what in names.items())]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
        # What is found is kept for each search path: this is another one.
        monkeypatch.setattr(sys, "path", [str(folder), *([str(folder)] * len(modules)), *sys.path])
        importlib.invalidate_caches()

    yield put
    for module in modules:
        sys.modules.pop(module, None)
