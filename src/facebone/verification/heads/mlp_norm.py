"""Batch normalisation of stacked networks in training, with its gradients by hand.

The sums and their order are those that autograd makes of `mlp_network.normalise`, so that networks
come out as alone to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from facebone.verification.heads.mlp_network import NORM_EPSILON, NORM_MOMENTUM, Norm


@dataclass(frozen=True, slots=True, eq=False)
class Normalised:
    """What the way back needs of a batch that was normalised.

    Args:
        centred: (k, b, width), what went in minus its mean.
        root: (k, 1, width), one over the root of the variance.
        factor: (k, 1, width), the scale times `root`.
    """

    centred: Tensor
    root: Tensor
    factor: Tensor


def normalise_in_place(rows: Tensor, norm: Norm) -> Normalised:
    """Batch-normalise (k, b, width) rows, and move the running moments, both in place."""
    count = rows.shape[-2]
    mean = rows.mean(-2)
    variance = rows.var(-2, correction=0)
    norm.mean.lerp_(mean, NORM_MOMENTUM)
    norm.variance.lerp_(variance * (count / (count - 1)), NORM_MOMENTUM)
    root = torch.rsqrt(variance + NORM_EPSILON)
    factor = (norm.scale * root).unsqueeze(-2)
    centred = rows - mean.unsqueeze(-2)
    torch.mul(centred, factor, out=rows).add_(norm.shift.unsqueeze(-2))
    return Normalised(centred, root.unsqueeze(-2), factor)


def back_through(done: Normalised, norm: Norm, slope: Tensor) -> tuple[Tensor, Tensor]:
    """From the slope by what came out to that by what went in, in place.

    Returns:
        The gradients by scale and shift, (k, width) each.
    """
    # With c the centred rows, r the root, s the scale: out = c s r + shift. The slope by what went
    # in comes along three ways: through c itself, through the variance and through the mean.
    count = slope.shape[-2]
    by_shift = slope.sum(-2)
    by_factor = (slope * done.centred).sum(-2, keepdim=True)
    slope.mul_(done.factor)
    by_mean = slope.neg().sum(-2, keepdim=True)
    by_root = by_factor * norm.scale.unsqueeze(-2)
    by_variance = -0.5 * by_root * done.root.pow(3)
    slope.add_((2.0 / count) * by_variance * done.centred)
    slope.add_(by_mean / count)
    return (by_factor * done.root).squeeze(-2), by_shift
