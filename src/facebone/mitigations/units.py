"""What a defence protects: pairs, images or people, and which of them stand in which pair."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError
from facebone.verification.embedded_pairs import EmbeddedPairs, Matrix

Rows = npt.NDArray[np.intp]

UNITS = ("pair", "image", "person")
"""What may be protected."""


def units_of(pairs: EmbeddedPairs, unit: str) -> Rows:
    """The units that each of n pairs touches, as numbers, (n, u).

    A picture is known by its embeddings: two with the same ones are one picture. A pair is known by
    its two pictures, whichever is left, so that a pair given twice is one unit.

    Args:
        pairs: n pairs.
        unit: one of `UNITS`. A pair touches one pair, and two pictures or people, which may be
            the same.

    Raises:
        UsageError: it is ``person``, and the pairs do not say whom they show.
    """
    if unit == "person":
        if pairs.people is None:
            raise UsageError(
                "the pairs do not say whom they show",
                where="unit=person",
                hint="give EmbeddedPairs their people, or take unit=image or unit=pair",
            )
        return _numbered(pairs.people)
    pictures = np.stack([_codes(pairs.left), _codes(pairs.right)], axis=1)
    numbers = _numbered(pictures)
    if unit == "image":
        return numbers
    ordered = np.sort(numbers, axis=1)
    distinct = int(ordered.max(initial=0)) + 1
    return _numbered((ordered[:, 0] * distinct + ordered[:, 1])[:, None])


def _codes(matrices: tuple[Matrix, ...]) -> npt.NDArray[np.void]:
    """Each row's bytes under all backbones, (n,)."""
    together = np.ascontiguousarray(np.concatenate(matrices, axis=1)) + 0.0  # without -0.0
    row = np.dtype((np.void, together.shape[1] * together.itemsize))
    codes: npt.NDArray[np.void] = together.view(row)[:, 0]
    return codes


def _numbered(values: npt.NDArray[Any]) -> Rows:
    """The values as numbers from 0 on, of the same shape."""
    numbers: Rows = np.unique(values, return_inverse=True)[1].reshape(values.shape)
    return numbers
