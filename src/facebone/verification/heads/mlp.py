"""The reference's head: a multi-layer perceptron on the difference of two embeddings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from facebone.errors import UsageError
from facebone.seeding import derive_seed, make_rng
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads.base import (
    Arrays,
    FitReport,
    Labelled,
    Labels,
    LearningHead,
    Scores,
)
from facebone.verification.heads.mlp_network import (
    Initialisation,
    Network,
    assemble,
    forward,
    shapes,
    start,
)
from facebone.verification.heads.settings import check_flag, check_integer, check_number

SCORED_AT_ONCE = 4096
"""Rows in a block when scoring: bounds memory to 16 MB a layer of 512."""


@dataclass(frozen=True, slots=True)
class MLPSettings:
    """Shape and training recipe of the MLP.

    Args:
        layers: widths of the hidden layers; the output is one logit.
        batch_norm: hidden layers, counted from 0, that are batch-normalised before they are
            rectified; the reference has it in the layer of 128 alone.
        dropout: share of every hidden layer's outputs that training sets to zero.
        weight_decay: of AdamW.
        learning_rate: of AdamW.
        batch_size: pairs in a step; the order is drawn anew in each epoch.
        epochs: passes over the pairs.
        patience: stop after so many epochs without a lower loss on validation pairs and keep the
            best epoch; None trains all epochs and keeps the last.
        validation_share: part of the pairs kept aside where there is `patience` but no validation
            pairs are given; these pairs are not trained on.
        initialisation: see `mlp_network.start`.
        symmetric: average the logits of both orders of a pair when scoring, so that verifying A
            against B and B against A agree; false scores the order given, as the reference does.
            Training takes pairs in the order given either way.
    """

    layers: tuple[int, ...] = (512, 256, 128, 64, 32, 16, 8)
    batch_norm: tuple[int, ...] = (2,)
    dropout: float = 0.0
    weight_decay: float = 0.01
    learning_rate: float = 3e-4
    batch_size: int = 64
    epochs: int = 30
    patience: int | None = None
    validation_share: float = 0.1
    initialisation: Initialisation = "uniform"
    symmetric: bool = True

    def __post_init__(self) -> None:
        self._check_shape()
        check_number("dropout", self.dropout, low=0, high=1)
        check_number("weight_decay", self.weight_decay, low=0)
        check_number("learning_rate", self.learning_rate, low=0, low_open=True)
        # Normalising by a batch of one would leave zeros.
        check_integer("batch_size", self.batch_size, low=2 if self.batch_norm else 1)
        check_integer("epochs", self.epochs, low=1)
        if self.patience is not None:
            check_integer("patience", self.patience, low=1)
        check_number("validation_share", self.validation_share, low=0, high=1, low_open=True)
        if self.initialisation not in get_args(Initialisation):
            known = " or ".join(get_args(Initialisation))
            raise UsageError(
                f"must be {known}, got {self.initialisation!r}", where="initialisation"
            )
        check_flag("symmetric", self.symmetric)

    def _check_shape(self) -> None:
        for name in ("layers", "batch_norm"):
            if not isinstance(getattr(self, name), tuple):
                raise UsageError(
                    f"must be a list of integers, got {getattr(self, name)!r}", where=name
                )
        for width in self.layers:
            check_integer("layers", width, low=1)
        for position in self.batch_norm:
            check_integer("batch_norm", position, low=0)
            if position >= len(self.layers):
                raise UsageError(
                    f"names hidden layer {position}, but layers has {len(self.layers)}",
                    where="batch_norm",
                    hint="layers are counted from 0",
                )
        if len(set(self.batch_norm)) != len(self.batch_norm):
            raise UsageError(f"names a layer twice: {self.batch_norm}", where="batch_norm")


class MLPHead(LearningHead):
    """An MLP on left minus right of the normalised embeddings, all backbones side by side.

    Trained by AdamW on the logits' cross-entropy, so there is one sigmoid, in `score`. Of what
    the defaults do differently from the reference, `symmetric` alone concerns the score; see
    `MLPSettings`. Scores are computed in float64, whatever the device.

    References:
        The shape and the place of batch normalisation: guyelov/Face-Recognition-Mitigation-Method,
        ``FR_System/Predictor/predictor.py``.
    """

    name = "mlp"
    settings_type = MLPSettings
    _network: Network

    def __init__(self, settings: object | None = None, *, device: str = "cpu") -> None:
        super().__init__(settings, device=device)
        if not re.fullmatch(r"cpu|cuda(:\d+)?", device):
            raise UsageError(f"must be cpu, cuda or cuda:N, got {device!r}", where="device")
        if device != "cpu" and not torch.cuda.is_available():
            raise UsageError("no CUDA device is at hand", where="device", hint="use cpu")

    def _fit(
        self, pairs: EmbeddedPairs, same: Labels, *, seed: int, validation: Labelled | None
    ) -> FitReport:
        settings: MLPSettings = self.settings
        held_out = 0
        if settings.patience is not None and validation is None:
            kept, aside = _split(same, settings.validation_share, seed=seed)
            validation = (pairs.take(aside), same[aside])
            pairs, same, held_out = pairs.take(kept), same[kept], len(aside)
        training = _Training(settings, pairs, same, validation, seed=seed, device=self.device)
        self._network = training.run().map(lambda tensor: tensor.detach().cpu())
        return FitReport(
            pairs=len(pairs),
            held_out=held_out,
            epochs=len(training.train_loss),
            best_epoch=training.best_epoch,
            train_loss=tuple(training.train_loss),
            validation_loss=tuple(training.validation_loss),
        )

    def _logit(self, pairs: EmbeddedPairs) -> Scores:
        network = self._network.map(lambda tensor: tensor.double())
        rows = torch.from_numpy(pairs.differences()).double()
        with torch.inference_mode():
            parts = [self._both(network, block) for block in torch.split(rows, SCORED_AT_ONCE)]
        logit: Scores = torch.cat(parts).numpy()
        return logit

    def _both(self, network: Network, rows: Tensor) -> Tensor:
        there = forward(network, rows)
        return (there + forward(network, -rows)) / 2 if self.settings.symmetric else there

    def _arrays(self) -> Arrays:
        return {name: tensor.numpy() for name, tensor in self._network.tensors().items()}

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        settings: MLPSettings = self.settings
        return shapes(sum(self.dimensions or ()), settings.layers, settings.batch_norm)

    def _load(self, arrays: Arrays) -> None:
        tensors = {name: torch.from_numpy(a.astype(np.float32)) for name, a in arrays.items()}
        self._network = assemble(tensors, self.settings.batch_norm)


class _Training:
    """One run of the recipe: all pairs on the device, no loader, no global seed."""

    def __init__(
        self,
        settings: MLPSettings,
        pairs: EmbeddedPairs,
        same: Labels,
        validation: Labelled | None,
        *,
        seed: int,
        device: str,
    ) -> None:
        self.settings = settings
        self.rows, self.labels = _tensors(pairs, same, device)
        self.validation = None if validation is None else _tensors(*validation, device)
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


def _tensors(pairs: EmbeddedPairs, same: Labels, device: str) -> tuple[Tensor, Tensor]:
    rows = torch.from_numpy(pairs.differences()).to(device)
    return rows, torch.from_numpy(same.astype(np.float32)).to(device)


def _split(same: Labels, share: float, *, seed: int) -> tuple[Any, Any]:
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
