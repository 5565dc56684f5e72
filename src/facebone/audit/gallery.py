"""Embedded pictures as plain arrays: what pairs to train on and to ask about are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from facebone.data.dataset import Dataset
from facebone.data.pairs import Pairs
from facebone.errors import DatasetError
from facebone.verification.chain import Problem
from facebone.verification.embedded_pairs import EmbeddedPairs, Matrix
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.labelled_pictures import LabelledPictures

if TYPE_CHECKING:
    from facebone.audit.shifted import ShiftedPictures

Texts = npt.NDArray[np.str_]
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """N pictures under K backbones; pairs point to rows.

    Args:
        backbones: their K names.
        matrices: one (N, d_k) float32 a backbone.
        ids: (N,) of the pictures.
        people: (N,) whose face each picture shows.
        changed: of each changed version of all pictures, such as the mirrored one, K matrices like
            `matrices`; empty where no attack asks about them.
        shifted: some of the pictures in each shifted domain; empty where these are left out.
    """

    backbones: tuple[str, ...]
    matrices: tuple[Matrix, ...]
    ids: Texts
    people: Texts
    changed: tuple[tuple[Matrix, ...], ...] = field(default=(), kw_only=True)
    shifted: tuple[ShiftedPictures, ...] = field(default=(), kw_only=True)

    def embedded(self, pairs: Pairs, columns: tuple[int, ...]) -> EmbeddedPairs:
        """Embeddings of pairs under the backbones at `columns`."""
        matrices = [self.matrices[column] for column in columns]
        return EmbeddedPairs.gather(matrices, pairs, self.people)

    def labelled(
        self, pictures: npt.NDArray[np.intp], columns: tuple[int, ...]
    ) -> LabelledPictures:
        """Pictures at some rows under the backbones at `columns`, with who they show."""
        person = np.unique(self.people[pictures], return_inverse=True)[1].astype(np.intp)
        matrices = [self.matrices[column] for column in columns]
        return LabelledPictures.gather(matrices, pictures, person)

    def embedded_changed(
        self, pairs: Pairs, columns: tuple[int, ...], version: int, *, left: bool, right: bool
    ) -> EmbeddedPairs:
        """The same pairs with a changed version of the left picture, the right one, or both."""

        def side(chosen: npt.NDArray[np.intp], altered: bool) -> tuple[Matrix, ...]:
            source = self.changed[version] if altered else self.matrices
            return tuple(source[column][chosen] for column in columns)

        return EmbeddedPairs.scale(side(pairs.left, left), side(pairs.right, right))

    def people_of(self, pairs: Pairs) -> tuple[Texts, Texts]:
        """Who is left and right in each pair."""
        return self.people[pairs.left], self.people[pairs.right]

    def gallery_arrays(self) -> tuple[dict[str, Any], Arrays]:
        """The pictures as they are, as facts that JSON can hold, and arrays by name."""
        arrays: Arrays = {f"matrix_{i}": matrix for i, matrix in enumerate(self.matrices)}
        return {"backbones": list(self.backbones)}, arrays | {
            "ids": self.ids,
            "people": self.people,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Hung:
    """Pictures of a data set that were embedded for a gallery.

    Args:
        parts: the arguments of the `Gallery`.
        row: (N,) the gallery's row of each picture of the data set, or -1.
        problems: pictures that could not be embedded.
        source: name of the data set.
    """

    parts: Mapping[str, Any]
    row: npt.NDArray[np.intp]
    problems: tuple[Problem, ...]
    source: str

    def place(self, pairs: Pairs) -> tuple[Pairs, npt.NDArray[np.bool_]]:
        """The pairs whose pictures both hang there, by rows; and which of the given these are."""
        left, right = self.row[pairs.left], self.row[pairs.right]
        kept = (left >= 0) & (right >= 0)
        return Pairs(left[kept], right[kept], pairs.same[kept]), kept

    def too_few(self) -> DatasetError:
        """The error that too few of them could be embedded."""
        reason = self.problems[0].reason if self.problems else "no reason is known"
        return DatasetError(
            f"too few pictures could be embedded; the first reason: {reason}", where=self.source
        )


def hang(engine: EmbeddingEngine, dataset: Dataset, positions: npt.NDArray[np.intp]) -> Hung:
    """Embed the pictures at `positions`, each once; those that cannot be are left out.

    Raises:
        PictureError, StorageError: see `EmbeddingEngine.embed`.
    """
    result = engine.embed([dataset.pictures[i] for i in positions])
    usable = result.usable
    row = np.full(len(dataset.pictures), -1, dtype=np.intp)
    row[positions[usable]] = np.arange(int(usable.sum()))
    pictures = [dataset.pictures[i] for i in positions[usable]]
    parts = {
        "backbones": tuple(route.backbone.spec.name for route in engine.routes),
        "matrices": tuple(matrix[usable] for matrix in result.matrices),
        "ids": np.array([picture.id for picture in pictures]),
        "people": np.array([picture.person for picture in pictures]),
    }
    return Hung(parts, row, result.problems, dataset.name)


def gallery_parts(facts: Mapping[str, Any], arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a `Gallery` from what `gallery_arrays` gave."""
    names = tuple(facts["backbones"])
    return {
        "backbones": names,
        "matrices": tuple(arrays[f"matrix_{i}"] for i in range(len(names))),
        "ids": arrays["ids"],
        "people": arrays["people"],
    }


def pairs_arrays(name: str, pairs: Pairs) -> Arrays:
    """Pairs as arrays by name."""
    return {f"{name}_left": pairs.left, f"{name}_right": pairs.right, f"{name}_same": pairs.same}


def pairs_part(name: str, arrays: Mapping[str, Any]) -> Pairs:
    """What `pairs_arrays` gave."""
    return Pairs(arrays[f"{name}_left"], arrays[f"{name}_right"], arrays[f"{name}_same"])


def changed_arrays(changed: tuple[tuple[Matrix, ...], ...]) -> Arrays:
    """Changed versions of a gallery's pictures as arrays by name."""
    return {
        f"changed_{version}_{column}": matrix
        for version, matrices in enumerate(changed)
        for column, matrix in enumerate(matrices)
    }


def changed_part(arrays: Mapping[str, Any]) -> tuple[tuple[Matrix, ...], ...]:
    """What `changed_arrays` gave."""
    names = [name.split("_")[1:] for name in arrays if name.startswith("changed_")]
    versions = 1 + max((int(version) for version, _ in names), default=-1)
    columns = 1 + max((int(column) for _, column in names), default=-1)
    return tuple(
        tuple(arrays[f"changed_{version}_{column}"] for column in range(columns))
        for version in range(versions)
    )
