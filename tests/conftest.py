"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from facebone.config import assets_folder
from facebone.data.dataset import Dataset


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of real faces and weights, or a skip that says how to get it."""
    folder = assets_folder()
    if folder is None:
        pytest.skip("FACEBONE_ASSETS is not set: no real faces and weights here")
    return folder


@pytest.fixture(scope="session")
def lfw(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """LFW from the assets, unpacked once for all tests."""
    from facebone.data.lfw import load_lfw

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEBONE_HOME", str(tmp_path_factory.mktemp("lfw")))
        return load_lfw(assets / "lfw", seed=0)


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test gets an empty FACEBONE_HOME: nothing leaks from or into the user's cache."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("FACEBONE_HOME", str(home))
    return home
