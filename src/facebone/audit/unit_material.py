"""Embedded candidates at the levels of pictures and people, and what a set of members trains on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.audit.gallery import (
    Arrays,
    Gallery,
    Texts,
    changed_part,
    gallery_parts,
    hang,
    pairs_arrays,
    pairs_part,
)
from facebone.audit.unit_candidates import UnitCandidates
from facebone.data.dataset import Dataset
from facebone.data.pairs import Pairs
from facebone.data.splits import Level, split_units
from facebone.seeding import derive_seed, make_rng
from facebone.verification.chain import Problem
from facebone.verification.engine import EmbeddingEngine

Mask = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.intp]

COLUMNS = ("names", "person", "strata", "control_units", "training_units", "asked")


@dataclass(frozen=True, slots=True, eq=False)
class UnitMaterial(Gallery):
    """u embedded units; see `UnitCandidates`, whose pairs here point to rows of the matrices.

    Args:
        level: what a unit is.
        names: (u,) of the units.
        person: (u,) whose they are.
        strata: (u,) what members and others have in like shares.
        control_units: (u,) bool.
        training: pairs that may be trained on.
        training_units: (t, 2) the units of their pictures.
        questions: pairs that are asked about.
        asked: (r, 3) question, unit, number of the picture or partner.
    """

    level: Level
    names: Texts
    person: Texts
    strata: npt.NDArray[np.intp]
    control_units: Mask
    training: Pairs
    training_units: npt.NDArray[np.intp]
    questions: Pairs
    asked: npt.NDArray[np.intp]

    def choose(self, *, seed: int) -> Mask:
        """Units that a seed makes members, a half of those that are no control, (u,)."""
        candidates = np.flatnonzero(~self.control_units)
        chosen = np.zeros(len(self.names), dtype=np.bool_)
        half = split_units(self.strata[candidates], fraction=0.5, seed=seed)
        chosen[candidates[half]] = True
        return chosen

    def training_rows(self, chosen: Mask, *, seed: int) -> Positions:
        """Rows of `training` for a head whose members are among the chosen units, sorted.

        All matched pairs whose pictures both belong to chosen units, and as many mismatched ones:
        first such that every unit is met, then others at random.

        Args:
            chosen: (u,) bool.
            seed: of the choice.
        """
        inside = chosen[self.training_units].all(axis=1)
        matched = np.flatnonzero(inside & self.training.same)
        others = np.flatnonzero(inside & ~self.training.same)
        others = make_rng(seed, "training rows").permutation(others)
        met = np.zeros(len(self.names), dtype=np.bool_)
        met[self.training_units[matched]] = True
        needed = np.zeros(len(others), dtype=np.bool_)
        for place, (left, right) in enumerate(self.training_units[others].tolist()):
            needed[place] = not (met[left] and met[right])
            met[left] = met[right] = True
        fill = max(0, len(matched) - int(needed.sum()))
        return np.sort(np.concatenate([matched, others[needed], others[~needed][:fill]]))

    def met(self, rows: Positions) -> Mask:
        """Units of which a picture stands in these rows of `training`: the members, (u,)."""
        member = np.zeros(len(self.names), dtype=np.bool_)
        member[self.training_units[rows]] = True
        return member

    def control_pairs(self) -> Pairs:
        """Questions about control people alone."""
        mine = self.control_units[self.asked[:, 1]]
        pairs = self.questions.take(np.unique(self.asked[mine, 0]))
        people = np.unique(self.person[self.control_units])
        inside = np.isin(self.people[pairs.left], people) & np.isin(
            self.people[pairs.right], people
        )
        return pairs.take(inside)

    def to_arrays(self) -> tuple[dict[str, Any], Arrays]:
        """All of it but for changed pictures: facts that JSON can hold, and arrays by name."""
        facts, arrays = self.gallery_arrays()
        arrays |= {name: getattr(self, name) for name in COLUMNS}
        arrays |= pairs_arrays("training", self.training)
        arrays |= pairs_arrays("questions", self.questions)
        return facts | {"level": self.level.value}, arrays

    @classmethod
    def from_arrays(cls, facts: Mapping[str, Any], arrays: Mapping[str, Any]) -> UnitMaterial:
        """What `to_arrays` gave, and `gallery.changed_arrays` if it is among the arrays."""
        return cls(
            **gallery_parts(facts, arrays),
            level=Level(facts["level"]),
            training=pairs_part("training", arrays),
            questions=pairs_part("questions", arrays),
            **{name: arrays[name] for name in COLUMNS},
            changed=changed_part(arrays),
        )


def members_of(material: UnitMaterial, *, seed: int) -> tuple[Mask, Positions, Mask]:
    """Who is chosen by a seed, which rows are trained on, and who is a member by them.

    A chosen unit that no pair happens to hold is not trained on, and is no member.
    """
    chosen = material.choose(seed=derive_seed(seed, "units"))
    rows = material.training_rows(chosen, seed=derive_seed(seed, "rows"))
    return chosen, rows, material.met(rows)


def embed_units(
    engine: EmbeddingEngine, dataset: Dataset, candidates: UnitCandidates
) -> tuple[UnitMaterial, tuple[Problem, ...]]:
    """Embed every picture of the candidates once; pairs with a picture that cannot be are dropped.

    Returns:
        The material, without units about which nothing can be asked, and the pictures that could
        not be embedded.

    Raises:
        DatasetError: no pair is left to train on or to ask about.
        PictureError, StorageError: see `EmbeddingEngine.embed`.
    """
    hung = hang(engine, dataset, candidates.pictures())
    training, trainable = hung.place(candidates.training)
    questions, askable = hung.place(candidates.questions)
    place = np.cumsum(askable) - 1
    asked = candidates.asked[askable[candidates.asked[:, 0]]]
    units = np.unique(asked[:, 1])
    number = np.full(len(candidates.names), -1, dtype=np.intp)
    number[units] = np.arange(len(units))
    sides = number[candidates.training_units[trainable]]
    known = (sides >= 0).all(axis=1)
    rows = np.flatnonzero(known)
    training, sides = training.take(rows), sides[rows]
    if not (training.same.any() and not training.same.all() and questions.same.any()):
        raise hung.too_few()
    material = UnitMaterial(
        **hung.parts,
        level=candidates.level,
        names=candidates.names[units],
        person=candidates.person[units],
        strata=candidates.strata[units],
        control_units=candidates.control[units],
        training=training,
        training_units=sides,
        questions=questions,
        asked=np.column_stack([place[asked[:, 0]], number[asked[:, 1]], asked[:, 2]]),
    )
    return material, hung.problems
