"""The adapter: a small network over stored embeddings, trained on pictures of known people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch

from facebone.errors import UsageError
from facebone.verification.adaptation.adapter_inside import (
    CENTRE_NAMES,
    count_centres,
    look_at_centres,
    look_inside,
)
from facebone.verification.adaptation.adapter_network import Plan
from facebone.verification.adaptation.adapter_settings import AdapterSettings
from facebone.verification.adaptation.adapter_training import Trained
from facebone.verification.adaptation.lessons import Lesson, report_of, train_lessons
from facebone.verification.adaptation.watching import keep_aside
from facebone.verification.embedded_pairs import EmbeddedPairs, Matrix, normalise
from facebone.verification.heads.base import Arrays, Labels
from facebone.verification.heads.checks import check_device
from facebone.verification.heads.fit_report import FitReport
from facebone.verification.heads.inside import Inside
from facebone.verification.heads.mlp_network import Network
from facebone.verification.heads.people import PeopleHead, Rows
from facebone.verification.labelled_pictures import LabelledPictures, join

CACHE = 16 * 2**20
"""Bytes of weights, gradients and moments beyond which each step waits longer for memory than it
saves calls."""


def fitting_at_once(plan: Plan) -> int:
    """How many adapters to train side by side: few of large ones, whose numbers fill the cache."""
    return max(4, min(16, CACHE // (16 * plan.numbers)))


class AdapterHead(PeopleHead):
    """A small network makes templates of stored embeddings; it is trained to know people apart.

    What it learns of the people it is trained on shows in their templates, more than that of
    strangers: this is what an audit measures.

    References:
        Adapters of frozen features: Houlsby et al., "Parameter-Efficient Transfer Learning for
        NLP", 2019; of low rank: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models",
        2022.
    """

    name = "adapter"
    settings_type = AdapterSettings
    _networks: list[Network]
    _centres: Matrix

    def __init__(
        self, settings: object | None = None, *, device: str = "cpu", people: int = 0
    ) -> None:
        super().__init__(settings, device=device)
        check_device(device)
        self.adapters_at_once: int | None = None
        """How many adapters are trained at once, unless `fitting_at_once` is to say it."""
        self._people = people

    def _fit_people(
        self, pictures: LabelledPictures, *, seed: int, validation: LabelledPictures | None
    ) -> FitReport:
        rows = np.arange(len(pictures))
        if validation is None:
            return self._learn(pictures, [self._lesson(pictures, rows, seed)], [self])[0]
        pool = LabelledPictures(
            tuple(
                np.concatenate(both)
                for both in zip(pictures.embeddings, validation.embeddings, strict=True)
            ),
            np.concatenate([pictures.person, validation.person]),
        )
        aside = np.arange(len(pictures), len(pool)), validation.person
        return self._learn(pool, [Lesson(rows, pictures.person, seed, aside)], [self])[0]

    def _fit_people_many(
        self, pool: LabelledPictures, members: Sequence[Rows], seeds: Sequence[int]
    ) -> list[Self]:
        lessons = [
            self._lesson(pool, rows, seed) for rows, seed in zip(members, seeds, strict=True)
        ]
        heads = [self.fresh() for _ in lessons]
        self._learn(pool, lessons, heads)
        return heads

    def _lesson(self, pool: LabelledPictures, rows: Rows, seed: int) -> Lesson:
        """The pictures at some rows of a pool, less those of people kept aside."""
        person = pool.person[rows]
        if self.settings.patience is None:
            return Lesson(rows, person, seed)
        aside = keep_aside(person, self.settings.validation_share, seed=seed)
        return Lesson(rows[~aside], person[~aside], seed, (rows[aside], person[aside]))

    def _learn(
        self, pool: LabelledPictures, lessons: Sequence[Lesson], heads: Sequence[AdapterHead]
    ) -> list[FitReport]:
        """Let each head have its lesson, all of them side by side."""
        inputs = self._inputs(pool.embeddings)
        fitting = min(fitting_at_once(Plan.of(self.settings, x.shape[1])) for x in inputs)
        at_once = fitting if self.adapters_at_once is None else self.adapters_at_once
        found = train_lessons(self.settings, inputs, lessons, device=self.device, at_once=at_once)
        for lesson, head, parts in zip(lessons, heads, found, strict=True):
            head._adopt(parts)
            embeddings = pool.take(lesson.rows).embeddings
            head._calibrate(head._templates(embeddings), lesson.person, seed=lesson.seed)
        return [report_of(lesson, parts) for lesson, parts in zip(lessons, found, strict=True)]

    def _adopt(self, parts: Sequence[Trained]) -> None:
        self._networks = [part.network for part in parts]
        for network in self._networks:
            if not all(bool(tensor.isfinite().all()) for tensor in network.tensors().values()):
                raise UsageError(
                    "training ran out of bounds",
                    where=f"head {self.name}",
                    hint="lower learning_rate or scale",
                )
        centres = [part.centres for part in parts if part.centres is not None]
        if self.settings.keep_centres:
            self._centres = join([normalise(matrix.numpy()) for matrix in centres])
            self._people = len(self._centres)

    def _inputs(self, embeddings: tuple[Matrix, ...]) -> list[Matrix]:
        """What goes into each network."""
        return [join(embeddings)] if self.settings.joint else list(embeddings)

    def _plans(self) -> list[Plan]:
        dimensions = self.dimensions or ()
        widths = [sum(dimensions)] if self.settings.joint else list(dimensions)
        return [Plan.of(self.settings, width) for width in widths]

    def _templates(self, embeddings: tuple[Matrix, ...]) -> Matrix:
        parts = []
        for network, rows in zip(self._networks, self._inputs(embeddings), strict=True):
            plan = Plan.of(self.settings, rows.shape[1])
            parts.append(plan.templates(network, torch.from_numpy(rows)).numpy())
        return join(parts)

    def _inside(self, pairs: EmbeddedPairs, same: Labels) -> Inside:
        # The cosine of joined templates is the mean of theirs.
        slope = float(self._line[0]) / len(self._networks)
        slopes, activity = [], []
        for network, left, right in zip(
            self._networks, self._inputs(pairs.left), self._inputs(pairs.right), strict=True
        ):
            plan = Plan.of(self.settings, left.shape[1])
            found = look_inside(plan, network, left, right, slope)
            slopes.append(found[0])
            activity.append(found[1])
        templates = [self._templates(side) for side in (pairs.left, pairs.right)]
        logit = self._compare(*templates) if len(pairs) else np.empty(0)
        by_line = np.sqrt(1 + np.einsum("nd,nd->n", *templates, dtype=np.float64) ** 2)
        kept = self.settings.keep_centres
        return Inside.of_logits(
            logit,
            same,
            np.concatenate([*slopes, by_line[:, None]], axis=1),
            np.concatenate(activity, axis=1),
            extra=look_at_centres(templates, self._centres) if kept else None,
            extra_names=CENTRE_NAMES if kept else (),
        )

    @classmethod
    def from_state(
        cls, config: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]], **kwargs: Any
    ) -> Self:
        """See `Head.from_state`; of how many people there are centres, the arrays say."""
        return super().from_state(config, arrays, people=count_centres(arrays), **kwargs)

    def _arrays(self) -> Arrays:
        found = PeopleHead._arrays(self)
        for k, network in enumerate(self._networks):
            found |= {f"net.{k}.{name}": t.numpy() for name, t in network.tensors().items()}
        if self.settings.keep_centres:
            found["centres"] = self._centres
        return found

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        found = PeopleHead._shapes(self)
        plans = self._plans()
        for k, plan in enumerate(plans):
            found |= {f"net.{k}.{name}": shape for name, shape in plan.shapes().items()}
        if self.settings.keep_centres:
            found["centres"] = self._people, sum(plan.widths[-1] for plan in plans)
        return found

    def _load(self, arrays: Arrays) -> None:
        PeopleHead._load(self, arrays)
        self._networks = []
        for k, plan in enumerate(self._plans()):
            tensors = {
                name: torch.from_numpy(arrays[f"net.{k}.{name}"].astype(np.float32))
                for name in plan.shapes()
            }
            self._networks.append(plan.assemble(tensors))
        if self.settings.keep_centres:
            self._centres = arrays["centres"].astype(np.float32)
