"""Mixup: each pair of a batch is mixed with another of the same batch, and so are their labels."""

from __future__ import annotations

import torch
from torch import Tensor

from facebone.seeding import make_rng


class Mixing:
    """The draws of one network's mixup.

    What goes into the network is the difference of two embeddings, and mixing differences is the
    same as mixing embeddings on both sides.

    Args:
        alpha: both parameters of the Beta distribution of the share that is kept.
        seed: of the training.

    References:
        H. Zhang, M. Cisse, Y. Dauphin and D. Lopez-Paz, "mixup: Beyond Empirical Risk
        Minimization", ICLR 2018.
    """

    def __init__(self, alpha: float, *, seed: int) -> None:
        self._alpha = alpha
        self._rng = make_rng(seed, "mlp", "mixup")

    def draw(self, size: int) -> tuple[float, Tensor]:
        """Of a batch of `size` pairs, the share that is kept, and the (size,) partners."""
        share = float(self._rng.beta(self._alpha, self._alpha))
        return share, torch.from_numpy(self._rng.permutation(size))


def mix(batch: Tensor, partners: Tensor, share: float) -> Tensor:
    """``share`` of what is in the batch and the rest of its partners, a new tensor.

    Args:
        batch: (b, ..).
        partners: (b,) positions in the batch, on its device.
        share: between 0 and 1.
    """
    return batch * share + batch[partners] * (1 - share)


def mix_stacked(batch: Tensor, other: Tensor, drawn: list[tuple[float, Tensor]]) -> None:
    """`mix` of k networks' batches, in place and to the last bit.

    Args:
        batch: (k * b, ..), the first network's batch, then the second's, ..
        other: memory of the same shape.
        drawn: k shares and partners.
    """
    count, size = len(drawn), len(batch) // len(drawn)
    places = torch.cat([partners + k * size for k, (_, partners) in enumerate(drawn)])
    torch.index_select(batch, 0, places.to(batch.device), out=other)
    # Products and sums alone, each of which rounds in one way wherever it is computed.
    for rows, shares in (
        (batch, [share for share, _ in drawn]),
        (other, [1 - share for share, _ in drawn]),
    ):
        rows.view(count, -1).mul_(torch.tensor(shares, device=batch.device)[:, None])
    batch.add_(other)
