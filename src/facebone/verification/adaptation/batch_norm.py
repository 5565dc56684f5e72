"""Batch normalisation of stacked networks in training where some rows of a batch are not filled."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from facebone.verification.heads.mlp_network import NORM_EPSILON, NORM_MOMENTUM, Norm


@dataclass(frozen=True, slots=True, eq=False)
class Normalised:
    """What the way back needs of a batch that was normalised.

    Args:
        share: (k, b, 1), 1 over the number of filled rows, or 0 where none is.
        centred: (k, b, width), what went in minus its mean, zero where nothing is filled.
        root: (k, 1, width), one over the root of the variance.
        factor: (k, 1, width), the scale times `root`.
    """

    share: Tensor
    centred: Tensor
    root: Tensor
    factor: Tensor


def normalise_filled(rows: Tensor, weight: Tensor, norm: Norm) -> Normalised:
    """Batch-normalise (k, b, width) rows, and move the running moments, both in place.

    Args:
        rows: what goes in, and then what comes out.
        weight: (k, b), 1 over the number of filled rows of each batch, or 0 for the others.
        norm: with a leading dimension of k.
    """
    share = weight.unsqueeze(-1)
    filled = share > 0
    count = filled.sum(1)
    mean = (rows * share).sum(1)
    centred = (rows - mean.unsqueeze(1)).mul_(filled)
    variance = (centred.square() * share).sum(1)
    norm.mean.lerp_(mean, NORM_MOMENTUM)
    # The batch is normalised by its own variance; what runs estimates the population's.
    norm.variance.lerp_(variance * (count / (count - 1)), NORM_MOMENTUM)
    root = torch.rsqrt(variance + NORM_EPSILON)
    factor = (norm.scale * root).unsqueeze(1)
    torch.mul(centred, factor, out=rows).add_(norm.shift.unsqueeze(1))
    return Normalised(share, centred, root.unsqueeze(1), factor)


def back_through_filled(
    done: Normalised, slope: Tensor, by_scale: Tensor, by_shift: Tensor
) -> None:
    """From the slope by what came out to that by what went in, in place.

    Args:
        done: of the batch.
        slope: (k, b, width), zero where nothing is filled.
        by_scale: (k, width), to be the gradient by the scale.
        by_shift: the same by the shift.
    """
    # With m rows, c the centred ones, r the root and s the scale, out = c s r + shift. Of the slope
    # g by it, what went in gets s r (g - mean(g) - c r^2 mean(g c)): its own, less what it does to
    # the mean and to the variance.
    torch.sum(slope, 1, out=by_shift)
    torch.sum(slope * done.centred, 1, out=by_scale).mul_(done.root.squeeze(1))
    mean = (slope * done.share).sum(1, keepdim=True)
    along = (slope * done.centred * done.share).sum(1, keepdim=True) * done.root.square()
    slope.sub_(mean * (done.share > 0)).sub_(done.centred * along).mul_(done.factor)
