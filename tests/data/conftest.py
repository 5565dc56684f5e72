"""Fixtures for tests of data."""

from __future__ import annotations

from pathlib import Path

import pytest

from facebone.data.dataset import Dataset
from facebone.data.lfw import load_lfw


@pytest.fixture(scope="session")
def lfw(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """LFW from the assets, unpacked once for all tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEBONE_HOME", str(tmp_path_factory.mktemp("lfw")))
        return load_lfw(assets / "lfw", seed=0)
