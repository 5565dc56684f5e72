"""The training recipe of the MLP head: AdamW over pairs that may change from epoch to epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from facebone.errors import UsageError
from facebone.seeding import derive_seed, make_rng
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads.base import Labelled, Labels
from facebone.verification.heads.mlp_network import Network, forward, start

if TYPE_CHECKING:
    from facebone.verification.heads.mlp import MLPSettings

Rows = npt.NDArray[np.intp] | Labels


class Shown(Protocol):
    """Pairs as they are shown epoch by epoch; `Views` are, and so is `Constant`."""

    def __len__(self) -> int:
        """Number of pairs."""
        ...

    def at(self, epoch: int) -> EmbeddedPairs:
        """What epoch `epoch`, counted from 0, shows."""
        ...

    def take(self, rows: Rows) -> Shown:
        """The pairs at `rows`."""
        ...

    def distinct(self, same: Labels) -> Labelled:
        """All that is ever shown, once, with its labels."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """Pairs that are the same in every epoch."""

    pairs: EmbeddedPairs

    def __len__(self) -> int:
        return len(self.pairs)

    def at(self, epoch: int) -> EmbeddedPairs:
        """The pairs."""
        del epoch
        return self.pairs

    def take(self, rows: Rows) -> Constant:
        """The pairs at `rows`."""
        return Constant(self.pairs.take(rows))

    def distinct(self, same: Labels) -> Labelled:
        """The pairs and their labels."""
        return self.pairs, same


class Training:
    """One run of the recipe: all pairs on the device, no loader, no global seed.

    Args:
        settings: the recipe.
        shown: n pairs.
        same: (n,) bool.
        validation: pairs whose loss is measured after each epoch, with their labels.
        seed: for the start and for the order of pairs.
        device: where it runs.
    """

    def __init__(
        self,
        settings: MLPSettings,
        shown: Shown,
        same: Labels,
        validation: Labelled | None,
        *,
        seed: int,
        device: str,
    ) -> None:
        self.settings = settings
        self.device = device
        self.shown = shown
        self.pairs = shown.at(0)
        self.rows = _rows(self.pairs, device)
        self.labels = _truth(same, device)
        self.validation: tuple[Tensor, Tensor] | None = None
        if validation is not None:
            self.validation = _rows(validation[0], device), _truth(validation[1], device)
        network = start(
            self.rows.shape[1],
            settings.layers,
            settings.batch_norm,
            initialisation=settings.initialisation,
            generator=torch.Generator().manual_seed(derive_seed(seed, "mlp", "start")),
        )
        self.network = network.map(lambda tensor: tensor.to(device))
        self.generator = torch.Generator(device).manual_seed(derive_seed(seed, "mlp", "epochs"))
        self.train_loss: list[float] = []
        self.validation_loss: list[float] = []
        self.best_epoch = 0

    def run(self) -> Network:
        """Train and return the network of the last, or with patience of the best, epoch."""
        settings = self.settings
        for tensor in self.network.learnt():
            tensor.requires_grad_()
        optimiser = torch.optim.AdamW(
            self.network.learnt(),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            fused=True,
        )
        best, lowest = self.network, np.inf
        for epoch in range(1, settings.epochs + 1):
            self._show(epoch - 1)
            self.train_loss.append(self._epoch(optimiser))
            loss = self._validate()
            if settings.patience is None:
                self.best_epoch = epoch
                continue
            if loss < lowest:
                lowest, self.best_epoch = loss, epoch
                best = self.network.map(lambda tensor: tensor.detach().clone())
            elif epoch - self.best_epoch >= settings.patience:
                break
        return best

    def _show(self, epoch: int) -> None:
        pairs = self.shown.at(epoch)
        if pairs is not self.pairs:
            self.pairs, self.rows = pairs, _rows(pairs, self.device)

    def _epoch(self, optimiser: torch.optim.Optimizer) -> float:
        count, size = len(self.rows), self.settings.batch_size
        order = torch.randperm(count, generator=self.generator, device=self.rows.device)
        rows = torch.split(self.rows[order], size)
        labels = torch.split(self.labels[order], size)
        total = torch.zeros((), device=self.rows.device)
        for batch, truth in zip(rows, labels, strict=True):
            if len(batch) == 1 and self.settings.batch_norm and count > 1:
                continue  # a batch of one has no variance; another epoch meets this pair
            logits = forward(
                self.network,
                batch,
                training=True,
                dropout=self.settings.dropout,
                generator=self.generator,
            )
            loss = binary_cross_entropy_with_logits(logits, truth)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += loss.detach() * len(batch)
        return float(total) / count

    def _validate(self) -> float:
        if self.validation is None:
            return np.inf
        rows, labels = self.validation
        with torch.no_grad():
            loss = float(binary_cross_entropy_with_logits(forward(self.network, rows), labels))
        self.validation_loss.append(loss)
        return loss


def _rows(pairs: EmbeddedPairs, device: str) -> Tensor:
    return torch.from_numpy(pairs.differences()).to(device)


def _truth(same: Labels, device: str) -> Tensor:
    return torch.from_numpy(same.astype(np.float32)).to(device)


def split(same: Labels, share: float, *, seed: int) -> tuple[Any, Any]:
    """Positions of pairs to train on and to keep aside, the same share of both classes."""
    rng = make_rng(seed, "mlp", "validation")
    aside = []
    for label in (True, False):
        positions = rng.permutation(np.flatnonzero(same == label))
        count = max(1, round(share * len(positions)))
        if count >= len(positions):
            raise UsageError(
                f"too few pairs to keep a share of {share:g} aside for early stopping",
                where="patience",
                hint="give validation pairs or more pairs",
            )
        aside.append(positions[:count])
    chosen = np.sort(np.concatenate(aside))
    return np.setdiff1d(np.arange(len(same)), chosen), chosen
