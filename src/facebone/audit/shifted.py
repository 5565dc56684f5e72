"""Pictures of a gallery in shifted domains: which are needed, embedded, and asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.audit.gallery import Arrays, Gallery
from facebone.data.dataset import Dataset
from facebone.data.pairs import Pairs
from facebone.data.shifts import SHIFTS, Shift
from facebone.verification.embedded_pairs import Matrix
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.routes import Route

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class ShiftedPictures:
    """Some pictures of a gallery in one shifted domain.

    Args:
        kind: of the shift.
        rows: (m,) of the gallery, sorted.
        matrices: one (m, d_k) float32 a backbone; NaN where a picture could not be embedded.
    """

    kind: str
    rows: Rows
    matrices: tuple[Matrix, ...]

    def hang(self, gallery: Gallery) -> Gallery:
        """These pictures as a gallery of their own."""
        return Gallery(
            gallery.backbones, self.matrices, gallery.ids[self.rows], gallery.people[self.rows]
        )

    def place(self, pairs: Pairs) -> Pairs:
        """The pairs whose pictures are both here, by position here."""
        usable = np.stack([np.isfinite(matrix).all(axis=1) for matrix in self.matrices]).all(axis=0)
        here = self.rows[usable]
        found = pairs.take(np.isin(pairs.left, here) & np.isin(pairs.right, here))
        left, right = (np.searchsorted(self.rows, side) for side in (found.left, found.right))
        return Pairs(left, right, found.same)


def shifts_for(routes: Sequence[Route]) -> tuple[Shift, ...]:
    """The shifts under which pictures are prepared otherwise than they are, for all routes."""
    return tuple(
        shift
        for shift in SHIFTS
        if all(shift.shifted(route.preparation) is not None for route in routes)
    )


def embed_shifted(
    engine: EmbeddingEngine, dataset: Dataset, gallery: Gallery, rows: Rows
) -> tuple[ShiftedPictures, ...]:
    """Embed the pictures at some rows of a gallery under each shift, with the engine's store.

    Args:
        engine: that embedded the gallery.
        dataset: whose pictures.
        gallery: of them.
        rows: (m,) sorted.

    Raises:
        PictureError, StorageError: see `EmbeddingEngine.embed`.
    """
    shifts, routes = shifts_for(engine.routes), engine.routes
    if not shifts or not len(rows):
        return ()
    by_id = {picture.id: picture for picture in dataset.pictures}
    # All shifts in one run: each picture is decoded once for all.
    found = engine.along(
        [
            Route(route.backbone, prepared)
            for shift in shifts
            for route in routes
            if (prepared := shift.shifted(route.preparation)) is not None
        ]
    ).embed([by_id[str(name)] for name in gallery.ids[rows]])
    count = len(routes)
    return tuple(
        ShiftedPictures(shift.kind, rows, found.matrices[i * count : (i + 1) * count])
        for i, shift in enumerate(shifts)
    )


def shifted_to_arrays(shifted: Sequence[ShiftedPictures]) -> tuple[dict[str, Any], Arrays]:
    """Shifted pictures as facts that JSON can hold, and arrays by name."""
    arrays: Arrays = {}
    for i, one in enumerate(shifted):
        arrays[f"shifted_rows_{i}"] = one.rows
        arrays |= {f"shifted_{i}_{k}": matrix for k, matrix in enumerate(one.matrices)}
    return {"kinds": [one.kind for one in shifted]}, arrays


def shifted_from_arrays(
    facts: Mapping[str, Any], arrays: Mapping[str, Any]
) -> tuple[ShiftedPictures, ...]:
    """What `shifted_to_arrays` gave."""
    found = []
    for i, kind in enumerate(facts["kinds"]):
        count = sum(name.startswith(f"shifted_{i}_") for name in arrays)
        matrices = tuple(arrays[f"shifted_{i}_{k}"] for k in range(count))
        found.append(ShiftedPictures(kind, arrays[f"shifted_rows_{i}"], matrices))
    return tuple(found)
