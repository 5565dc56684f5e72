"""Which of many heads learn from each pair, and which may be asked about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.seeding import make_rng

Rows = npt.NDArray[np.intp]
Masks = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Of n pairs, what each of K heads is trained on and what it never saw anything of.

    A pair of two units, of which a head knows one, is neither.

    Args:
        learnt: (K, n) bool, whether the head is trained on the pair.
        unseen: (K, n) bool, whether the head is trained on no pair that any unit of this stands in.
    """

    learnt: Masks
    unseen: Masks

    @property
    def answered(self) -> Rows:
        """Positions of the pairs that some head never saw anything of."""
        return np.flatnonzero(self.unseen.any(axis=0))


def split_units(units: Rows, parts: int, left_out: int, *, seed: int) -> Split:
    """Leave each unit out of so many heads, drawn for each by itself and evenly.

    Labels have no say, and no pair has a say in what others are left out of.

    Args:
        units: (n, u) of each pair, as numbers from 0 on.
        parts: heads K.
        left_out: heads that each unit is left out of, fewer.
        seed: of the draw.

    References:
        Tang et al. 2022, section 4.1, where units are samples.
    """
    rng = make_rng(seed, "selena", "split")
    draws = rng.random((int(units.max(initial=-1)) + 1, parts))
    # Those of the smallest draws: any left_out of the parts are as likely as any others.
    out = draws.argsort(axis=1).argsort(axis=1) < left_out
    left: Masks = out[units].transpose(2, 0, 1)
    return Split(learnt=~np.any(left, axis=2), unseen=np.all(left, axis=2))
