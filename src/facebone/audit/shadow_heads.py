"""Fitted shadow heads as arrays: trained once, kept, and asked what a later audit wants to know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.audit.gallery import Gallery
from facebone.audit.target import TargetRecipe
from facebone.data.pairs import Pairs
from facebone.errors import UsageError
from facebone.verification.heads import Head, LearningHead, PeopleHead

Arrays = dict[str, npt.NDArray[Any]]


def train_heads(
    recipe: TargetRecipe,
    gallery: Gallery,
    pairs: Pairs,
    rows: Sequence[npt.NDArray[np.intp]],
    seeds: Sequence[int],
) -> list[LearningHead]:
    """Heads by a target's recipe, side by side, each from its own rows of the pairs.

    Raises:
        UsageError: a recipe whose head learns nothing.
    """
    columns = recipe.columns(gallery.backbones)
    unfitted = _unfitted(recipe, gallery)
    if isinstance(unfitted, PeopleHead):
        pictures = pairs.pictures()
        members = [np.searchsorted(pictures, pairs.take(mine).pictures()) for mine in rows]
        return list(unfitted.fit_people_many(gallery.labelled(pictures, columns), members, seeds))
    return unfitted.fit_many(gallery.embedded(pairs, columns), pairs.same, rows, seeds)


def pack(heads: Sequence[Head]) -> tuple[dict[str, Any], Arrays]:
    """All that makes the heads: a part that JSON can hold, and arrays, a row a head.

    Arrays that differ in shape, such as a row for everybody who was trained on, are kept apart.
    """
    states = [head.state() for head in heads]
    arrays: Arrays = {}
    for name in states[0][1]:
        rows = [own[name] for _, own in states]
        if len({row.shape for row in rows}) == 1:
            arrays[f"head.{name}"] = np.stack(rows)
        else:
            arrays |= {f"head{i}.{name}": row for i, row in enumerate(rows)}
    return {"heads": [config for config, _ in states]}, arrays


def unpack(
    recipe: TargetRecipe, gallery: Gallery, facts: Mapping[str, Any], arrays: Mapping[str, Any]
) -> list[LearningHead]:
    """The heads that were packed."""
    kind = type(_unfitted(recipe, gallery))
    return [
        kind.from_state(config, _parts("head.", arrays, row=i) | _parts(f"head{i}.", arrays))
        for i, config in enumerate(facts["heads"])
    ]


def _parts(prefix: str, arrays: Mapping[str, Any], row: int | None = None) -> Arrays:
    """Arrays whose names begin so, or a row of each, by the rest of their names."""
    return {
        name.removeprefix(prefix): array if row is None else array[row]
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def _unfitted(recipe: TargetRecipe, gallery: Gallery) -> LearningHead:
    columns = recipe.columns(gallery.backbones)
    head = recipe.unfitted(tuple(gallery.backbones[i] for i in columns))
    if not isinstance(head, LearningHead):
        raise UsageError(
            "learns nothing, so no shadow of it can tell anything",
            where=f"head {head.name}",
            hint="leave out the attacks that need shadows",
        )
    return head
