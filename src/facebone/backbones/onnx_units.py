"""An ONNX graph as PyTorch units in a row, so that the last of them can be trained.

A graph can be parted wherever a single tensor runs from what was computed to what is still to come.
A unit is a stretch between two such places that has a convolution or a matrix of its own: a whole
residual block, or a layer with what follows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt
import torch
from torch import nn

from facebone.backbones.onnx_layers import make_layer
from facebone.errors import UsageError, WeightsError


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One node.

    Args:
        layer: what it computes.
        inputs: names of the tensors it takes.
        output: name of the tensor it gives.
    """

    layer: nn.Module
    inputs: tuple[str, ...]
    output: str

    @property
    def weighs(self) -> bool:
        """Whether it is a layer in its own right."""
        return isinstance(self.layer, nn.Conv2d | nn.Linear)


class Stretch(nn.Module):
    """Consecutive nodes with one tensor in and one out.

    Args:
        steps: the nodes in order.
        source: name of the tensor that goes in.
    """

    def __init__(self, steps: list[Step], source: str) -> None:
        super().__init__()
        self.layers = nn.ModuleList([step.layer for step in steps])
        self.wires = [(step.inputs, step.output) for step in steps]
        self.source = source

    def forward(self, x: torch.Tensor) -> Any:
        """From what the network has computed so far to what it has after these nodes."""
        values: dict[str, Any] = {self.source: x}
        last = self.source
        for layer, (inputs, last) in zip(self.layers, self.wires, strict=True):
            values[last] = layer(*[values[name] for name in inputs])
        return values[last]


def read_units(path: Path) -> list[nn.Module]:
    """The units of the graph in a file, with its weights, in evaluation mode.

    Batch normalisation that was folded into a convolution when the file was made is a part of that
    convolution.

    Raises:
        MissingPartError: the package that reads such files is not installed.
        WeightsError: the file is no ONNX graph.
        UsageError: the graph has operations that cannot be trained here.
    """
    steps, source, target = _read_steps(path)
    last_use = {name: i for i, step in enumerate(steps) for name in step.inputs}
    last_use[target] = len(steps)
    units: list[list[Step]] = [[]]
    stretch: list[Step] = []
    alive = {source}
    for i, step in enumerate(steps):
        stretch.append(step)
        alive = {name for name in (*alive, step.output) if last_use.get(name, -1) > i}
        if alive != {step.output}:
            continue
        if any(one.weighs for one in stretch) and any(one.weighs for one in units[-1]):
            units.append([])
        units[-1] += stretch
        stretch = []
    sources = [source, *(unit[-1].output for unit in units)]
    return [Stretch(unit, start).eval() for unit, start in zip(units, sources, strict=False)]


def _read_steps(path: Path) -> tuple[list[Step], str, str]:
    """The nodes, and the names of the pictures and of the embeddings."""
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from onnx import helper, numpy_helper

    try:
        graph = onnx.load(path, load_external_data=False).graph
    except (DecodeError, OSError) as error:
        raise WeightsError("is not a readable ONNX graph", where=path) from error
    constants: dict[str, npt.NDArray[Any]] = {
        tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer
    }
    sources = [value.name for value in graph.input if value.name not in constants]
    targets = [value.name for value in graph.output]
    if len(sources) != 1 or len(targets) != 1:
        raise UsageError("has several inputs or outputs, so it cannot be cut", where=path)
    steps = []
    for node in graph.node:
        attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        if node.op_type == "Constant" and "value" in attributes:
            constants[node.output[0]] = numpy_helper.to_array(attributes["value"])
        elif node.op_type == "Identity" and node.input[0] in constants:
            constants[node.output[0]] = constants[node.input[0]]
        else:
            layer = make_layer(
                node.op_type,
                attributes,
                [constants.get(name) for name in node.input],
                where=path.name,
            )
            wires = tuple(name for name in node.input if name and name not in constants)
            steps.append(Step(layer, wires, node.output[0]))
    return steps, sources[0], targets[0]
