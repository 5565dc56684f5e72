"""Which pictures each step of a training meets, and with what weight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.verification.adaptation.adapter_settings import AdapterSettings

Positions = npt.NDArray[np.intp]
Weights = npt.NDArray[np.float32]

ROUND = 32
"""Sizes that differ between trainings are rounded up to a multiple of it: of rows in a batch where
there are fewer pictures than it may hold, and of people."""


def round_up(count: int) -> int:
    """The next multiple of `ROUND`."""
    return -(-count // ROUND) * ROUND


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """How many steps an epoch has, and how many rows each of them.

    All steps have as many rows, so that trainings on other numbers of pictures can share them;
    rows that are not filled have no weight.

    Args:
        steps: in an epoch.
        rows: in a batch, filled or not.
    """

    steps: int
    rows: int

    @classmethod
    def of(cls, settings: AdapterSettings, count: int) -> BatchPlan:
        """The plan for `count` pictures."""
        steps, rest = divmod(count, settings.rows)
        # A batch of one picture has no variance to normalise by; another epoch meets it.
        left_over = settings.batch_norm and settings.chosen_sampler == "pictures" and rest == 1
        steps += bool(rest) and not (left_over and steps)
        if settings.chosen_sampler == "people":
            return cls(steps, settings.rows)
        return cls(steps, min(settings.rows, round_up(count)))


def draw_epoch(
    settings: AdapterSettings, person: Positions, rng: np.random.Generator
) -> tuple[Positions, Weights]:
    """The pictures of an epoch's batches.

    Args:
        settings: the recipe.
        person: (n,) who each picture shows, 0 .. C - 1, each at least once.
        rng: draws the order.

    Returns:
        Positions of pictures, (steps, rows), and weights of the same shape: 1 over the number of
        pictures in the batch, or 0 where no picture is.
    """
    plan = BatchPlan.of(settings, len(person))
    if settings.chosen_sampler == "pictures":
        order = rng.permutation(len(person))[: plan.steps * plan.rows]
        batches = [order[i * plan.rows : (i + 1) * plan.rows] for i in range(plan.steps)]
    else:
        people = _people(int(person.max()) + 1, settings.people_per_batch, plan.steps, rng)
        most = settings.pictures_per_person
        batches = [_pictures(person, chosen, most, rng) for chosen in people]
    places = np.zeros((plan.steps, plan.rows), dtype=np.intp)
    weights = np.zeros((plan.steps, plan.rows), dtype=np.float32)
    for step, batch in enumerate(batches):
        places[step, : len(batch)] = batch
        weights[step, : len(batch)] = 1 / len(batch)
    return places, weights


def _people(count: int, each: int, steps: int, rng: np.random.Generator) -> list[Positions]:
    """Different people for each step; all have been met before one comes again, but for a rest."""
    found: list[Positions] = []
    while len(found) < steps:
        order = rng.permutation(count)
        found += [order[i : i + each] for i in range(0, max(count - each, 0) + 1, each)]
    return found[:steps]


def _pictures(
    person: Positions, chosen: Positions, most: int, rng: np.random.Generator
) -> Positions:
    """Up to `most` pictures of each person, drawn without putting back."""
    rows = rng.permutation(np.flatnonzero(np.isin(person, chosen)))
    rows = rows[np.argsort(person[rows], kind="stable")]
    ordered = person[rows]
    rank = np.arange(len(rows)) - np.searchsorted(ordered, ordered)
    taken: Positions = rows[rank < most]
    return taken
