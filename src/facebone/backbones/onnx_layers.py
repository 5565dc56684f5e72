"""Single operations of ONNX graphs as PyTorch modules whose weights can be trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy.typing as npt
import torch
from torch import nn

from facebone.backbones.onnx_modules import Call, Norm, WithConstant, to_tensor
from facebone.errors import UsageError

Constants = Mapping[str, npt.NDArray[Any]]
Attributes = Mapping[str, Any]
Maker = Callable[[Attributes, list["npt.NDArray[Any] | None"]], nn.Module]
"""Makes the module of a node from its attributes and its inputs: an array for one that is constant,
None for one that comes from another node. The module takes those that are None, in their order."""


class _OtherFormError(Exception):
    """An operation is there in a form of which no module is known; `make_layer` tells the user."""


def make_layer(
    kind: str, attributes: Attributes, inputs: list[npt.NDArray[Any] | None], *, where: str
) -> nn.Module:
    """The module of one node.

    Raises:
        UsageError: an operation, or a way of it, that is not known here.
    """
    try:
        return MAKERS[kind](attributes, inputs)
    except (KeyError, _OtherFormError) as error:
        raise UsageError(
            f"its graph has the operation {kind} in a form that cannot be trained here",
            where=where,
            hint="bring the network's state dict, or choose another backbone",
        ) from error


def _fill(module: nn.Module, **arrays: npt.NDArray[Any] | None) -> nn.Module:
    with torch.no_grad():
        for name, array in arrays.items():
            if array is not None:
                getattr(module, name).copy_(to_tensor(array).reshape(getattr(module, name).shape))
    return module


def _known(array: npt.NDArray[Any] | None) -> npt.NDArray[Any]:
    """An input that has to be constant."""
    if array is None:
        raise _OtherFormError
    return array


def _padding(attributes: Attributes) -> tuple[int, int]:
    """Rows and columns that are added on both sides alike."""
    pads = list(attributes.get("pads", [0, 0, 0, 0]))
    plain = attributes.get("auto_pad", b"NOTSET") == b"NOTSET"
    if not plain or len(pads) != 4 or pads[:2] != pads[2:]:
        raise _OtherFormError
    return pads[0], pads[1]


def _conv(attributes: Attributes, inputs: list[npt.NDArray[Any] | None]) -> nn.Module:
    weight = _known(inputs[1])
    bias = inputs[2] if len(inputs) > 2 else None
    groups = attributes.get("group", 1)
    if weight.ndim != 4:
        raise _OtherFormError
    layer = nn.Conv2d(
        weight.shape[1] * groups,
        weight.shape[0],
        weight.shape[2:],
        stride=attributes.get("strides", 1),
        padding=_padding(attributes),
        dilation=attributes.get("dilations", 1),
        groups=groups,
        bias=bias is not None,
    )
    return _fill(layer, weight=weight, bias=bias)


def _gemm(attributes: Attributes, inputs: list[npt.NDArray[Any] | None]) -> nn.Module:
    weight = _known(inputs[1])
    bias = _known(inputs[2]) if len(inputs) > 2 else None
    scales = attributes.get("alpha", 1.0), attributes.get("beta", 1.0)
    if scales != (1.0, 1.0) or attributes.get("transA", 0) or inputs[0] is not None:
        raise _OtherFormError
    return _linear(weight if attributes.get("transB", 0) else weight.T, bias)


def _linear(weight: npt.NDArray[Any], bias: npt.NDArray[Any] | None) -> nn.Module:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    return _fill(layer, weight=weight, bias=bias)


def _matmul(attributes: Attributes, inputs: list[npt.NDArray[Any] | None]) -> nn.Module:
    del attributes
    weight = inputs[1]
    if weight is None:
        return Call(torch.matmul)
    if weight.ndim != 2:
        raise _OtherFormError
    return _linear(weight.T, None)


def _batch_norm(attributes: Attributes, inputs: list[npt.NDArray[Any] | None]) -> nn.Module:
    weight, bias, mean, variance = (_known(array) for array in inputs[1:5])
    layer = Norm(len(weight), eps=attributes.get("epsilon", 1e-5))
    return _fill(layer, weight=weight, bias=bias, running_mean=mean, running_var=variance)


def _layer_norm(attributes: Attributes, inputs: list[npt.NDArray[Any] | None]) -> nn.Module:
    weight = _known(inputs[1])
    if attributes.get("axis", -1) != -1:
        raise _OtherFormError
    layer = nn.LayerNorm(len(weight), eps=attributes.get("epsilon", 1e-5))
    return _fill(layer, weight=weight, bias=_known(inputs[2]))


def _prelu(attributes: Attributes, inputs: list[npt.NDArray[Any] | None]) -> nn.Module:
    del attributes
    slope = _known(inputs[1])
    return _fill(nn.PReLU(slope.size), weight=slope.reshape(-1))


def _clip(attributes: Attributes, inputs: list[npt.NDArray[Any] | None]) -> nn.Module:
    del attributes
    low, high = (float(_known(array)) for array in inputs[1:3])
    return Call(lambda x: x.clamp(low, high))


def _pool(kind: type[nn.AvgPool2d] | type[nn.MaxPool2d]) -> Maker:
    def make(attributes: Attributes, inputs: list[npt.NDArray[Any] | None]) -> nn.Module:
        del inputs
        sides = tuple(attributes["kernel_shape"])
        strides = tuple(attributes.get("strides", [1] * len(sides)))
        if set(attributes.get("dilations", [1])) != {1}:
            raise _OtherFormError
        padding = _padding(attributes)
        if any(padding) and kind is nn.AvgPool2d and not attributes.get("count_include_pad", 0):
            raise _OtherFormError
        return kind(sides, strides, padding, ceil_mode=bool(attributes.get("ceil_mode", 0)))

    return make


def _binary(function: Callable[[Any, Any], Any]) -> Maker:
    def make(attributes: Attributes, inputs: list[npt.NDArray[Any] | None]) -> nn.Module:
        del attributes
        left, right = inputs
        if left is None and right is None:
            return Call(function)
        first = left is not None
        return WithConstant(function, _known(left if first else right), first=first)

    return make


def _flatten(attributes: Attributes, inputs: list[npt.NDArray[Any] | None]) -> nn.Module:
    del inputs
    if attributes.get("axis", 1) != 1:
        raise _OtherFormError
    return nn.Flatten()


def _reshape(attributes: Attributes, inputs: list[npt.NDArray[Any] | None]) -> nn.Module:
    if attributes.get("allowzero", 0):
        raise _OtherFormError
    if inputs[1] is None:  # a shape that is itself computed, by the operations below
        return Call(lambda x, shape: x.reshape(shape))
    shape = [int(side) for side in inputs[1]]
    # Zero stands for the side that the input has there.
    return Call(lambda x: x.reshape([side or x.shape[i] for i, side in enumerate(shape)]))


def _slice(attributes: Attributes, inputs: list[npt.NDArray[Any] | None]) -> nn.Module:
    """Of a shape, which is a list here."""
    del attributes
    begin, end = (int(_known(array)[0]) for array in inputs[1:3])
    if len(inputs) > 4 and _known(inputs[4]).tolist() != [1]:
        raise _OtherFormError
    return Call(lambda shape: shape[begin:end])


def _concat(attributes: Attributes, inputs: list[npt.NDArray[Any] | None]) -> nn.Module:
    """Of shapes, of which the last is constant."""
    if len(inputs) != 2 or attributes["axis"] != 0 or inputs[0] is not None:
        raise _OtherFormError
    tail = [int(side) for side in _known(inputs[1])]
    return Call(lambda shape: [*shape, *tail])


def _plain(function: Callable[..., Any]) -> Maker:
    def make(attributes: Attributes, inputs: list[npt.NDArray[Any] | None]) -> nn.Module:
        del attributes, inputs
        return Call(function)

    return make


MAKERS: dict[str, Maker] = {
    "Add": _binary(torch.add),
    "AveragePool": _pool(nn.AvgPool2d),
    "BatchNormalization": _batch_norm,
    "Clip": _clip,
    "Concat": _concat,
    "Conv": _conv,
    "Div": _binary(torch.div),
    "Erf": _plain(torch.erf),
    "Flatten": _flatten,
    "Gemm": _gemm,
    "GlobalAveragePool": _plain(lambda x: x.mean(dim=(2, 3), keepdim=True)),
    "Identity": _plain(lambda x: x),
    "LayerNormalization": _layer_norm,
    "MatMul": _matmul,
    "MaxPool": _pool(nn.MaxPool2d),
    "Mul": _binary(torch.mul),
    "PRelu": _prelu,
    "Relu": _plain(torch.relu),
    "Reshape": _reshape,
    "Shape": _plain(lambda x: list(x.shape)),
    "Sigmoid": _plain(torch.sigmoid),
    "Slice": _slice,
    "Sub": _binary(torch.sub),
    "Transpose": lambda attributes, inputs: Call(lambda x: x.permute(attributes["perm"])),
}
"""What to make of each operation."""
