"""AdamW's update of stacked networks, layer by layer, each network as it would alone."""

from __future__ import annotations

import torch
from torch import Tensor

# Of torch.optim.AdamW.
_BETAS = (0.9, 0.999)
_EPSILON = 1e-8

VECTOR = 16
"""Numbers in the widest vector that a processor computes with at once."""


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
