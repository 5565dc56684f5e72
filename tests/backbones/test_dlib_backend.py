from __future__ import annotations

from pathlib import Path

import pytest

from facebone.backbones import dlib_backend
from facebone.backbones.dlib_backend import DlibBackbone
from facebone.backbones.runtimes import Settings
from facebone.backbones.specs import DLIB_SPEC
from facebone.errors import MissingPartError, UsageError, WeightsError


def test_without_dlib_the_extra_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(dlib_backend, "is_installed", lambda: False)
    with pytest.raises(MissingPartError, match=r"pip install 'facebone\[dlib\]'"):
        DlibBackbone(DLIB_SPEC, tmp_path / "x.dat", Settings())


def test_another_device_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="runs on the CPU here, got 'cuda'"):
        DlibBackbone(DLIB_SPEC, tmp_path / "x.dat", Settings(device="cuda"))


@pytest.mark.skipif(not dlib_backend.is_installed(), reason="the extra dlib is not installed")
def test_other_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.dat"
    path.write_bytes(b"a letter, no network")
    with pytest.raises(WeightsError, match="is not dlib's face recognition network"):
        DlibBackbone(DLIB_SPEC, path, Settings())
