"""The reference's head: a multi-layer perceptron on the difference of two embeddings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from facebone.errors import UsageError
from facebone.seeding import check_seed
from facebone.settings import check_flag, check_integer, check_number
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads.base import (
    Arrays,
    FitReport,
    Labelled,
    Labels,
    LearningHead,
    Scores,
)
from facebone.verification.heads.checks import check_device
from facebone.verification.heads.inside import Inside
from facebone.verification.heads.many import FitJob, PoolJobs
from facebone.verification.heads.mlp_inside import look_inside
from facebone.verification.heads.mlp_many import Course, train_together
from facebone.verification.heads.mlp_network import (
    Initialisation,
    Network,
    assemble,
    forward,
    shapes,
)
from facebone.verification.heads.mlp_training import Constant, Shown, Training, split
from facebone.verification.heads.views import Views

SCORED_AT_ONCE = 4096
"""Rows in a block when scoring: bounds memory to 16 MB a layer of 512."""


CACHE = 12 * 2**20
"""Bytes of weights, gradients and moments beyond which each step waits longer for memory than it
saves calls. Of the default's networks, 4 at once take 0.85 of the time that 16 do."""


@dataclass(frozen=True, slots=True)
class MLPSettings:
    """Shape and training recipe of the MLP.

    The defaults make the prototype's verifier: the undefended target that defences are held
    against. For verification in earnest the logistic head is the better one; who wants an MLP all
    the same sets `symmetric` for scores that do not depend on the order of a pair.

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
            Training takes pairs in the order given either way. Averaging is a defence of its own,
            for the other order of a pair was never trained on: on half the pairs of LFW's View 2,
            not aligned, it took the loss-threshold attack from AUC 0.715 down to 0.615. An
            undefended verifier must not have it unasked.
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
    initialisation: Initialisation = "he"
    symmetric: bool = False

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


def fitting_at_once(layers: tuple[int, ...]) -> int:
    """How many networks to train side by side: few of large ones, whose numbers fill the cache."""
    numbers = 4 * sum(before * after for before, after in pairwise(layers))
    return max(4, min(16, CACHE // (4 * numbers or 1)))


class MLPHead(LearningHead):
    """An MLP on left minus right of the normalised embeddings, all backbones side by side.

    Trained by AdamW on the logits' cross-entropy, so there is one sigmoid, in `score`. Scores are
    computed in float64, whatever the device.

    References:
        The shape and the place of batch normalisation: guyelov/Face-Recognition-Mitigation-Method,
        ``FR_System/Predictor/predictor.py``.
    """

    name = "mlp"
    settings_type = MLPSettings
    _network: Network

    def __init__(self, settings: object | None = None, *, device: str = "cpu") -> None:
        super().__init__(settings, device=device)
        check_device(device)
        self.at_once = fitting_at_once(self.settings.layers)

    def _fit(
        self, pairs: EmbeddedPairs, same: Labels, *, seed: int, validation: Labelled | None
    ) -> FitReport:
        return self._train(Constant(pairs), same, seed=seed, validation=validation)

    def _fit_views(
        self, views: Views, same: Labels, *, seed: int, validation: Labelled | None
    ) -> FitReport:
        return self._train(views, same, seed=seed, validation=validation)

    def _train(
        self, shown: Shown, same: Labels, *, seed: int, validation: Labelled | None
    ) -> FitReport:
        settings: MLPSettings = self.settings
        held_out = 0
        if settings.patience is not None and validation is None:
            kept, aside = split(same, settings.validation_share, seed=seed)
            validation = shown.take(aside).distinct(same[aside])
            shown, same, held_out = shown.take(kept), same[kept], len(aside)
        training = Training(settings, shown, same, validation, seed=seed, device=self.device)
        self._network = training.run().map(lambda tensor: tensor.detach().cpu())
        return FitReport(
            pairs=len(shown),
            held_out=held_out,
            epochs=len(training.train_loss),
            best_epoch=training.best_epoch,
            train_loss=tuple(training.train_loss),
            validation_loss=tuple(training.validation_loss),
        )

    def _stream(self, jobs: PoolJobs, groups: list[list[int]]) -> Iterator[tuple[int, Self]]:
        if self.settings.patience is not None:
            # Each would stop at an epoch of its own: side by side they would wait for the last.
            yield from super()._stream(jobs, groups)
            return
        rows = torch.from_numpy(jobs.pool.differences()).to(self.device)
        truth = torch.from_numpy(jobs.same.astype(np.float32)).to(self.device)
        for group in groups:
            courses = [Course(jobs.members[k][None, :], jobs.seeds[k]) for k in group]
            heads = self._together(rows, truth, courses, jobs.pool.dimensions)
            yield from zip(group, heads, strict=True)

    def fit_views_many(self, jobs: Iterable[FitJob]) -> list[Self]:
        """See `FitsMany.fit_views_many`; with `patience` they are trained one after another.

        What the views show is held until the last is trained, once for each pair and backbone.

        Raises:
            UsageError: as `fit_views`, or jobs of several widths.
        """
        if self.settings.patience is not None:
            return super().fit_views_many(jobs)
        rows, truth, courses, width = [], [], [], None
        begin = 0
        for job in jobs:
            check_seed(job.seed)
            self._check_learnt(job.views.pairs, job.same, (job.views.width,), None)
            if width not in (None, job.views.width):
                raise UsageError(
                    f"jobs of one width are needed, got {width} and {job.views.width}",
                    where=f"head {self.name}",
                )
            width = job.views.width
            pairs, same = job.views.distinct(job.same)
            rows.append(pairs.differences())
            truth.append(same.astype(np.float32))
            courses.append(Course(begin + job.views.places(), job.seed))
            begin += len(pairs)
        if width is None:
            return []
        shown = torch.from_numpy(np.concatenate(rows)).to(self.device)
        rows.clear()
        labels = torch.from_numpy(np.concatenate(truth)).to(self.device)
        return self._together(shown, labels, courses, (width,))

    def _together(
        self, rows: Tensor, truth: Tensor, courses: Sequence[Course], dimensions: tuple[int, ...]
    ) -> list[Self]:
        heads = []
        for network in train_together(self.settings, rows, truth, courses):
            heads.append(self.fresh())
            heads[-1]._network, heads[-1].dimensions = network, dimensions
        return heads

    def _logit(self, pairs: EmbeddedPairs) -> Scores:
        logit: Scores = self._answer(*self._precise(pairs))
        return logit

    def _inside(self, pairs: EmbeddedPairs, same: Labels) -> Inside:
        network, rows = self._precise(pairs)
        return look_inside(network, rows, same, symmetric=self.settings.symmetric)

    def _precise(self, pairs: EmbeddedPairs) -> tuple[Network, Tensor]:
        """The network and what goes into it, in float64."""
        network = self._network.map(lambda tensor: tensor.double())
        return network, torch.from_numpy(pairs.differences()).double()

    def _quick_logit(self, pairs: EmbeddedPairs) -> npt.NDArray[np.float32]:
        return self._answer(self._network, torch.from_numpy(pairs.differences()))

    def _answer(self, network: Network, rows: Tensor) -> npt.NDArray[Any]:
        with torch.inference_mode():
            parts = [self._both(network, block) for block in torch.split(rows, SCORED_AT_ONCE)]
        answer: npt.NDArray[Any] = torch.cat(parts).numpy()
        return answer

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
