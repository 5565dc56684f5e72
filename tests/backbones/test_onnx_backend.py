from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from facebone.backbones.onnx_backend import OnnxBackbone, _providers
from facebone.backbones.runtimes import Settings
from facebone.errors import UsageError, WeightsError

CPU = Settings(device="cpu")


def test_embeds_what_the_matrix_says(onnx_file, tiny_spec, faces, linear_oracle) -> None:
    backbone = OnnxBackbone(tiny_spec(), onnx_file(), Settings())
    np.testing.assert_allclose(backbone.embed(faces), linear_oracle(faces), rtol=1e-4, atol=1e-4)
    assert backbone.device == "cpu"


def test_colour_order_mean_and_deviation_are_applied(
    onnx_file, tiny_spec, faces, linear_oracle
) -> None:
    spec = tiny_spec(colour="bgr", mean=(100.0, 100.0, 100.0), std=(2.0, 2.0, 2.0))
    got = OnnxBackbone(spec, onnx_file(), CPU).embed(faces)
    reversed_faces = np.ascontiguousarray(faces[..., ::-1]).astype(np.float64)
    np.testing.assert_allclose(got, linear_oracle((reversed_faces - 100) / 2), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("batch", [1, 4])
def test_graph_of_one_batch_size_is_filled_up(
    onnx_file, tiny_spec, faces, linear_oracle, batch: int
) -> None:
    backbone = OnnxBackbone(tiny_spec(), onnx_file(batch=batch), CPU)
    np.testing.assert_allclose(backbone.embed(faces), linear_oracle(faces), rtol=1e-4, atol=1e-4)


def test_many_faces_go_through_in_small_batches(onnx_file, tiny_spec, linear_oracle) -> None:
    many = np.random.default_rng(1).integers(0, 256, (37, 16, 16, 3), dtype=np.uint8)
    got = OnnxBackbone(tiny_spec(), onnx_file(), CPU).embed(many)
    np.testing.assert_allclose(got, linear_oracle(many), rtol=1e-4, atol=1e-4)


def test_truncated_graph_is_refused(onnx_file, tiny_spec) -> None:
    path = onnx_file()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(WeightsError, match="is not an ONNX graph that can be run"):
        OnnxBackbone(tiny_spec(), path, CPU)


@pytest.mark.parametrize("content", [b"", b"dear reader, this is a letter\n"])
def test_text_file_is_refused(tmp_path: Path, tiny_spec, content: bytes) -> None:
    path = tmp_path / "letter.onnx"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="is not an ONNX graph that can be run") as error:
        OnnxBackbone(tiny_spec(), path, CPU)
    assert "\n" not in str(error.value)


def test_graph_for_another_picture_size_is_refused(onnx_file, tiny_spec) -> None:
    with pytest.raises(WeightsError, match=r"takes x \['n', 3, 8, 8\].*\(n, 3, 16, 16\)"):
        OnnxBackbone(tiny_spec(), onnx_file(side=8), CPU)


def test_graph_for_bytes_is_refused(onnx_file, tiny_spec) -> None:
    with pytest.raises(WeightsError, match=r"tensor\(uint8\), its spec says one float input"):
        OnnxBackbone(tiny_spec(), onnx_file(input_type="UINT8"), CPU)


def test_graph_of_another_dimension_is_refused(onnx_file, tiny_spec) -> None:
    with pytest.raises(
        WeightsError, match=r"gives y0 \['n', 9\], its spec says one output of \(n, 8\)"
    ):
        OnnxBackbone(tiny_spec(), onnx_file(dimension=9), CPU)


def test_two_outputs_that_could_be_meant_are_refused(onnx_file, tiny_spec) -> None:
    with pytest.raises(WeightsError, match="its spec says one output"):
        OnnxBackbone(tiny_spec(), onnx_file(outputs=2), CPU)


@pytest.mark.parametrize("device", ["cuda", "cuda:0"])
def test_cuda_that_is_not_there_is_refused(onnx_file, tiny_spec, device, monkeypatch) -> None:
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(UsageError, match="has no CUDA"):
        OnnxBackbone(tiny_spec(), onnx_file(), Settings(device=device))


@pytest.mark.parametrize("device", ["mps", "gpu", "cuda:first"])
def test_unknown_device_is_refused(device: str, monkeypatch) -> None:
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    with pytest.raises(UsageError, match=f"got '{device}'"):
        _providers(device)


def test_cuda_is_chosen_where_it_is(monkeypatch) -> None:
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    assert _providers("auto")[0] == ("CUDAExecutionProvider", {"device_id": 0})
    assert _providers("cuda:2")[0] == ("CUDAExecutionProvider", {"device_id": 2})
    assert _providers("cpu") == ["CPUExecutionProvider"]


def test_threads_are_one_unless_asked(onnx_file, tiny_spec) -> None:
    path = onnx_file()
    for asked, given in ((None, 1), (2, 2)):
        backbone = OnnxBackbone(tiny_spec(), path, Settings(device="cpu", threads=asked))
        assert backbone._session.get_session_options().intra_op_num_threads == given
