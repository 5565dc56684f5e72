"""Many MLPs trained side by side: `mlp_training`'s recipe on stacked tensors.

Each network has its own start, members, order of pairs and dropped outputs, all drawn from its own
seed as when it is trained alone, so the result is the same but for rounding. With layers whose
widths are multiples of 16, as the default's mostly are, it is the same to the last bit, whoever is
trained at its side: see `mlp_step`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from facebone.seeding import derive_seed
from facebone.verification.heads.mlp_mixing import Mixing
from facebone.verification.heads.mlp_network import Network, assemble, start
from facebone.verification.heads.mlp_step import Buffers, Run, Stacked
from facebone.verification.heads.objectives import Deck, make_objective

if TYPE_CHECKING:
    from facebone.verification.heads.mlp import MLPSettings


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What one network learns from, as rows of a matrix that all networks share.

    Args:
        places: (E, m) positions of its m pairs in epochs 0 .. E - 1; then the first comes again.
        seed: for the start, the order of pairs, and what is dropped, mixed or drawn by the
            objective.
        aside: (E, r) positions of pairs that it is not trained on, where its objective needs some.
    """

    places: npt.NDArray[np.intp]
    seed: int
    aside: npt.NDArray[np.intp] | None = None

    def __len__(self) -> int:
        return int(self.places.shape[1])

    def behind(self, rows: int) -> Course:
        """The same, where so many other rows come first."""
        return replace(
            self,
            places=self.places + rows,
            aside=None if self.aside is None else self.aside + rows,
        )


def train_together(
    settings: MLPSettings, rows: Tensor, truth: Tensor, courses: Sequence[Course]
) -> list[Network]:
    """Train one network a course; all are in memory at once.

    Args:
        settings: the recipe; without early stopping.
        rows: (R, width) float32, differences of embeddings, on the device to train on.
        truth: (R,) float32, 1 where a row shows one person, on the same device.
        courses: one a network.

    Returns:
        Networks on the CPU, in the order of the courses.
    """
    found: dict[int, Network] = {}
    counted = sorted(range(len(courses)), key=lambda k: len(courses[k]))
    for _, group in groupby(counted, key=lambda k: len(batch_sizes(len(courses[k]), settings))):
        chosen = list(group)
        with torch.no_grad():
            stack = Stack(settings, rows, truth, [courses[k] for k in chosen])
            found |= zip(chosen, stack.run(), strict=True)
    return [found[k] for k in range(len(courses))]


def batch_sizes(count: int, settings: MLPSettings) -> list[int]:
    """Sizes of an epoch's batches of `count` pairs, without a last one that cannot be normalised.

    A batch of one pair has no variance; another epoch meets that pair.
    """
    full, rest = divmod(count, settings.batch_size)
    sizes = [settings.batch_size] * full + [rest] * bool(rest)
    return sizes[:-1] if settings.batch_norm and sizes[-1] == 1 and count > 1 else sizes


class Stack:
    """K networks that take equally many steps an epoch, the last batch possibly of several sizes.

    Args:
        settings: the recipe.
        rows: as in `train_together`.
        truth: as in `train_together`.
        courses: ordered by their number of pairs.
    """

    def __init__(
        self, settings: MLPSettings, rows: Tensor, truth: Tensor, courses: Sequence[Course]
    ) -> None:
        self.settings = settings
        self.rows, self.truth = rows, truth
        self.courses = courses
        device = rows.device
        starts = [
            start(
                rows.shape[1],
                settings.layers,
                settings.batch_norm,
                initialisation=settings.initialisation,
                generator=torch.Generator().manual_seed(derive_seed(c.seed, "mlp", "start")),
            ).tensors()
            for c in courses
        ]
        network = assemble(
            {name: torch.stack([s[name] for s in starts]).to(device) for name in starts[0]},
            settings.batch_norm,
        )
        self.stacked = Stacked(
            network=network,
            first=network.map(torch.zeros_like),
            second=network.map(torch.zeros_like),
            generators=[
                torch.Generator(device).manual_seed(derive_seed(c.seed, "mlp", "epochs"))
                for c in courses
            ],
            steps=torch.zeros((), device=device),
            objectives=[make_objective(settings.objective) for _ in courses],
            mixings=[Mixing(settings.mixup, seed=c.seed) for c in courses if settings.mixup],
        )
        for k, (course, objective) in enumerate(zip(courses, self.stacked.objectives, strict=True)):
            objective.start(self._one(k), seed=course.seed)
        self.buffers = Buffers(device)
        self.runs: dict[tuple[int, int, int], Run] = {}

    def run(self) -> Iterator[Network]:
        """Train, and give each network, on the CPU and in memory of its own."""
        for epoch in range(self.settings.epochs):
            self._show(epoch)
            for batches in self._epoch(epoch):
                self.stacked.steps.add_(1)
                for run, places in batches:
                    run.step(self.rows, self.truth, places)
        for k in range(len(self.courses)):
            yield self._one(k).map(lambda tensor: tensor.to("cpu", copy=True))

    def _one(self, k: int) -> Network:
        """Network k, in the stack's memory."""
        return self.stacked.network.map(lambda tensor: tensor[k])

    def _show(self, epoch: int) -> None:
        """Tell each objective what its network sees in this epoch."""
        for course, objective in zip(self.courses, self.stacked.objectives, strict=True):
            aside = None if course.aside is None else self._deck(course.aside, epoch)
            objective.show(epoch, self._deck(course.places, epoch), aside)

    def _deck(self, places: npt.NDArray[np.intp], epoch: int) -> Deck:
        at = torch.from_numpy(places[epoch % len(places)]).to(self.rows.device)
        return Deck(self.rows, self.truth, at)

    def _epoch(self, epoch: int) -> Iterator[list[tuple[Run, Tensor]]]:
        """Step by step, the runs of networks whose batches are of one size, and their rows."""
        orders = [self._order(k, epoch) for k in range(len(self.courses))]
        sizes = [batch_sizes(len(course), self.settings) for course in self.courses]
        full, count = self.settings.batch_size, len(sizes[0])
        # All but the last batch are full, for every network.
        common = torch.stack([order[: full * (count - 1)] for order in orders])
        for places in common.view(len(orders), count - 1, full).transpose(0, 1).contiguous():
            yield [(self._run(0, len(orders), full), places.view(-1))]
        last = []
        for size, group in groupby(range(len(orders)), key=lambda k: sizes[k][-1]):
            chosen = list(group)
            begin = full * (count - 1)
            places = torch.cat([orders[k][begin : begin + size] for k in chosen])
            last.append((self._run(chosen[0], chosen[-1] + 1, size), places))
        yield last

    def _order(self, k: int, epoch: int) -> Tensor:
        course, generator = self.courses[k], self.stacked.generators[k]
        order = torch.randperm(len(course), generator=generator, device=generator.device)
        places = course.places[epoch % len(course.places)]
        return torch.from_numpy(places).to(generator.device)[order]

    def _run(self, begin: int, end: int, size: int) -> Run:
        key = begin, end, size
        if key not in self.runs:
            part = self.stacked.part(begin, end)
            self.runs[key] = Run(self.settings, part, self.buffers, size)
        return self.runs[key]
