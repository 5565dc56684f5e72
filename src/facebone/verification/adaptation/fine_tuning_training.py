"""One run of fine-tuning: batches through the tails, with a checkpoint after each epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import inf
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from facebone.errors import UsageError
from facebone.progress import ProgressFactory, SilentProgress
from facebone.seeding import derive_seed, make_rng
from facebone.verification.adaptation.adapter_settings import WITHIN_BATCH
from facebone.verification.adaptation.fine_tuning_checkpoint import Checkpoint
from facebone.verification.adaptation.fine_tuning_settings import FineTuningSettings
from facebone.verification.adaptation.losses import Batch, make_loss
from facebone.verification.adaptation.picture_augmentation import Range, augment
from facebone.verification.adaptation.sampling import Positions, draw_epoch
from facebone.verification.adaptation.tails import Tails
from facebone.verification.adaptation.watching import Watch
from facebone.verification.labelled_pictures import LabelledPictures


@dataclass(slots=True)
class Told:
    """What has become of a run so far.

    Args:
        epoch: epochs that are done.
        train_loss: mean loss of each.
        validation_loss: of people who are not trained on, after each.
        best_epoch: with patience, the epoch whose networks are kept.
    """

    epoch: int = 0
    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    best_epoch: int = 0


class FineTuning:
    """A run over labelled pictures. Everything random depends on the seed and the epoch alone.

    Args:
        settings: the recipe.
        tails: where it starts; trained in place, on `device`.
        pictures: n pictures to learn from.
        aside: pictures of other people to watch it by, if any.
        seed: for the order of pictures and their changes.
        device: where it runs.
    """

    def __init__(
        self,
        settings: FineTuningSettings,
        tails: Tails,
        pictures: LabelledPictures,
        aside: LabelledPictures | None,
        *,
        seed: int,
        device: str,
    ) -> None:
        self.settings, self.recipe = settings, settings.recipe
        self.tails, self.seed, self.device = tails.place(device), seed, device
        self.rows = pictures.embeddings
        self.person: Positions = np.unique(pictures.person, return_inverse=True)[1].astype(np.intp)
        self.aside, self.watch = aside, None
        if aside is not None:
            self.watch = Watch.over(np.arange(len(aside)), aside.person, seed=seed)
        self.loss = make_loss(self.recipe)
        self.centres = None if settings.loss in WITHIN_BATCH else self._centres()
        self.ranges = [Range.of(spec, device=device) for spec in tails.specs]
        learnt = [*tails.parameters(), *([] if self.centres is None else [self.centres])]
        self.optimiser = torch.optim.AdamW(
            learnt, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )
        self.told = Told()
        self.best: dict[str, Any] | None = None

    def run(
        self,
        *,
        checkpoint: Checkpoint | None = None,
        progress: ProgressFactory = SilentProgress,
    ) -> Told:
        """Train to the end, from the checkpoint on if it holds something.

        Raises:
            StorageError: the checkpoint cannot be written, or is damaged.
            UsageError: it is of another run, or training ran out of bounds.
        """
        kept = checkpoint.read() if checkpoint is not None else None
        if kept is not None:
            self._restore(kept)
        with progress("fine-tuning", self.settings.epochs * len(self.person)) as bar:
            bar.advance(self.told.epoch * len(self.person))
            while not self._finished:
                self._epoch()
                if checkpoint is not None:
                    checkpoint.write(self._state())
                bar.advance(len(self.person))
        if self.best is None:
            self.told.best_epoch = self.told.epoch
        else:
            self._take(self.best)
        return self.told

    @property
    def _finished(self) -> bool:
        told, patience = self.told, self.settings.patience
        stale = patience is not None and told.epoch - told.best_epoch >= patience
        return told.epoch >= self.settings.epochs or (stale and told.epoch > 0)

    def _epoch(self) -> None:
        told = self.told
        rng = make_rng(self.seed, "fine-tuning", "order", told.epoch)
        seed = derive_seed(self.seed, "fine-tuning", "augment", told.epoch)
        generator = torch.Generator().manual_seed(seed)
        places, weights = draw_epoch(self.recipe, self.person, rng)
        self.tails.train()
        total, count = 0.0, 0
        for step, (place, weight) in enumerate(zip(places, weights, strict=True)):
            rows = place[weight > 0]
            share = (told.epoch + step / len(places)) / self.settings.epochs
            rate = self.recipe.rate_at(share)
            total += self._step(rows, rate, generator) * len(rows)
            count += len(rows)
        told.epoch += 1
        told.train_loss.append(total / count)
        if not np.isfinite(total):
            raise UsageError(
                "training ran out of bounds", where="fine_tuning", hint="lower learning_rate"
            )
        if self.watch is not None and self.aside is not None:
            templates = self.tails.embed(self.aside.embeddings, self.device)
            told.validation_loss.append(self.watch.loss(torch.from_numpy(templates)))
            best = told.validation_loss[-1] < min(told.validation_loss[:-1], default=inf)
            if best and self.settings.patience is not None:
                told.best_epoch, self.best = told.epoch, self._weights()

    def _step(self, rows: Positions, rate: float, generator: torch.Generator) -> float:
        maps = self.tails.lower([matrix[rows] for matrix in self.rows], self.device)
        shown = [
            augment(one, self.settings.augment, tones, generator)
            for one, tones in zip(maps, self.ranges, strict=True)
        ]
        templates = self.tails(shown)
        # Templates and centres have length one, so their products are cosines.
        others = templates if self.centres is None else functional.normalize(self.centres, dim=1)
        cosine = (templates @ others.T)[None]
        slope = torch.empty_like(cosine)
        with torch.no_grad():
            losses = self.loss.slope(cosine.detach(), self._batch(rows, len(others)), slope)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad()
        cosine.backward(slope)
        self.optimiser.step()
        return float(losses[0])

    def _batch(self, rows: Positions, others: int) -> Batch:
        person = torch.from_numpy(self.person[rows])[None].to(self.device)
        weight = torch.full(person.shape, 1 / len(rows), device=self.device)
        return Batch(person, weight, torch.zeros(1, 1, others, device=self.device))

    def _centres(self) -> nn.Parameter:
        """Each person's mean template before training, (C, t): what a random one would find out."""
        templates = torch.from_numpy(self.tails.embed(self.rows, self.device))
        sums = torch.zeros(int(self.person.max()) + 1, templates.shape[1])
        sums.index_add_(0, torch.from_numpy(self.person), templates)
        return nn.Parameter(functional.normalize(sums, dim=1).to(self.device))

    def _weights(self) -> dict[str, Any]:
        """Networks and centres as they are now, in memory of their own."""
        network = {name: tensor.clone() for name, tensor in self.tails.state_dict().items()}
        return {
            "network": network,
            "centres": None if self.centres is None else self.centres.detach().clone(),
        }

    def _take(self, weights: Mapping[str, Any]) -> None:
        self.tails.load_state_dict(weights["network"])
        if self.centres is not None:
            with torch.no_grad():
                self.centres.copy_(weights["centres"])

    def _state(self) -> dict[str, Any]:
        """All that later epochs depend on, and what earlier ones found."""
        return {
            **self._weights(),
            "optimiser": self.optimiser.state_dict(),
            "best": self.best,
            "told": asdict(self.told),
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
        self._take(state)
        self.optimiser.load_state_dict(state["optimiser"])
        self.best = state["best"]
        self.told = Told(**state["told"])
