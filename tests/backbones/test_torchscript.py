from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from facebone.backbones.runtimes import Settings
from facebone.backbones.torchscript import load
from facebone.errors import UsageError, WeightsError

TRUSTED = Settings(device="cpu", trust=True)


@pytest.fixture
def script_file(tmp_path: Path, tiny_network) -> Path:
    path = tmp_path / "tiny.torchscript"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(tiny_network).save(path)
    return path


def test_without_trust_it_is_refused_and_the_risk_is_told(script_file: Path, tiny_spec) -> None:
    with pytest.raises(UsageError, match="can run any code on this machine; give --trust"):
        load(tiny_spec(), script_file, Settings(device="cpu"))


def test_with_trust_it_embeds(script_file: Path, tiny_spec, faces, linear_oracle) -> None:
    got = load(tiny_spec(), script_file, TRUSTED).embed(faces)
    np.testing.assert_allclose(got, linear_oracle(faces), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("content", [b"", b"a letter"])
def test_file_that_is_no_program_is_refused(tmp_path: Path, tiny_spec, content: bytes) -> None:
    path = tmp_path / "tiny.torchscript"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="is not a readable TorchScript program"):
        load(tiny_spec(), path, TRUSTED)
