"""Feature maps as embeddings: flat, with one constant more, so that rows may be scaled freely.

Embeddings are scaled to length one before a head sees them. A cosine does not notice; a network
that goes on from feature maps would. So a row holds the features f and a constant c: scaled by any
s it is (s f, s c), and c (s f) / (s c) is f again. Only divisions and products are rounded, so what
comes back differs from f by a few parts in ten million of each number, however large or small.
"""

from __future__ import annotations

import math

from torch import Tensor, cat


def constant(width: int) -> float:
    """The constant behind `width` features: the power of two nearest to the root of their number.

    Features of about one in size are about as long as that, so neither they nor the constant are
    small beside the other when a row has length one; and a power of two rounds nothing.
    """
    return float(2.0 ** round(math.log2(width) / 2))


def lift(features: Tensor) -> Tensor:
    """Feature maps (n, ..) as rows (n, width + 1)."""
    flat = features.flatten(1)
    return cat([flat, flat.new_full((len(flat), 1), constant(flat.shape[1]))], dim=1)


def lower(rows: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Feature maps (n, *shape) from rows (n, width + 1) that were scaled by anything but zero."""
    scale = constant(math.prod(shape)) / rows[:, -1:]
    return (rows[:, :-1] * scale).reshape(len(rows), *shape)
