"""Training of many adapters side by side: each as alone, from pictures of known people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from math import inf

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from facebone.seeding import derive_seed, make_rng
from facebone.verification.adaptation.adapter_network import Plan
from facebone.verification.adaptation.adapter_settings import WITHIN_BATCH, AdapterSettings
from facebone.verification.adaptation.adapter_step import Stacked, Step
from facebone.verification.adaptation.sampling import BatchPlan, draw_epoch, round_up
from facebone.verification.adaptation.watching import Watch
from facebone.verification.heads.mlp_network import Network

Positions = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What one adapter learns from, as rows of a matrix that all adapters share.

    Args:
        places: (m,) positions of its m pictures.
        person: (m,) who they show, 0 .. C - 1, each at least once.
        seed: for the start, the order of pictures, noise and what is dropped.
        watch: pairs of other people, on which it is measured after each epoch.
    """

    places: Positions
    person: Positions
    seed: int
    watch: Watch | None = None

    @property
    def people(self) -> int:
        """How many people it learns."""
        return int(self.person.max()) + 1


@dataclass(slots=True, eq=False)
class Trained:
    """What training made of one course.

    Args:
        network: of the last, or with patience of the best, epoch, on the CPU.
        centres: (C, t) of the people, on the CPU; None for a loss within the batch.
        train_loss: mean loss of each epoch.
        validation_loss: of the watch after each epoch.
        best_epoch: the epoch, counted from 1, whose network is kept.
    """

    network: Network = field(default_factory=lambda: Network([], [], {}))
    centres: Tensor | None = None
    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    best_epoch: int = 0


def train_together(
    settings: AdapterSettings, rows: Tensor, courses: Sequence[Course], *, at_once: int
) -> list[Trained]:
    """Train one adapter a course, up to `at_once` of them side by side.

    Courses of as many steps and about as many people share theirs. Their results do not depend on
    who is at their side.

    Args:
        settings: the recipe.
        rows: (R, width) float32 embeddings of length one, on the device to train on.
        courses: one an adapter.
        at_once: which memory depends on.

    Returns:
        In the order of the courses.
    """

    def alike(k: int) -> tuple[int, int, int]:
        plan = BatchPlan.of(settings, len(courses[k].places))
        return plan.steps, plan.rows, round_up(courses[k].people)

    found: dict[int, Trained] = {}
    for _, group in groupby(sorted(range(len(courses)), key=alike), key=alike):
        chosen = list(group)
        for i in range(0, len(chosen), at_once):
            part = chosen[i : i + at_once]
            with torch.no_grad():
                found |= zip(
                    part, Stack(settings, rows, [courses[k] for k in part]).run(), strict=True
                )
    return [found[k] for k in range(len(courses))]


class Stack:
    """K adapters that take equally many steps an epoch; arguments as of `train_together`."""

    def __init__(self, settings: AdapterSettings, rows: Tensor, courses: Sequence[Course]) -> None:
        self.settings, self.rows, self.courses = settings, rows, courses
        device = rows.device
        self.plan = Plan.of(settings, rows.shape[1])
        self.batches = BatchPlan.of(settings, len(courses[0].places))
        networks, centres, absent = zip(*(self._start(course) for course in courses), strict=True)
        stacks = {
            name: torch.stack([network.tensors()[name] for network in networks]).to(device)
            for name in networks[0].tensors()
        }
        self.stacked = Stacked(
            network=self.plan.assemble(stacks),
            centres=None if settings.loss in WITHIN_BATCH else torch.stack(centres).to(device),
            absent=torch.stack(absent).to(device),
            generators=[
                torch.Generator(device).manual_seed(derive_seed(c.seed, "adapter", "noise"))
                for c in courses
            ],
        )
        self.step = Step(settings, self.plan, self.stacked, self.batches.rows)
        self.orders = [make_rng(course.seed, "adapter", "order") for course in courses]
        self.done = [Trained() for _ in courses]
        self.running = set(range(len(courses)))

    def run(self) -> list[Trained]:
        """Train until each has taken its epochs, or has lost patience."""
        for epoch in range(self.settings.epochs):
            losses = self._epoch(epoch)
            for k in sorted(self.running):
                self.done[k].train_loss.append(losses[k])
                self._judge(k, epoch + 1)
            if not self.running:
                break
        for k, done in enumerate(self.done):
            if not done.best_epoch:
                self._keep(k, self.settings.epochs)
        return self.done

    def _start(self, course: Course) -> tuple[Network, Tensor, Tensor]:
        """A random network, random centres (t, c), and which of them there are not, (1, c)."""
        generator = torch.Generator().manual_seed(derive_seed(course.seed, "adapter", "start"))
        network = self.plan.start(generator)
        width, people = self.plan.widths[-1], course.people
        centres = torch.zeros(width, round_up(people))
        centres[:, :people] = torch.randn(width, people, generator=generator) * width**-0.5
        absent = torch.zeros(1, round_up(people))
        absent[:, people:] = -inf
        return network, centres, absent

    def _epoch(self, epoch: int) -> list[float]:
        """All steps of an epoch; mean loss of each adapter over its pictures."""
        device, count = self.rows.device, len(self.courses)
        drawn = [
            draw_epoch(self.settings, course.person, rng)
            for course, rng in zip(self.courses, self.orders, strict=True)
        ]
        weights = torch.from_numpy(np.stack([weight for _, weight in drawn], axis=1)).to(device)
        places, person = (
            torch.from_numpy(np.stack(arrays, axis=1)).to(device)
            for arrays in zip(
                *(
                    (course.places[at], course.person[at])
                    for course, (at, _) in zip(self.courses, drawn, strict=True)
                ),
                strict=True,
            )
        )
        filled = (weights > 0).sum(2)
        total = torch.zeros(count, device=device)
        for s in range(self.batches.steps):
            share = (epoch * self.batches.steps + s) / (self.settings.epochs * self.batches.steps)
            rate = self.settings.rate_at(share)
            losses = self.step.take(self.rows, places[s].view(-1), person[s], weights[s], rate)
            total += losses * filled[s]
        return [float(loss) for loss in total / filled.sum(0)]

    def _judge(self, k: int, epoch: int) -> None:
        """Measure an adapter on its watch; keep it if it is better, stop it if it long was not."""
        watch, done, patience = self.courses[k].watch, self.done[k], self.settings.patience
        if watch is None:
            return
        network = self.stacked.network.map(lambda tensor: tensor[k])
        loss = watch.loss(self.plan.templates(network, self.rows[watch.pictures(self.rows.device)]))
        done.validation_loss.append(loss)
        if patience is None:
            return
        if loss < min(done.validation_loss[:-1], default=inf):
            self._keep(k, epoch)
        elif epoch - done.best_epoch >= patience:
            self.running.discard(k)

    def _keep(self, k: int, epoch: int) -> None:
        """Keep an adapter as it is now, on the CPU and in memory of its own."""
        done, centres = self.done[k], self.stacked.centres
        done.network = self.stacked.network.map(lambda tensor: tensor[k].to("cpu", copy=True))
        done.best_epoch = epoch
        if centres is not None:
            people = self.courses[k].people
            done.centres = centres[k, :, :people].t().to("cpu", copy=True).contiguous()
