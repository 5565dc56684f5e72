from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from facebone.backbones.weights import (
    check_hash,
    file_sha256,
    load_strictly,
    network_hash,
    read_state_dict,
)
from facebone.errors import HashMismatchError, MissingPartError, UsageError, WeightsError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "w.bin"
    path.write_bytes(b"weights" * 300_000)
    return path


def test_hash_is_that_of_the_whole_file(file: Path) -> None:
    assert file_sha256(file) == hashlib.sha256(file.read_bytes()).hexdigest()


def test_leading_digits_are_enough(file: Path) -> None:
    full = file_sha256(file)
    assert check_hash(file, full[:8].upper()) == full
    assert check_hash(file, full) == full


def test_hash_that_differs_is_refused(file: Path) -> None:
    expected = "0" * 8
    with pytest.raises(
        HashMismatchError, match=f"sha256 is .{{8}}, its description says {expected}"
    ):
        check_hash(file, expected)


@pytest.mark.parametrize("digits", ["", "abc", "g" * 8, "0" * 65])
def test_hash_that_is_none_is_refused(file: Path, digits: str) -> None:
    with pytest.raises(UsageError, match="8 to 64 hexadecimal digits"):
        check_hash(file, digits)


def test_missing_file_has_no_hash(tmp_path: Path) -> None:
    with pytest.raises(MissingPartError, match="there is no such file"):
        file_sha256(tmp_path / "nothing")


def test_network_hash_covers_the_preparation(tiny_spec) -> None:
    facts = [
        {},
        {"mean": (1.0, 0.0, 0.0)},
        {"std": (2.0, 1.0, 1.0)},
        {"colour": "bgr"},
        {"input_size": (8, 8)},
    ]
    hashes = {network_hash(tiny_spec(**f), "ab" * 32) for f in facts}
    assert len(hashes) == len(facts)
    # Neither the name nor the licence decides the numbers; an integer mean is the same mean.
    same = tiny_spec(name="other", licence="MIT", mean=(0, 0, 0))
    assert network_hash(same, "ab" * 32) == network_hash(tiny_spec(), "ab" * 32)
    assert network_hash(tiny_spec(), "cd" * 32) not in hashes


@pytest.mark.parametrize("wrap", ["plain", "state_dict", "module", "both"])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_state_dict_is_unwrapped(tmp_path: Path, wrap: str, suffix: str) -> None:
    state = nn.Linear(3, 2).state_dict()
    stored: dict = (
        {f"module.{k}": v for k, v in state.items()} if wrap in {"module", "both"} else dict(state)
    )
    path = tmp_path / f"w{suffix}"
    if suffix == ".safetensors":
        save_file(stored, path)
    else:
        torch.save({"state_dict": stored} if wrap in {"state_dict", "both"} else stored, path)
    read = read_state_dict(path)
    assert set(read) == {"weight", "bias"}
    assert torch.equal(read["weight"], state["weight"])


def test_legacy_torch_format_is_read(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    torch.save(nn.Linear(3, 2).state_dict(), path, _use_new_zipfile_serialization=False)
    assert set(read_state_dict(path)) == {"weight", "bias"}


class _Bomb:
    """Runs a command when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return os.system, (f"touch '{self.target}'",)


@pytest.mark.parametrize("zipped", [True, False])
def test_pickle_with_code_is_unsafe_and_does_not_run(tmp_path: Path, zipped: bool) -> None:
    path, trace = tmp_path / "w.pt", tmp_path / "ran"
    torch.save({"w": _Bomb(trace)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(WeightsError, match="unsafe"):
        read_state_dict(path)
    assert not trace.exists()


def test_bare_pickle_with_code_does_not_run(tmp_path: Path) -> None:
    path, trace = tmp_path / "w.pt", tmp_path / "ran"
    path.write_bytes(pickle.dumps(_Bomb(trace)))
    with pytest.raises(WeightsError):
        read_state_dict(path)
    assert not trace.exists()


def test_whole_pickled_network_is_unsafe(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    torch.save(nn.Linear(3, 2), path)
    with pytest.raises(WeightsError, match="unsafe"):
        read_state_dict(path)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".safetensors"])
@pytest.mark.parametrize(
    "content", [b"", b"this is a letter, no network\n" * 20, b"PK\x03\x04 cut"]
)
def test_file_that_is_no_weights_is_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"w{suffix}"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"is not a readable (torch|safetensors) file"):
        read_state_dict(path)


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_truncated_file_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"w{suffix}"
    state = nn.Linear(300, 200).state_dict()
    if suffix == ".pt":
        torch.save(state, path)
    else:
        save_file(state, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(WeightsError, match="is not a readable"):
        read_state_dict(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([torch.zeros(2)], "holds a list, not a state dict"),
        ({}, "not a state dict"),
        ({"epoch": 3, "w": torch.zeros(2)}, "entry 'epoch' is a int, not a tensor"),
    ],
)
def test_other_content_is_refused(tmp_path: Path, content: object, message: str) -> None:
    path = tmp_path / "w.pt"
    torch.save(content, path)
    with pytest.raises(WeightsError, match=message):
        read_state_dict(path)


def test_strict_loading_lists_the_first_wrong_keys(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 5), nn.Linear(5, 2), nn.Linear(2, 2))
    state = nn.Sequential(nn.Linear(3, 4)).state_dict() | {"extra.weight": torch.zeros(1)}
    with pytest.raises(WeightsError) as error:
        load_strictly(network, state, where=tmp_path / "w.pt")
    text = str(error.value)
    assert "6 missing (1.weight, 1.bias, 2.weight, ..)" in text
    assert "1 unexpected (extra.weight)" in text
    assert "2 of another shape (0.weight (4, 3) instead of (2, 3), 0.bias (4,)" in text
    assert "\n" not in text


def test_strict_loading_does_without_batch_counters(tmp_path: Path) -> None:
    state = {
        key: torch.full_like(value, 3)
        for key, value in nn.BatchNorm2d(4).state_dict().items()
        if key != "num_batches_tracked"
    }
    network = nn.BatchNorm2d(4)
    load_strictly(network, state, where=tmp_path)
    assert torch.equal(network.running_var, torch.full((4,), 3.0))
