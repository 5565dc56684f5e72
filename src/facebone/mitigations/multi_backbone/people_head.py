"""A verifier of people split over adaptations: who is shown is answered by those that never saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError
from facebone.mitigations.multi_backbone.people_groups import Groups, split_people, unseen_by
from facebone.mitigations.multi_backbone.people_registry import Registry, distinct
from facebone.mitigations.multi_backbone.people_settings import PeopleSettings
from facebone.seeding import derive_seed
from facebone.verification.embedded_pairs import EmbeddedPairs, Matrix
from facebone.verification.heads import FitReport, Inside, PeopleHead, make_head
from facebone.verification.heads.base import Arrays, Labels, Scores
from facebone.verification.heads.composed import arrays_under
from facebone.verification.heads.people import (
    CALIBRATION_PAIRS,
    Rows,
    draw_labelled_pairs,
    fit_line,
)
from facebone.verification.labelled_pictures import LabelledPictures, join

REGISTRY_NAMES = ("nearest person kept", "gap to the second person kept")


class PeopleSplitHead(PeopleHead):
    """Many adaptations, each trained without some groups of people; they answer in turns.

    Under ``answer=unseen`` all of them are kept, and each pair is answered by the one that was
    trained without the people it is likest to; see `people_groups.answering`. Templates are the
    backbones' own embeddings, in which nothing is learnt: adaptations are applied to them when they
    are compared. Who can only ask, also with stolen templates, meets no adaptation that saw the
    person they ask about, as far as the unadapted backbones recognise them. Who holds the head
    itself has the registry, a mean template of everybody who was trained on, and all adaptations:
    nothing is hidden from them.

    Under ``answer=distilled`` they teach one adapter and are thrown away; see `people_distil`. No
    registry is kept. It leaks less than an adaptation of all people, but more than those that never
    saw them.

    References:
        Each asked of models that never saw it: Tang et al., "Mitigating Membership Inference
        Attacks by Self-Distillation Through a Novel Ensemble Architecture", 2022.
    """

    name = "facebone_people"
    settings_type = PeopleSettings
    _adaptations: list[PeopleHead]
    """Split by split, in the order of `people_groups.choices`; the student alone when distilled."""
    _registry: Registry

    def __init__(
        self, settings: object | None = None, *, device: str = "cpu", people: int = 0
    ) -> None:
        super().__init__(settings, device=device)
        chosen: PeopleSettings = self.settings
        inner = make_head(chosen.head, chosen.head_settings, device=device)
        if not isinstance(inner, PeopleHead):
            raise UsageError(
                f"head {inner.name} learns from no pictures of people, so none can be split",
                where="mitigation facebone",
                hint="take an adaptation",
            )
        self._inner = inner
        self._people = people

    @property
    def base_name(self) -> str:
        """Name of the adaptation inside."""
        return self._inner.name

    def _fit_people(
        self, pictures: LabelledPictures, *, seed: int, validation: LabelledPictures | None
    ) -> FitReport:
        self._learn(pictures, [np.arange(len(pictures))], [seed], [self], validation)
        return FitReport(pairs=len(pictures))

    def _fit_people_many(
        self, pool: LabelledPictures, members: Sequence[Rows], seeds: Sequence[int]
    ) -> list[Self]:
        heads = [self.fresh() for _ in members]
        self._learn(pool, members, seeds, heads)
        return heads

    def _learn(
        self,
        pool: LabelledPictures,
        members: Sequence[Rows],
        seeds: Sequence[int],
        heads: Sequence[PeopleSplitHead],
        validation: LabelledPictures | None = None,
    ) -> None:
        """Let each head have its pictures; the adaptations of all are trained side by side."""
        settings: PeopleSettings = self.settings
        for number, mine in enumerate(members):
            job = f", job {number}" if len(members) > 1 else ""
            self._check_enough(pool.person[mine], where=f"head {self.name}{job}")
        unseen = [
            self._divide(pool.person[m], seed) for m, seed in zip(members, seeds, strict=True)
        ]
        rows = [m[~mask] for m, masks in zip(members, unseen, strict=True) for mask in masks]
        own = [
            derive_seed(seed, "adaptation", k)
            for seed in seeds
            for k in range(settings.adaptations)
        ]
        if validation is None:
            found = self._inner.fit_people_many(pool, rows, own)
        else:
            found = [self._inner.fresh() for _ in rows]
            for head, mine, seed in zip(found, rows, own, strict=True):
                head.fit_people(pool.take(mine), seed=seed, validation=validation)
        for k, (head, m, masks, seed) in enumerate(zip(heads, members, unseen, seeds, strict=True)):
            begin = k * settings.adaptations
            head._adopt(found[begin : begin + settings.adaptations], masks, pool.take(m), seed)

    def _check_enough(self, person: Rows, *, where: str) -> None:
        """Refuse people of whom there are too few to split."""
        counts, parts = np.unique(person, return_counts=True)[1], self.settings.parts
        if len(counts) < 2 * parts or (counts >= 2).sum() < parts:
            raise UsageError(
                f"splits people into {parts} groups, of which each needs two people, and of one of "
                f"them two pictures; got {len(counts)} people, {int((counts >= 2).sum())} of them "
                "with two pictures or more",
                where=where,
                hint="take fewer parts",
            )

    def _split(self, person: Rows, seed: int) -> tuple[Rows, Groups]:
        """A number for each picture's person, counted from 0, and the groups of each person."""
        number, counts = np.unique(person, return_inverse=True, return_counts=True)[1:]
        settings: PeopleSettings = self.settings
        groups = split_people(counts, settings.parts, splits=settings.splits, seed=seed)
        return number, groups

    def _divide(self, person: Rows, seed: int) -> npt.NDArray[np.bool_]:
        """Which pictures show people whom each adaptation is trained without, (K, n)."""
        return unseen_by(*self._split(person, seed), *self._sizes)

    def _adopt(
        self,
        adaptations: Sequence[PeopleHead],
        unseen: npt.NDArray[np.bool_],
        pictures: LabelledPictures,
        seed: int,
    ) -> None:
        """Take fitted adaptations, or what is distilled of them."""
        self.dimensions = pictures.dimensions
        if self.settings.answer == "distilled":
            from facebone.mitigations.multi_backbone.people_distil import distil

            student = distil(
                adaptations,
                unseen,
                pictures,
                self._inner.settings,
                splits=self.settings.splits,
                seed=derive_seed(seed, "distillation"),
            )
            self._adaptations, self._line = [student], student._line
            return
        self._adaptations = list(adaptations)
        templates = pictures.side_by_side()
        self._keep(Registry.of(templates, *self._split(pictures.person, seed), *self._sizes))
        left, right, same = draw_labelled_pairs(pictures.person, CALIBRATION_PAIRS, seed=seed)
        self._line = np.array(fit_line(self._cosines(templates[left], templates[right]), same))

    @property
    def _sizes(self) -> tuple[int, int]:
        return self.settings.parts, self.settings.left_out

    def _keep(self, registry: Registry) -> None:
        self._registry, self._people = registry, len(registry.people)

    def _templates(self, embeddings: tuple[Matrix, ...]) -> Matrix:
        distilled = self.settings.answer == "distilled"
        return self._adaptations[0]._templates(embeddings) if distilled else join(embeddings)

    def _compare(self, left: Matrix, right: Matrix) -> Scores:
        if self.settings.answer == "distilled":
            return self._adaptations[0]._compare(left, right)
        slope, offset = self._line
        log_odds: Scores = slope * self._cosines(left, right) + offset
        return log_odds

    def _cosines(self, left: Matrix, right: Matrix) -> Scores:
        """Cosines by the adaptation that answers each pair of templates, the mean over splits."""
        # Pictures are asked about again and again; each is adapted once by each that answers.
        kept, which = distinct(np.concatenate([left, right]))
        rows = np.concatenate([left, right])[kept]
        one, other = which[: len(left)], which[len(left) :]
        total = np.zeros(len(left))
        for k, pairs in self._registry.asked(rows, one, other):
            needed, at = np.unique(np.stack([one[pairs], other[pairs]]), return_inverse=True)
            made = self._adaptations[k]._templates(self._apart(rows[needed]))
            a, b = at.reshape(2, -1)
            total[pairs] += np.einsum("nd,nd->n", made[a], made[b], dtype=np.float64)
        mean: Scores = total / self.settings.splits
        return mean

    def _apart(self, templates: Matrix) -> tuple[Matrix, ...]:
        """The embeddings of each backbone, of which `join` made templates."""
        widths = self.dimensions or ()
        parts = np.split(templates, np.cumsum(widths)[:-1], axis=1)
        longer = np.float32(np.sqrt(len(widths)))
        return tuple(np.ascontiguousarray(part * longer) for part in parts)

    def _inside(self, pairs: EmbeddedPairs, same: Labels) -> Inside:
        # Whoever holds the head can send a pair through every adaptation, whoever would answer.
        found = Inside.mean([head.inside(pairs, same) for head in self._adaptations])
        if self.settings.answer == "distilled":
            return found
        from facebone.verification.adaptation.adapter_inside import look_at_centres

        sides = [join(side) for side in (pairs.left, pairs.right)]
        kept = look_at_centres(sides, self._registry.people)
        logit = self._compare(*sides) if len(pairs) else np.empty(0)
        return Inside(
            np.logaddexp(0, np.where(same, -logit, logit)),
            found.gradient_norms,
            found.activity,
            kept if found.extra is None else np.concatenate([found.extra, kept], axis=1),
            (*found.extra_names, *REGISTRY_NAMES),
        )

    @classmethod
    def from_state(
        cls, config: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]], **kwargs: Any
    ) -> Self:
        """See `Head.from_state`; how many people were trained on the registry says."""
        people = np.shape(arrays.get("registry", ()))
        return super().from_state(config, arrays, people=max(2, *people[:1], 0), **kwargs)

    def _unfitted(self) -> list[PeopleHead]:
        """The adaptations that answer, before they are loaded."""
        settings: PeopleSettings = self.settings
        if settings.answer == "unseen":
            heads = [self._inner.fresh() for _ in range(settings.adaptations)]
        else:
            from facebone.mitigations.multi_backbone.people_distil import student_settings

            chosen = asdict(student_settings(self._inner.settings))
            student = make_head(settings.head, chosen, device=self.device)
            heads = [student] if isinstance(student, PeopleHead) else []
        for head in heads:
            head.dimensions = self.dimensions
        return heads

    def _arrays(self) -> Arrays:
        found = PeopleHead._arrays(self)
        if self.settings.answer == "unseen":
            found |= {"registry": self._registry.people, "groups": self._registry.groups}
        for k, head in enumerate(self._adaptations):
            found |= {f"adaptation.{k}.{name}": array for name, array in head._arrays().items()}
        return found

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        found = PeopleHead._shapes(self)
        if self.settings.answer == "unseen":
            found["registry"] = self._people, sum(self.dimensions or ())
            found["groups"] = self.settings.splits, self._people
        for k, head in enumerate(self._unfitted()):
            found |= {f"adaptation.{k}.{name}": shape for name, shape in head._shapes().items()}
        return found

    def _load(self, arrays: Arrays) -> None:
        PeopleHead._load(self, arrays)
        if self.settings.answer == "unseen":
            people, groups = arrays["registry"], arrays["groups"]
            self._keep(Registry(people.astype(np.float32), groups.astype(np.int64), *self._sizes))
        self._adaptations = self._unfitted()
        for k, head in enumerate(self._adaptations):
            head._load(arrays_under(f"adaptation.{k}.", arrays))
