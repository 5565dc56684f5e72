"""The matrix products of one layer of stacked MLPs: in a batch where that adds up as alone does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Products:
    """Products of one layer at b pairs a batch, of k networks in a batch or of a single one.

    In a batch every tensor has a leading dimension of k.

    Args:
        inputs: (b, in), rectified outputs of the layer before.
        weight: (in, out).
        bias: (out,); in a batch (k, 1, out).
        outputs: (b, out), what goes into the rectifier, and then what comes out.
        slope: (b, out), gradient of the loss by what goes into the rectifier.
        before: (b, in), to be the gradient by the inputs; None in the first layer.
        by_weight: (in, out), to be the gradient by the weights.
    """

    inputs: Tensor
    weight: Tensor
    bias: Tensor
    outputs: Tensor
    slope: Tensor
    before: Tensor | None
    by_weight: Tensor

    def singly(self) -> list[Products]:
        """The same, network by network."""
        return [
            Products(
                self.inputs[k],
                self.weight[k],
                self.bias[k, 0],
                self.outputs[k],
                self.slope[k],
                None if self.before is None else self.before[k],
                self.by_weight[k],
            )
            for k in range(len(self.weight))
        ]

    def answer(self) -> None:
        """From inputs to outputs."""
        if self.weight.dim() == 2:
            torch.addmm(self.bias, self.inputs, self.weight, out=self.outputs)
        else:
            torch.baddbmm(self.bias, self.inputs, self.weight, out=self.outputs)

    def differentiate(self) -> None:
        """From the slope to the gradients by inputs and weights."""
        multiply: Callable[..., Tensor] = torch.mm if self.weight.dim() == 2 else torch.bmm
        if self.before is not None:
            multiply(self.slope, self.weight.mT, out=self.before)
        multiply(self.inputs.mT, self.slope, out=self.by_weight)


def arrange(whole: Products) -> list[Products]:
    """A layer's products in a batch if networks come out as alone, else network by network."""
    if whole.weight.device.type == "cpu":
        count, width, out = whole.weight.shape
        shape = count, whole.inputs.shape[1], width, out
        if not adds_up_alike(*shape, threads=torch.get_num_threads()):
            return whole.singly()
    return [whole]


@lru_cache(maxsize=1024)
def adds_up_alike(count: int, size: int, width: int, out: int, *, threads: int) -> bool:
    """Whether this machine's batched products are its single ones to the last bit.

    Each is another function of its library, which chooses by processor and shape how to add up. A
    single column or row is mostly another kernel's work in a batch than alone; there is too little
    to gain by trying. For other shapes the machine is asked.

    Args:
        count: networks.
        size: pairs in a batch.
        width: inputs.
        out: outputs.
        threads: that torch uses.
    """
    del threads  # a part of the question, but torch knows it
    if min(size, width, out) == 1:
        return False
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(count, *shape, generator=generator)

    whole = Products(
        inputs=drawn(size, width),
        weight=drawn(width, out),
        bias=drawn(1, out),
        outputs=drawn(size, out),
        slope=drawn(size, out),
        before=drawn(size, width),
        by_weight=drawn(width, out),
    )
    whole.answer()
    whole.differentiate()
    return all(_as_alone(one) for one in whole.singly())


def _as_alone(one: Products) -> bool:
    """Whether one network's results in a batch are those of tensors of its own."""
    inputs, weight, slope = one.inputs.clone(), one.weight.clone(), one.slope.clone()
    alone = (
        (torch.addmm(one.bias.clone(), inputs, weight), one.outputs),
        (slope.mm(weight.t()), one.before),
        (inputs.t().mm(slope), one.by_weight),
    )
    return all(found is not None and torch.equal(single, found) for single, found in alone)
