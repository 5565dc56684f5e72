"""Backbones in PyTorch, and the device that they run on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from facebone.backbones import devices
from facebone.backbones.runtimes import Settings
from facebone.backbones.torch_backend import TorchBackbone, choose_device, load
from facebone.errors import UnknownNameError, UsageError, WeightsError

CPU = torch.device("cpu")


def backbone(spec, network, **settings) -> TorchBackbone:
    return TorchBackbone(spec, network, weights_hash="0" * 64, device=CPU, **settings)


@pytest.mark.parametrize("fixed_batch", [None, 1, 4])
def test_embeds_what_the_matrix_says(
    tiny_spec, tiny_network, faces, linear_oracle, fixed_batch
) -> None:
    got = backbone(tiny_spec(), tiny_network, fixed_batch=fixed_batch).embed(faces)
    np.testing.assert_allclose(got, linear_oracle(faces), rtol=1e-4, atol=1e-4)


def test_network_that_fails_is_refused_in_one_line(tiny_spec, faces) -> None:
    with pytest.raises(WeightsError, match="tiny: fails on faces of") as error:
        backbone(tiny_spec(), torch.nn.Linear(7, 8)).embed(faces)
    assert "\n" not in str(error.value)


def test_network_that_gives_no_vectors_is_refused(tiny_spec, faces) -> None:
    with pytest.raises(WeightsError, match=r"gave \(5, 3, 16, 16\), not \(n, d\) embeddings"):
        backbone(tiny_spec(), torch.nn.Identity()).embed(faces)


def test_network_of_another_dimension_is_refused(tiny_spec, tiny_network, faces) -> None:
    with pytest.raises(WeightsError, match=r"shape \(5, 8\), its spec says \(5, 9\)"):
        backbone(tiny_spec(dimension=9), tiny_network).embed(faces)


def test_network_that_gives_nan_is_refused(tiny_spec, faces) -> None:
    with pytest.raises(WeightsError, match="not finite"):
        backbone(tiny_spec(), lambda x: torch.full((len(x), 8), float("nan"))).embed(faces)


def test_unknown_architecture_names_the_nearest(tmp_path: Path, tiny_spec) -> None:
    spec = tiny_spec(architecture="iresnet101", runtime="torch")
    with pytest.raises(
        UnknownNameError, match="unknown architecture 'iresnet101'; did you mean 'iresnet10"
    ):
        load(spec, tmp_path / "w.pt", Settings(device="cpu"))


@pytest.mark.parametrize("device", ["cuda:7", "mps", "meta"])
def test_device_that_is_not_there_is_refused(device: str, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(UsageError, match=f"PyTorch finds no {device} here"):
        choose_device(Settings(device=device))


def test_device_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="got 'toaster'"):
        choose_device(Settings(device="toaster"))


def test_gpu_is_chosen_where_it_is(monkeypatch) -> None:
    monkeypatch.setattr(devices, "_may_have_card", lambda: True)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device(Settings()).type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device(Settings()).type == "cuda"
    assert choose_device(Settings(device="cuda:1")) == torch.device("cuda:1")
    with pytest.raises(UsageError, match="finds no cuda:2"):
        choose_device(Settings(device="cuda:2"))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems ask PyTorch")
def test_a_card_is_suspected_by_its_device_or_its_maker(tmp_path: Path) -> None:
    assert not devices._may_have_card(tmp_path)
    bus = tmp_path / "sys" / "bus" / "pci" / "devices"
    for number, maker in enumerate(("0x8086", "0x10de")):
        folder = bus / str(number)
        folder.mkdir(parents=True)
        (folder / "vendor").write_text(f"{maker}\n")
        assert devices._may_have_card(tmp_path) == (maker == "0x10de")
    other = tmp_path / "other"
    (other / "dev").mkdir(parents=True)
    (other / "dev" / "nvme0").touch()
    assert not devices._may_have_card(other)
    (other / "dev" / "nvidia0").touch()
    assert devices._may_have_card(other)


def test_without_a_card_pytorch_is_not_asked() -> None:
    code = (
        "import sys\n"
        "from facebone.backbones import devices\n"
        "devices._may_have_card = lambda: False\n"
        "print(devices.resolve_torch_device('auto'), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["cpu", "False"]


def test_threads_are_set_only_when_asked() -> None:
    before = torch.get_num_threads()
    try:
        choose_device(Settings(device="cpu", threads=before + 1))
        assert torch.get_num_threads() == before + 1
        choose_device(Settings(device="cpu"))
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)
