"""A network that moves embeddings so that their cosines say what a victim says of pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, normalize

from facebone.attacks.extraction.answers import Floats
from facebone.verification.embedded_pairs import EmbeddedPairs

SCORED_AT_ONCE = 8192


class MetricNetwork(torch.nn.Module):
    """Log odds of a pair: a weighted sum of cosines of moved embeddings.

    Each backbone's embedding x becomes x + V relu(U x + c), or x + V x without hidden numbers. V
    begins as zero, so that the network begins as a regression on the cosines as they are.

    Args:
        widths: d_k of each backbone.
        hidden: numbers between U and V; 0 for a linear map.
        weights: (K,) of the cosines at the start.
        bias: at the start.
        generator: draws U.
    """

    def __init__(
        self,
        widths: Sequence[int],
        hidden: int,
        weights: Floats,
        bias: float,
        *,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.weights = torch.nn.Parameter(torch.tensor(weights, dtype=torch.float32))
        self.bias = torch.nn.Parameter(torch.tensor(bias, dtype=torch.float32))
        self.inner, self.shift, self.outer = (torch.nn.ParameterList() for _ in range(3))
        for width in widths:
            if hidden:
                # Entries of an embedding of length one are about 1 / sqrt(width) in size, so with
                # U of standard normal numbers each hidden number has a deviation of about one.
                drawn = torch.randn((width, hidden), generator=generator)
                self.inner.append(torch.nn.Parameter(drawn))
                self.shift.append(torch.nn.Parameter(torch.zeros(hidden)))
            self.outer.append(torch.nn.Parameter(torch.zeros((hidden or width, width))))

    def embed(self, rows: Tensor, backbone: int) -> Tensor:
        """Moved embeddings (n, d_k) of rows (n, d_k), of length one."""
        found = rows
        if len(self.inner):
            found = torch.relu(rows @ self.inner[backbone] + self.shift[backbone])
        return normalize(rows + found @ self.outer[backbone], dim=1)

    def forward(self, left: Sequence[Tensor], right: Sequence[Tensor]) -> Tensor:
        """Log odds (n,) of pairs, K matrices (n, d_k) a side."""
        cosines = [
            (self.embed(a, k) * self.embed(b, k)).sum(dim=1)
            for k, (a, b) in enumerate(zip(left, right, strict=True))
        ]
        return torch.stack(cosines, dim=1) @ self.weights + self.bias

    def logit(self, pairs: EmbeddedPairs) -> Floats:
        """Log odds of pairs, (n,) float64."""
        left, right = _tensors(pairs)
        found = []
        with torch.no_grad():
            for first in range(0, len(pairs), SCORED_AT_ONCE):
                rows = slice(first, first + SCORED_AT_ONCE)
                found.append(self([a[rows] for a in left], [b[rows] for b in right]))
        return np.asarray(torch.cat(found).numpy(), dtype=np.float64)


def train(
    network: MetricNetwork,
    pairs: EmbeddedPairs,
    chance: Floats,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    generator: torch.Generator,
) -> None:
    """Minimise the cross-entropy of chances (n,) by Adam, at a rate that falls to nothing.

    Args:
        network: changed in place.
        pairs: n pairs.
        chance: (n,) 0 .. 1.
        epochs: passes over the pairs.
        batch_size: pairs in a step.
        learning_rate: at the start; it falls as a quarter of a cosine.
        generator: draws the order.
    """
    left, right = _tensors(pairs)
    wanted = torch.from_numpy(chance.astype(np.float32))
    optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate)
    steps = epochs * -(-len(pairs) // batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(epochs):
        order = torch.randperm(len(pairs), generator=generator)
        for rows in torch.split(order, batch_size):
            found = network([a[rows] for a in left], [b[rows] for b in right])
            loss = binary_cross_entropy_with_logits(found, wanted[rows])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()


def _tensors(pairs: EmbeddedPairs) -> tuple[list[Tensor], list[Tensor]]:
    left, right = ([torch.from_numpy(m) for m in side] for side in (pairs.left, pairs.right))
    return left, right
