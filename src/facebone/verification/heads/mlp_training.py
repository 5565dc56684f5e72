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
from facebone.verification.heads.adamw import AdamW
from facebone.verification.heads.base import Labelled, Labels
from facebone.verification.heads.mlp_mixing import Mixing, mix
from facebone.verification.heads.mlp_network import Network, forward, start
from facebone.verification.heads.objectives import Deck, make_objective

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


class OnDevice:
    """What is shown of some pairs, as tensors on a device.

    Args:
        shown: n pairs.
        same: (n,) bool.
        device: where.
    """

    def __init__(self, shown: Shown, same: Labels, device: str) -> None:
        self._shown, self._pairs = shown, shown.at(0)
        self._device = device
        self._places = torch.arange(len(shown), device=device)
        self.rows = _rows(self._pairs, device)
        self.truth = _truth(same, device)

    def show(self, epoch: int) -> Deck:
        """What epoch `epoch`, counted from 0, shows; `rows` hold it from now on."""
        pairs = self._shown.at(epoch)
        if pairs is not self._pairs:
            self._pairs, self.rows = pairs, _rows(pairs, self._device)
        return Deck(self.rows, self.truth, self._places)


class Training:
    """One run of the recipe: all pairs on the device, no loader, no global seed.

    Args:
        settings: the recipe.
        shown: n pairs.
        same: (n,) bool.
        validation: pairs whose loss is measured after each epoch, with their labels.
        reference: pairs kept aside for an objective that needs some, as they are shown, with their
            labels.
        seed: for the start, the order of pairs, and what is dropped, mixed or drawn by the
            objective.
        device: where it runs.
    """

    def __init__(
        self,
        settings: MLPSettings,
        shown: Shown,
        same: Labels,
        validation: Labelled | None,
        reference: tuple[Shown, Labels] | None = None,
        *,
        seed: int,
        device: str,
    ) -> None:
        self.settings = settings
        self.device = device
        self.trained = OnDevice(shown, same, device)
        self.reference = None if reference is None else OnDevice(*reference, device)
        self.validation: tuple[Tensor, Tensor] | None = None
        if validation is not None:
            self.validation = _rows(validation[0], device), _truth(validation[1], device)
        network = start(
            self.trained.rows.shape[1],
            settings.layers,
            settings.batch_norm,
            initialisation=settings.initialisation,
            generator=torch.Generator().manual_seed(derive_seed(seed, "mlp", "start")),
        )
        self.network = network.map(lambda tensor: tensor.to(device))
        self.generator = torch.Generator(device).manual_seed(derive_seed(seed, "mlp", "epochs"))
        self.objective = make_objective(settings.objective)
        self.mixing = Mixing(settings.mixup, seed=seed) if settings.mixup else None
        self.seed = seed
        self.train_loss: list[float] = []
        self.validation_loss: list[float] = []
        self.best_epoch = 0

    def run(self) -> Network:
        """Train and return the network of the last, or with patience of the best, epoch."""
        settings = self.settings
        for tensor in self.network.learnt():
            tensor.requires_grad_()
        optimiser = AdamW(
            self.network.learnt(), rate=settings.learning_rate, decay=settings.weight_decay
        )
        self.objective.start(self.network, seed=self.seed)
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
        aside = None if self.reference is None else self.reference.show(epoch)
        self.objective.show(epoch, self.trained.show(epoch), aside)

    def _epoch(self, optimiser: AdamW) -> float:
        count, size = len(self.trained.rows), self.settings.batch_size
        order = torch.randperm(count, generator=self.generator, device=self.trained.rows.device)
        rows = torch.split(self.trained.rows[order], size)
        labels = torch.split(self.trained.truth[order], size)
        total = torch.zeros((), device=order.device)
        for shown, right in zip(rows, labels, strict=True):
            if len(shown) == 1 and self.settings.batch_norm and count > 1:
                continue  # a batch of one has no variance; another epoch meets this pair
            batch, truth = self._mix(shown, right)
            logits = forward(
                self.network,
                batch,
                training=True,
                dropout=self.settings.dropout,
                generator=self.generator,
            )
            optimiser.zero_grad()
            loss = self._teach(logits, truth)
            optimiser.step()
            total += loss * len(batch)
        return float(total) / count

    def _mix(self, batch: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        if self.mixing is None:
            return batch, truth
        share, partners = self.mixing.draw(len(batch))
        partners = partners.to(batch.device)
        return mix(batch, partners, share), mix(truth, partners, share)

    def _teach(self, logits: Tensor, truth: Tensor) -> Tensor:
        """Find the gradients of the objective; returns the batch's mean cross-entropy."""
        with torch.no_grad():
            asked = logits.detach()
            slope = torch.empty_like(asked)
            self.objective.slope(asked, truth, slope)
            loss = binary_cross_entropy_with_logits(asked, truth)
        # The same gradient as `logits.backward(slope)`, which loads a library of symbols first.
        (logits * slope).sum().backward()  # type: ignore[no-untyped-call]
        return loss

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


def split(same: Labels, settings: MLPSettings, *, seed: int) -> tuple[Any, Any]:
    """Positions of pairs to train on and to keep aside, the same share of both classes.

    Raises:
        UsageError: there are too few pairs.
    """
    rng = make_rng(seed, "mlp", "validation")
    share, stops = settings.validation_share, settings.patience is not None
    aside = []
    for label in (True, False):
        positions = rng.permutation(np.flatnonzero(same == label))
        count = max(1, round(share * len(positions)))
        if count >= len(positions):
            purpose = "early stopping" if stops else f"objective {settings.objective}"
            raise UsageError(
                f"too few pairs to keep a share of {share:g} aside for {purpose}",
                where="patience" if stops else "validation_share",
                hint="give validation pairs or more pairs" if stops else "give more pairs",
            )
        aside.append(positions[:count])
    chosen = np.sort(np.concatenate(aside))
    return np.setdiff1d(np.arange(len(same)), chosen), chosen
