"""Cut backbones: both parts together are the whole, and what is frozen comes back unchanged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from facebone.backbones.base import BackboneSpec
from facebone.backbones.cut import count_units, cut_names, open_cut
from facebone.backbones.cut_name import parse_cut
from facebone.backbones.homogeneous import constant, lift, lower
from facebone.backbones.iresnet import build as build_iresnet
from facebone.backbones.mobilefacenet import build as build_mobilefacenet
from facebone.backbones.onnx_units import read_units
from facebone.backbones.preparation import to_network
from facebone.backbones.zoo import Zoo, load_backbone
from facebone.data.synthetic import synthetic_dataset
from facebone.errors import (
    HashMismatchError,
    MissingPartError,
    UnknownNameError,
    UsageError,
    WeightsError,
)
from facebone.verification.embedded_pairs import normalise
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.routes import open_routes

# Stems, blocks without a way around them layer by layer, blocks with one whole, last layers: as
# benchmarks/shipped_architectures.py builds them.
UNITS = {
    "tiny_plain": 5,
    "tiny_mobile": 13,
    "tiny_residual": 4,
    "tiny_mixer": 11,
    "tiny_wide": 3,
}


def some_faces(spec: BackboneSpec, count: int = 3) -> np.ndarray:
    """Ramps and noise, so that no layer is saturated everywhere."""
    height, width = spec.input_size
    rng = np.random.default_rng(1)
    faces = rng.integers(0, 256, (count, height, width, 3)).astype(np.float64)
    faces[1:] = 0.2 * faces[1:] + 0.8 * np.linspace(0, 255, width)[None, None, :, None]
    return faces.astype(np.uint8)


def both_parts(name: str, faces: np.ndarray) -> np.ndarray:
    """What trunk and tail give, with rows scaled to length one in between, as heads get them."""
    cut = open_cut(name)
    rows = normalise(load_backbone(name, device="cpu").embed(faces))
    with torch.inference_mode():
        return cut.tail(lower(torch.from_numpy(rows), cut.shape)).numpy()


@pytest.fixture
def added_network(tmp_path: Path) -> Callable[..., Path]:
    """Describes a MobileFaceNet of random weights as ``mine``, and gives its file."""

    def add(name: str = "mine", dimension: int = 32) -> Path:
        from safetensors.torch import save_file

        path = tmp_path / f"{name}.safetensors"
        with torch.random.fork_rng():
            torch.manual_seed(4)
            save_file(
                build_mobilefacenet("mobilefacenet", dimension, (112, 112)).state_dict(), path
            )
        Zoo().add(
            path,
            BackboneSpec(
                name,
                "mobilefacenet",
                "torch",
                (112, 112),
                dimension,
                "arcface-112x112",
                mean=(127.5,) * 3,
                std=(64.0,) * 3,
            ),
        )
        return path

    return add


@pytest.mark.parametrize("name", UNITS)
def test_cut_anywhere_both_parts_are_the_whole(name: str) -> None:
    """Held against ONNX Runtime, which runs the same file."""
    whole = load_backbone(name, device="cpu")
    faces = some_faces(whole.spec)
    wanted = whole.embed(faces)
    assert count_units(name) == UNITS[name]
    for frozen in range(UNITS[name]):
        got = both_parts(f"{name}@{frozen}", faces)
        np.testing.assert_allclose(got, wanted, atol=1e-5 * np.abs(wanted).max())


def test_network_of_a_state_dict_cut_anywhere(added_network) -> None:
    added_network()
    whole = load_backbone("mine", device="cpu")
    faces = some_faces(whole.spec, 2)
    wanted = whole.embed(faces)
    assert count_units("mine") == 2 + 15 + 3  # stem, blocks, last layers
    for frozen in range(2, 20, 6):
        got = both_parts(f"mine@{frozen}", faces)
        np.testing.assert_allclose(got, wanted, atol=1e-5 * np.abs(wanted).max())


def test_units_of_an_iresnet_are_the_network() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_iresnet("iresnet18", 16, (112, 112)).eval()
        picture = torch.randn(1, 3, 112, 112)
    units = network.units()
    assert len(units) == 1 + (2 + 2 + 2 + 2) + 1
    weights = {id(tensor) for tensor in network.parameters()}
    assert {id(tensor) for unit in units for tensor in unit.parameters()} == weights
    with torch.inference_mode():
        torch.testing.assert_close(nn.Sequential(*units)(picture), network(picture))


def test_published_file_cut_at_either_format(assets: Path) -> None:
    """The ONNX file, where normalisation is folded into convolutions, and the state dict."""
    del assets
    wanted = load_backbone("mobilefacenet_ms1m_a", device="cpu")
    faces = some_faces(wanted.spec, 2)
    whole = wanted.embed(faces)
    for name in ("mobilefacenet_ms1m_a@20", "mobilefacenet_ms1m_a_torch@15"):
        np.testing.assert_allclose(both_parts(name, faces), whole, atol=1e-4 * np.abs(whole).max())


@pytest.mark.parametrize("size", [1e-20, 1e-3, 1.0, 300.0, 1e12])
@pytest.mark.parametrize("shape", [(5,), (3, 4, 6), (128, 7, 7)])
def test_rows_bring_features_back_whatever_their_length(size: float, shape) -> None:
    rng = np.random.default_rng(2)
    features = (size * rng.normal(size=(6, *shape))).astype(np.float32)
    features[0, ..., 0] = 0.0
    rows = lift(torch.from_numpy(features)).numpy()
    assert rows.shape == (6, np.prod(shape) + 1)
    for scaled in (rows, normalise(rows), np.float32(7e-3) * rows):
        back = lower(torch.from_numpy(scaled), shape).numpy()
        np.testing.assert_allclose(back, features, rtol=1e-6)


def test_constant_is_a_power_of_two_near_the_length_of_features() -> None:
    for width in (1, 5, 6272, 37632):
        assert np.log2(constant(width)) == int(np.log2(constant(width)))
        assert 1 / np.sqrt(2) <= constant(width) / np.sqrt(width) <= np.sqrt(2)


def test_cut_at_nothing_gives_the_prepared_pixels(added_network) -> None:
    added_network()
    backbone = load_backbone("mine@0", device="cpu")
    faces = some_faces(backbone.spec)
    rows = backbone.embed(faces)
    np.testing.assert_array_equal(rows[:, :-1], to_network(faces, backbone.spec).reshape(3, -1))
    assert backbone.spec.dimension == 3 * 112 * 112 + 1


def test_cut_backbones_are_told_apart_by_name_and_hash() -> None:
    whole = load_backbone("tiny_plain", device="cpu")
    cuts = [load_backbone(f"tiny_plain@{frozen}", device="cpu") for frozen in range(3)]
    assert [cut.spec.name for cut in cuts] == ["tiny_plain@0", "tiny_plain@1", "tiny_plain@2"]
    assert len({whole.weights_hash, *(cut.weights_hash for cut in cuts)}) == 4
    assert cuts[1].weights_hash == load_backbone("tiny_plain@1", device="cpu").weights_hash
    assert cuts[1].spec.dimension == 16 * 32 * 32 + 1
    assert cuts[1].spec.template == whole.spec.template


def test_engine_embeds_at_a_cut_and_nothing_twice(tmp_path: Path) -> None:
    from facebone.data.store import EmbeddingStore

    pictures = synthetic_dataset(2, 2, seed=1).pictures
    found = []
    for _ in range(2):
        routes = open_routes(["tiny_plain", "tiny_plain@4"], device="cpu")
        engine = EmbeddingEngine(routes, store=EmbeddingStore(tmp_path / "store"), workers=1)
        found.append(engine.embed(pictures))
    assert [one.computed for one in found] == [8, 0]
    whole, rows = found[1].matrices
    cut = open_cut("tiny_plain@4")
    with torch.inference_mode():
        again = cut.tail(lower(torch.from_numpy(rows), cut.shape)).numpy()
    np.testing.assert_allclose(again, whole, atol=1e-5 * np.abs(whole).max())


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("tiny_plain@0", ("tiny_plain", 0)),
        ("a@b@12", ("a@b", 12)),
        ("tiny_plain", None),
        ("tiny_plain@", None),
        ("@3", None),
        ("tiny_plain@-1", None),
        ("tiny_plain@x", None),
        ("tiny_plain@³", None),
    ],
)
def test_names_of_cuts(name: str, parsed) -> None:
    assert parse_cut(name) == parsed


def test_names_from_the_number_of_blocks() -> None:
    assert cut_names(["tiny_mobile", "tiny_wide@1"], 2) == ("tiny_mobile@11", "tiny_wide@1")
    assert cut_names(["tiny_wide"], 3) == cut_names(["tiny_wide"], "all") == ("tiny_wide@0",)
    with pytest.raises(UsageError, match="blocks: tiny_wide has 3 units, got 4"):
        cut_names(["tiny_wide"], 4)
    for wrong in (0, -1, True, 1.5):
        with pytest.raises(UsageError, match="blocks: must be an integer of at least 1"):
            cut_names(["tiny_wide"], wrong)


def test_what_cannot_be_cut_is_refused() -> None:
    with pytest.raises(UsageError, match="tiny_wide@3: has 3 units, so there is no cut behind 3"):
        load_backbone("tiny_wide@3", device="cpu")
    with pytest.raises(UsageError, match="dlib: cannot be cut: its runtime 'dlib'"):
        count_units("dlib")
    with pytest.raises(UnknownNameError, match="did you mean 'tiny_wide'"):
        load_backbone("tiny_wid@1", device="cpu")
    with pytest.raises(UsageError, match="must look like BACKBONE@3, got 'tiny_wide'"):
        open_cut("tiny_wide")


def test_structure_is_known_without_the_weights(added_network) -> None:
    path = added_network()
    with_weights = open_cut("mine@17")
    path.unlink()
    without = open_cut("mine@17", filled=False)
    assert without.shape == with_weights.shape == (128, 7, 7)
    shapes = {name: tensor.shape for name, tensor in with_weights.tail.state_dict().items()}
    assert shapes == {name: one.shape for name, one in without.tail.state_dict().items()}
    assert next(without.tail.parameters()).is_meta
    with pytest.raises(MissingPartError, match=r"there is no .* any more"):
        open_cut("mine@17")


def test_weights_that_changed_are_refused(added_network) -> None:
    path = added_network()
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(HashMismatchError, match="get it again"):
        load_backbone("mine@3", device="cpu")


def test_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(b"\xff\xff\xff\xff nothing of the kind")
    with pytest.raises(WeightsError, match="is not a readable ONNX graph"):
        read_units(path)


def graph_of(nodes: list, weights: dict[str, np.ndarray], path: Path) -> Path:
    """An ONNX file of some nodes from ``x`` (n, 4) to ``y``."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        nodes,
        "some",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def test_units_part_where_one_tensor_runs_through(tmp_path: Path) -> None:
    """Two layers in a row, one with a way around it, one that divides by what it gives."""
    from onnx import helper

    rng = np.random.default_rng(3)
    weights = {f"w{i}": rng.normal(size=(4, 4)).astype(np.float32) for i in range(4)}
    weights["b"] = rng.normal(size=4).astype(np.float32)
    node = helper.make_node
    path = graph_of(
        [
            node("Gemm", ["x", "w0", "b"], ["h0"]),
            node("Relu", ["h0"], ["h1"]),
            node("MatMul", ["h1", "w1"], ["h2"]),
            node("Add", ["b", "h2"], ["h3"]),
            node("Gemm", ["h3", "w2"], ["h4"], transB=1),
            node("Sigmoid", ["h4"], ["h5"]),
            node("Add", ["h3", "h5"], ["h6"]),
            node("MatMul", ["h6", "w3"], ["h7"]),
            node("Div", ["h6", "h7"], ["y"]),
        ],
        weights,
        tmp_path / "graph.onnx",
    )
    units = read_units(path)
    assert [len(unit.layers) for unit in units] == [2, 2, 3, 2]
    x = rng.normal(size=(5, 4)).astype(np.float32)
    h3 = np.maximum(x @ weights["w0"] + weights["b"], 0) @ weights["w1"] + weights["b"]
    h6 = h3 + 1 / (1 + np.exp(-(h3 @ weights["w2"].T)))
    wanted = h6 / (h6 @ weights["w3"])
    with torch.inference_mode():
        got = nn.Sequential(*units)(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(got, wanted, rtol=1e-4)
    # Matrices and biases are weights, and can be trained.
    assert sum(tensor.numel() for unit in units for tensor in unit.parameters()) == 4 * 16 + 2 * 4


@pytest.mark.parametrize(
    ("kind", "facts"), [("Softmax", {}), ("Gemm", {"alpha": 2.0}), ("Flatten", {"axis": 0})]
)
def test_operation_that_is_not_known_is_named(tmp_path: Path, kind: str, facts) -> None:
    from onnx import helper

    weights = {"w": np.eye(4, dtype=np.float32)}
    inputs = ["x", "w"] if kind == "Gemm" else ["x"]
    path = graph_of([helper.make_node(kind, inputs, ["y"], **facts)], weights, tmp_path / "g.onnx")
    with pytest.raises(UsageError, match=rf"g\.onnx: its graph has the operation {kind} in a form"):
        read_units(path)
