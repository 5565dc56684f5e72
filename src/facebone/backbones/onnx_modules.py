"""Modules that ONNX graphs need and PyTorch has not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn


class Norm(nn.BatchNorm1d):
    """Batch normalisation of (n, c) and of (n, c, h, w): a graph does not say which."""

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002
        pass


class Call(nn.Module):
    """A function without weights.

    Args:
        function: of the inputs.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Any) -> Any:
        """See the class."""
        return self.function(*inputs)


class WithConstant(nn.Module):
    """An operation on two numbers of which one is constant: a weight if there is one a channel.

    Args:
        function: of left and right.
        value: the constant.
        first: whether it stands left.
    """

    def __init__(
        self, function: Callable[[Any, Any], Any], value: npt.NDArray[Any], *, first: bool
    ) -> None:
        super().__init__()
        self.function, self.first = function, first
        tensor = to_tensor(value)
        if tensor.numel() > 1 and tensor.is_floating_point():
            self.value: Tensor = nn.Parameter(tensor)
        else:
            self.register_buffer("value", tensor, persistent=False)

    def forward(self, x: Tensor) -> Any:
        """See the class."""
        return self.function(self.value, x) if self.first else self.function(x, self.value)


def to_tensor(array: npt.NDArray[Any]) -> Tensor:
    """A tensor of its own memory."""
    return torch.from_numpy(np.array(array))
