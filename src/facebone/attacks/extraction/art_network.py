"""The network that ART trains: features of pairs looked up by row, and layers behind them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from facebone.verification.embedded_pairs import EmbeddedPairs


class Lookup(torch.nn.Module):
    """Rows of features (n, f) by their numbers (m, 1)."""

    features: Tensor

    def __init__(self, features: npt.NDArray[np.float32]) -> None:
        super().__init__()
        self.register_buffer("features", torch.from_numpy(features))

    def forward(self, rows: Tensor) -> Tensor:
        """Features (m, f)."""
        return self.features[rows[:, 0].long()]


def layers_behind(width: int, layers: Sequence[int]) -> torch.nn.Sequential:
    """Rectified layers of these widths, and two logits: of "different" and of "same"."""
    parts: list[torch.nn.Module] = []
    for wide in layers:
        parts += [torch.nn.Linear(width, wide), torch.nn.ReLU()]
        width = wide
    return torch.nn.Sequential(*parts, torch.nn.Linear(width, 2))


def pair_features(pairs: EmbeddedPairs, *, symmetric: bool) -> npt.NDArray[np.float32]:
    """What ART's network sees of n pairs, (n, 2 d): products and differences.

    Args:
        pairs: n pairs, d numbers a side under all backbones.
        symmetric: take the size of the differences, so that turned pairs look alike.
    """
    differences = pairs.differences()
    shown = [pairs.products(), np.abs(differences) if symmetric else differences]
    # Numbers of about one: those of an embedding of length one are about 1 / sqrt(d) in size, and
    # a product of two about 1 / d.
    width = np.concatenate([np.full(d, d, dtype=np.float32) for d in pairs.dimensions])
    shown[0] = shown[0] * width
    shown[1] = shown[1] * np.sqrt(width)
    return np.concatenate(shown, axis=1, dtype=np.float32)
