"""Small weights files of every format, made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facebone.backbones.base import BackboneSpec

SIDE = 16
DIMENSION = 8


@pytest.fixture
def tiny_spec() -> Callable[..., BackboneSpec]:
    """Makes the spec of the tiny networks of these fixtures; any fact can be replaced."""

    def make(**facts: Any) -> BackboneSpec:
        defaults: dict[str, Any] = {
            "name": "tiny",
            "architecture": "tiny",
            "runtime": "onnx",
            "input_size": (SIDE, SIDE),
            "dimension": DIMENSION,
            "template": "arcface-112x112",
        }
        return BackboneSpec(**(defaults | facts))

    return make


@pytest.fixture
def faces() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (5, SIDE, SIDE, 3), dtype=np.uint8)


@pytest.fixture
def onnx_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes an ONNX graph: flatten the picture, multiply by a fixed random matrix."""

    def make(
        *,
        batch: int | str = "n",
        dimension: int = DIMENSION,
        outputs: int = 1,
        input_type: str = "FLOAT",
        side: int = SIDE,
    ) -> Path:
        import onnx
        from onnx import TensorProto, helper, numpy_helper

        matrix = random_matrix(side, dimension)
        x = helper.make_tensor_value_info(
            "x", getattr(TensorProto, input_type), [batch, 3, side, side]
        )
        ys = [
            helper.make_tensor_value_info(f"y{i}", TensorProto.FLOAT, [batch, dimension])
            for i in range(outputs)
        ]
        nodes = []
        flat_input = "x"
        if input_type != "FLOAT":
            nodes.append(helper.make_node("Cast", ["x"], ["cast"], to=TensorProto.FLOAT))
            flat_input = "cast"
        nodes.append(helper.make_node("Flatten", [flat_input], ["flat"]))
        nodes += [helper.make_node("MatMul", ["flat", "w"], [y.name]) for y in ys]
        graph = helper.make_graph(nodes, "tiny", [x], ys, [numpy_helper.from_array(matrix, "w")])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 8
        path = tmp_path / "tiny.onnx"
        onnx.save(model, path)
        return path

    return make


def random_matrix(side: int = SIDE, dimension: int = DIMENSION) -> np.ndarray:
    """(3 * side * side, dimension) float32, the weights of the tiny graphs."""
    rng = np.random.default_rng(11)
    return (rng.normal(size=(3 * side * side, dimension)) / 256).astype(np.float32)


@pytest.fixture
def matrix() -> np.ndarray:
    return random_matrix()


@pytest.fixture
def tiny_network() -> Any:
    """The same network in PyTorch, with a convolution before it that does nothing."""
    import torch
    from torch import nn

    class Tiny(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.same = nn.Conv2d(3, 3, 1, bias=False)
            self.fc = nn.Linear(3 * SIDE * SIDE, DIMENSION, bias=False)
            with torch.no_grad():
                self.same.weight.copy_(torch.eye(3)[:, :, None, None])
                self.fc.weight.copy_(torch.from_numpy(random_matrix().T))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(torch.flatten(self.same(x), 1))

    return Tiny().eval()


@pytest.fixture
def linear_oracle(matrix: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """What the tiny networks give for faces, without preparation, computed with loops."""

    def embed(faces: np.ndarray) -> np.ndarray:
        rows = []
        for face in faces:
            planes = [face[:, :, channel].reshape(-1) for channel in range(3)]
            rows.append(np.concatenate(planes).astype(np.float64) @ matrix.astype(np.float64))
        return np.stack(rows)

    return embed
