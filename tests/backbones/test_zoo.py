from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facebone.backbones import dlib_backend
from facebone.backbones.added import added_path
from facebone.backbones.zoo import Zoo, load_backbone, weights_folder
from facebone.config import ASSETS_VARIABLE
from facebone.errors import (
    HashMismatchError,
    MissingPartError,
    StorageError,
    UnknownNameError,
    UsageError,
    WeightsError,
)


@pytest.fixture
def no_assets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ASSETS_VARIABLE, raising=False)


def test_lists_every_origin_once(no_assets) -> None:
    zoo = Zoo()
    assert len(zoo.names()) == len(set(zoo.names())) == len(list(zoo))
    assert {
        "mobilefacenet_ms1m_a",
        "mobilefacenet_ms1m_a_torch",
        "mobilefacenet_ms1m_b",
        "dlib",
        "iresnet34-5b0d0e90",
        "iresnet50-7f187506",
        "iresnet100-73e07ba7",
    } <= set(zoo.names())
    assert {entry.origin for entry in zoo} == {"shipped", "assets", "extra", "published"}
    for entry in zoo:
        assert entry.ready == (entry.missing is None)
        if entry.ready:
            assert entry.path is not None
            assert entry.path.is_file()


def test_published_names_carry_their_hash(no_assets) -> None:
    for entry in Zoo():
        if entry.origin == "published":
            architecture, digits = entry.spec.name.split("-")
            assert entry.spec.sha256 == digits
            assert entry.spec.architecture == architecture
            assert entry.spec.url is not None
            assert entry.spec.url.endswith(f"{architecture}-{digits}.pth")


def test_assets_are_known_with_the_variable(assets: Path) -> None:
    zoo = Zoo()
    for name in ("mobilefacenet_ms1m_a", "mobilefacenet_ms1m_b", "mobilefacenet_ms1m_a_torch"):
        entry = zoo.get(name)
        assert entry.ready
        assert entry.spec.sha256 == hashlib.sha256(entry.require_path().read_bytes()).hexdigest()
    path = assets / "weights" / "mobilefacenet_ms1m_b.onnx"
    assert zoo.find(path).spec.name == "mobilefacenet_ms1m_b"


@pytest.mark.parametrize("name", ["mobilefacenet_ms1m_a", "iresnet100-73e07ba7"])
def test_real_backbone_not_at_hand_names_the_two_ways(no_assets, name: str) -> None:
    with pytest.raises(MissingPartError) as error:
        load_backbone(name)
    text = str(error.value)
    assert text.startswith(f"{name}: ")
    assert "pip install 'facebone[dlib]'" in text
    assert "facebone backbones pull" in text
    assert "FACEBONE_ASSETS" in text


def test_dlib_without_its_extra_is_listed_as_missing(monkeypatch, no_assets) -> None:
    monkeypatch.setattr("facebone.backbones.zoo.packaged_file", lambda _: None)
    entry = Zoo().get("dlib")
    assert not entry.ready
    with pytest.raises(MissingPartError, match=r"its extra is not installed; .*facebone\[dlib\]"):
        load_backbone("dlib")


def test_unknown_name_gives_the_nearest(no_assets) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'mobilefacenet_ms1m_"):
        load_backbone("mobilefacenet_ms1m")


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing\.onnx: no such weights file"):
        load_backbone(tmp_path / "nothing.onnx")


def test_undescribed_file_tells_the_command(onnx_file) -> None:
    path = onnx_file()
    with pytest.raises(UsageError, match=f"facebone backbones add {path}"):
        load_backbone(path)


def test_added_file_is_found_by_name_and_by_path(
    onnx_file, tiny_spec, faces, linear_oracle, monkeypatch
) -> None:
    path = onnx_file()
    entry = Zoo().add(path, tiny_spec(name="mine", licence="MIT", commercial=True))
    assert entry.spec.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert entry.spec.filename == path.name
    monkeypatch.chdir(path.parent)
    for asked in ("mine", path, str(path), path.name, f"./{path.name}"):
        backbone = load_backbone(asked)
        assert backbone.spec == entry.spec
        np.testing.assert_allclose(
            backbone.embed(faces), linear_oracle(faces), rtol=1e-4, atol=1e-4
        )


def test_added_torch_network_of_a_known_architecture(tmp_path: Path, tiny_spec) -> None:
    import torch

    from facebone.backbones.mobilefacenet import build

    path = tmp_path / "w.safetensors"
    from safetensors.torch import save_file

    torch.manual_seed(1)
    save_file(build("mobilefacenet", 32, (112, 112)).state_dict(), path)
    spec = tiny_spec(
        name="mine",
        runtime="torch",
        architecture="mobilefacenet",
        input_size=(112, 112),
        dimension=32,
    )
    Zoo().add(path, spec)
    faces = np.zeros((1, 112, 112, 3), dtype=np.uint8)
    assert load_backbone("mine").embed(faces).shape == (1, 32)
    with pytest.raises(WeightsError, match="is not a IResNet as described"):
        Zoo().add(path, replace(spec, name="wrong", architecture="iresnet18"))
    assert "wrong" not in Zoo().names()


def test_file_that_changed_since_it_was_added_is_refused(onnx_file, tiny_spec) -> None:
    path = onnx_file()
    Zoo().add(path, tiny_spec(name="mine"))
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(HashMismatchError, match="get it again, or describe it anew"):
        load_backbone("mine")


def test_file_that_went_away_is_told(onnx_file, tiny_spec) -> None:
    path = onnx_file()
    Zoo().add(path, tiny_spec(name="mine"))
    path.unlink()
    with pytest.raises(MissingPartError, match=r"there is no .* any more"):
        load_backbone("mine")


def test_adding_again_describes_anew(onnx_file, tiny_spec) -> None:
    path = onnx_file()
    first = Zoo().add(path, tiny_spec(name="mine"))
    second = Zoo().add(path, tiny_spec(name="mine", mean=(1.0, 2.0, 3.0)))
    assert Zoo().get("mine").spec == second.spec != first.spec
    before, after = (load_backbone("mine").weights_hash for _ in range(2))
    assert before == after
    assert len(json.loads(added_path().read_text())["backbones"]) == 1


def test_one_file_described_twice_needs_a_name(onnx_file, tiny_spec) -> None:
    path = onnx_file()
    Zoo().add(path, tiny_spec(name="one"))
    Zoo().add(path, tiny_spec(name="two", colour="bgr"))
    with pytest.raises(UsageError, match="is described as one, two; give one of the names"):
        load_backbone(path)
    assert load_backbone("one").weights_hash != load_backbone("two").weights_hash


def test_removed_backbone_is_forgotten_and_its_file_kept(onnx_file, tiny_spec) -> None:
    path = onnx_file()
    zoo = Zoo()
    zoo.add(path, tiny_spec(name="mine"))
    zoo.remove("mine")
    assert path.is_file()
    for each in (zoo, Zoo()):
        assert "mine" not in each.names()
    with pytest.raises(UsageError, match="'mine' was not added"):
        zoo.remove("mine")


@pytest.mark.parametrize("name", ["dlib", "mobilefacenet_ms1m_a", "iresnet50-7f187506"])
def test_own_names_cannot_be_taken_or_removed(onnx_file, tiny_spec, name: str) -> None:
    with pytest.raises(UsageError, match="a backbone of FaceBone's own"):
        Zoo().add(onnx_file(), tiny_spec(name=name))
    with pytest.raises(UsageError, match="was not added"):
        Zoo().remove(name)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"name": ""}, "name: must be a plain word"),
        ({"name": "a/b"}, "name: must be a plain word"),
        ({"input_size": (0, 16)}, "input_size: must be positive"),
        ({"dimension": 0}, "dimension: must be positive"),
        ({"std": (1.0, 0.0, 1.0)}, "std: must be positive"),
        ({"runtime": "onyx"}, "unknown runtime 'onyx'; did you mean 'onnx'"),
    ],
)
def test_facts_that_no_network_has_are_refused(onnx_file, tiny_spec, facts, message) -> None:
    with pytest.raises(UsageError, match=message):
        Zoo().add(onnx_file(), tiny_spec(**({"name": "mine"} | facts)))
    assert not added_path().exists()


def test_description_that_does_not_fit_is_refused(onnx_file, tiny_spec) -> None:
    with pytest.raises(WeightsError, match=r"its spec says one output of \(n, 512\)"):
        Zoo().add(onnx_file(), tiny_spec(name="mine", dimension=512))
    assert not added_path().exists()


def test_hash_that_differs_from_the_stated_one_is_refused(onnx_file, tiny_spec) -> None:
    with pytest.raises(HashMismatchError):
        Zoo().add(onnx_file(), tiny_spec(name="mine", sha256="0" * 64))


def test_adding_a_missing_file_is_refused(tmp_path: Path, tiny_spec) -> None:
    with pytest.raises(UsageError, match="no such weights file"):
        Zoo().add(tmp_path / "nothing.onnx", tiny_spec(name="mine"))


@pytest.mark.parametrize(
    "content", ["", "a letter", '{"version": 2, "backbones": []}', '{"backbones": [{"path": "x"}]}']
)
def test_damaged_descriptions_are_told_in_one_line(own_home: Path, content: str) -> None:
    own_home.joinpath("backbones.json").write_text(content)
    with pytest.raises(
        StorageError, match=r"holds no descriptions .* correct or remove it"
    ) as error:
        Zoo()
    assert "\n" not in str(error.value)


def test_unwritable_home_is_told(tmp_path: Path, onnx_file, tiny_spec, monkeypatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    monkeypatch.setenv("FACEBONE_HOME", str(blocked / "home"))
    with pytest.raises(StorageError):
        Zoo().add(onnx_file(), tiny_spec(name="mine"))


@pytest.mark.parametrize("threads", [0, -1])
def test_threads_must_be_positive(threads: int) -> None:
    with pytest.raises(UsageError, match="threads: must be at least 1"):
        load_backbone("dlib", threads=threads)


def test_pulled_file_with_wrong_content_is_refused(no_assets) -> None:
    weights_folder().mkdir(parents=True)
    (weights_folder() / "iresnet34-5b0d0e90.pth").write_bytes(b"something else")
    with pytest.raises(HashMismatchError, match="its description says 5b0d0e90"):
        load_backbone("iresnet34-5b0d0e90")


def test_added_torchscript_needs_trust_each_time(tmp_path: Path, tiny_network, tiny_spec) -> None:
    import warnings

    import torch

    path = tmp_path / "tiny.torchscript"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(tiny_network).save(path)
    spec = tiny_spec(name="mine", runtime="torchscript")
    with pytest.raises(UsageError, match="give --trust"):
        Zoo().add(path, spec)
    Zoo().add(path, spec, trust=True)
    with pytest.raises(UsageError, match="give --trust"):
        load_backbone("mine")
    assert load_backbone("mine", trust=True).spec.name == "mine"


def test_the_package_of_dlib_s_files_is_not_imported() -> None:
    import sys

    dlib_backend.packaged_file("dlib_face_recognition_resnet_model_v1.dat")
    assert "face_recognition_models" not in sys.modules
