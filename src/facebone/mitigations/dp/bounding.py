"""Who stands in which pair, and which pairs are kept so that nobody stands in too many."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError
from facebone.seeding import make_rng
from facebone.verification.embedded_pairs import EmbeddedPairs, Matrix

Rows = npt.NDArray[np.intp]

UNITS = ("pair", "image", "person")
"""What the guarantee is given to."""


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
                where="mitigation dp_sgd, unit=person",
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


def bound(units: Rows, most: int, *, seed: int) -> Rows:
    """Positions of pairs of which no unit stands in more than `most`, in ascending order.

    Pairs are looked at in random order, and each is kept if none of its units has `most` already.
    So none that was left out could be added.

    Args:
        units: (n, u) of each pair; one that a pair names twice stands in it once.
        most: pairs of one unit.
        seed: of the order.

    References:
        A. Ganesh, R. McKenna, B. McMahan, A. Smith, F. Wu: It's my data too: private ML for
        datasets with multi-user training examples. ICML, 2025.
    """
    count = np.zeros(int(units.max(initial=-1)) + 1, dtype=np.intp)
    kept = []
    for row in make_rng(seed, "dp_sgd", "bounding").permutation(len(units)):
        touched = np.unique(units[row])
        if (count[touched] < most).all():
            count[touched] += 1
            kept.append(row)
    return np.sort(np.array(kept, dtype=np.intp))


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
