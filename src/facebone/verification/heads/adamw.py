"""AdamW of a network, and of stacked networks, layer by layer, each as it would alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

# Of torch.optim.AdamW.
_BETAS = (0.9, 0.999)
_EPSILON = 1e-8

VECTOR = 16
"""Numbers in the widest vector that a processor computes with at once."""


class AdamW:
    """``torch.optim.AdamW(fused=True)``, number by number, for tensors that all have gradients.

    The class of that name loads PyTorch's compiler to tell it to keep away: two seconds in every
    process, and most processes here train for less.

    Args:
        tensors: what is learnt.
        rate: the learning rate.
        decay: the weight decay; without it this is Adam.
    """

    def __init__(self, tensors: Sequence[Tensor], *, rate: float, decay: float = 0.0) -> None:
        self._tensors = list(tensors)
        self._rate, self._decay = rate, decay
        self._first = [torch.zeros_like(tensor) for tensor in self._tensors]
        self._second = [torch.zeros_like(tensor) for tensor in self._tensors]
        self._steps = torch.zeros((), device=self._tensors[0].device)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for tensor in self._tensors:
            tensor.grad = None

    def step(self) -> None:
        """Move the tensors along their gradients."""
        slopes = [tensor.grad for tensor in self._tensors if tensor.grad is not None]
        if len(slopes) < len(self._tensors):
            raise ValueError("a tensor has no gradient")
        self._steps += 1
        with torch.no_grad():
            move(
                self._tensors,
                slopes,
                self._first,
                self._second,
                self._steps,
                rate=self._rate,
                decay=self._decay,
            )


def apart(stacked: list[Tensor]) -> list[Tensor]:
    """The tensors, those of which a network's part does not fill whole vectors network by network.

    What is left of a vector at the end of a tensor is computed by other instructions, and a network
    would depend on who is trained at its side.
    """
    parts: list[Tensor] = []
    for tensor in stacked:
        whole = tensor[0].numel() % VECTOR == 0
        parts += [tensor] if whole else tensor.unbind()
    return parts


def move(
    tensors: list[Tensor],
    slopes: list[Tensor],
    first: list[Tensor],
    second: list[Tensor],
    steps: Tensor,
    *,
    rate: float,
    decay: float,
) -> None:
    """Move tensors along their gradients, in place.

    Args:
        tensors: what is learnt, as `apart` gives it; so are the next three.
        slopes: gradients.
        first: mean gradients.
        second: mean squared gradients.
        steps: how many steps were taken, this one included.
        rate: the learning rate.
        decay: the weight decay.
    """
    # The function below torch.optim.AdamW(fused=True): the class would want the gradients of all
    # layers at once, and count steps of its own for each run of networks.
    torch._fused_adamw_(
        tensors,
        slopes,
        first,
        second,
        [],
        [steps] * len(tensors),
        lr=rate,
        beta1=_BETAS[0],
        beta2=_BETAS[1],
        weight_decay=decay,
        eps=_EPSILON,
        amsgrad=False,
        maximize=False,
    )
