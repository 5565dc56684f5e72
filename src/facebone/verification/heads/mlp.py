"""The reference's head: a multi-layer perceptron on the difference of two embeddings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from facebone.errors import UsageError
from facebone.seeding import check_seed
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads.base import Arrays, Labelled, Labels, Scores
from facebone.verification.heads.checks import check_device
from facebone.verification.heads.fit_report import FitReport
from facebone.verification.heads.inside import Inside
from facebone.verification.heads.many import FitJob, PoolJobs
from facebone.verification.heads.mlp_inside import look_inside
from facebone.verification.heads.mlp_many import Course, train_together
from facebone.verification.heads.mlp_network import Network, assemble, forward, shapes
from facebone.verification.heads.mlp_settings import MLPSettings
from facebone.verification.heads.mlp_training import Constant, Shown, Training, split
from facebone.verification.heads.objectives import make_objective
from facebone.verification.heads.soft import Chances, SoftHead, SoftJob
from facebone.verification.heads.views import Views

__all__ = ["MLPHead", "MLPSettings", "fitting_at_once"]

SCORED_AT_ONCE = 4096
"""Rows in a block when scoring: bounds memory to 16 MB a layer of 512."""


CACHE = 12 * 2**20
"""Bytes of weights, gradients and moments beyond which each step waits longer for memory than it
saves calls. Of the default's networks, 4 at once take 0.85 of the time that 16 do."""


def fitting_at_once(layers: tuple[int, ...]) -> int:
    """How many networks to train side by side: few of large ones, whose numbers fill the cache."""
    numbers = 4 * sum(before * after for before, after in pairwise(layers))
    return max(4, min(16, CACHE // (4 * numbers or 1)))


Lesson = tuple[EmbeddedPairs, npt.NDArray[Any], Course]
"""Pairs, labels or chances of them, and how a network meets them; its places are among these."""


class MLPHead(SoftHead):
    """An MLP on left minus right of the normalised embeddings, all backbones side by side.

    Trained by AdamW on an objective of the logits, by default their cross-entropy, so there is one
    sigmoid, in `score`. Scores are computed in float64, whatever the device.

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

    def check_soft(self) -> None:
        """See `SoftHead.check_soft`: some objectives ask for labels."""
        if not make_objective(self.settings.objective).mixes:
            raise UsageError(
                f"learns from labels alone, with objective {self.settings.objective}",
                where=f"head {self.name}",
                hint="take another objective, such as cross_entropy",
            )

    def _fit_soft(
        self, pairs: EmbeddedPairs, chance: Chances, *, seed: int, validation: Labelled | None
    ) -> FitReport:
        return self._train(Constant(pairs), chance, seed=seed, validation=validation)

    def _train(
        self, shown: Shown, same: npt.NDArray[Any], *, seed: int, validation: Labelled | None
    ) -> FitReport:
        """Train on what is shown, and labels or chances of its pairs."""
        settings: MLPSettings = self.settings
        held_out, reference = 0, None
        stops = settings.patience is not None and validation is None
        if stops or self._keeps_aside:
            kept, aside = split(same >= 0.5, settings, seed=seed)
            reference = shown.take(aside), same[aside]
            if stops:
                validation = reference[0].distinct(reference[1])
            shown, same, held_out = shown.take(kept), same[kept], len(aside)
        training = Training(
            settings, shown, same, validation, reference, seed=seed, device=self.device
        )
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
            courses = [
                self._course(
                    jobs.members[k][None, :], jobs.same[jobs.members[k]], seed=jobs.seeds[k]
                )
                for k in group
            ]
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

        def lessons() -> Iterator[Lesson]:
            for job in jobs:
                check_seed(job.seed)
                self._check_learnt(job.views.pairs, job.same, (job.views.width,), None)
                course = self._course(job.views.places(), job.same, seed=job.seed)
                yield (*job.views.distinct(job.same), course)

        return self._side_by_side(lessons())

    def fit_soft_many(self, jobs: Iterable[SoftJob]) -> list[Self]:
        """See `SoftHead.fit_soft_many`; with `patience` they are trained one after another.

        Raises:
            UsageError: as `fit_soft`, or jobs of several widths.
        """
        if self.settings.patience is not None:
            return super().fit_soft_many(jobs)

        def lessons() -> Iterator[Lesson]:
            for job in jobs:
                self._check_taught(job)
                yield job.pairs, job.chance, Course(np.arange(len(job.pairs))[None, :], job.seed)

        return self._side_by_side(lessons())

    @property
    def _keeps_aside(self) -> bool:
        """Whether the objective needs pairs that are not trained on."""
        return make_objective(self.settings.objective).keeps_aside

    def _course(self, places: npt.NDArray[np.intp], same: Labels, *, seed: int) -> Course:
        """What a network of a stack learns from, less what is kept aside.

        Args:
            places: (E, m) as of a `Course`, of all its pairs.
            same: (m,) bool.
            seed: of the training.
        """
        if not self._keeps_aside:
            return Course(places, seed)
        kept, aside = split(same, self.settings, seed=seed)
        return Course(places[:, kept], seed, places[:, aside])

    def _side_by_side(self, lessons: Iterable[Lesson]) -> list[Self]:
        """Heads that learn from pairs of their own, held until the last of them is trained."""
        rows, truth, courses = [], [], []
        dimensions: tuple[int, ...] = ()
        begin = 0
        for pairs, labels, course in lessons:
            if dimensions not in ((), pairs.dimensions):
                widths = [" + ".join(map(str, each)) for each in (dimensions, pairs.dimensions)]
                raise UsageError(
                    f"jobs of one width are needed, got {widths[0]} and {widths[1]}",
                    where=f"head {self.name}",
                )
            dimensions = pairs.dimensions
            rows.append(pairs.differences())
            truth.append(labels.astype(np.float32))
            courses.append(course.behind(begin))
            begin += len(pairs)
        if not courses:
            return []
        shown = torch.from_numpy(np.concatenate(rows)).to(self.device)
        rows.clear()
        taught = torch.from_numpy(np.concatenate(truth)).to(self.device)
        return self._together(shown, taught, courses, dimensions)

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
