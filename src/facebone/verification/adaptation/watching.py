"""Early stopping: how well an adapter verifies people whom it is not trained on."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from facebone.errors import UsageError
from facebone.seeding import make_rng
from facebone.verification.heads.people import CALIBRATION_PAIRS, draw_labelled_pairs, fit_line

Positions = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Watch:
    """Pairs of pictures of people who are not trained on.

    Args:
        places: (v,) positions of the pictures in the matrix of the training.
        left: (p,) positions among these.
        right: (p,) the same.
        same: (p,) bool.
    """

    places: Positions
    left: Positions
    right: Positions
    same: npt.NDArray[np.bool_]

    @classmethod
    def over(cls, places: Positions, person: Positions, *, seed: int) -> Self:
        """Pairs drawn of labelled pictures (v,)."""
        return cls(places, *draw_labelled_pairs(person, CALIBRATION_PAIRS, seed=seed))

    def pictures(self, device: torch.device) -> Tensor:
        """Positions of the pictures, on a device."""
        return torch.from_numpy(self.places).to(device)

    def loss(self, templates: Tensor) -> float:
        """Log loss of the best straight line on the cosines of templates (v, t)."""
        made = templates.cpu().numpy()
        cosine = np.einsum("nd,nd->n", made[self.left], made[self.right], dtype=np.float64)
        if not np.isfinite(cosine).all():
            return inf
        slope, offset = fit_line(cosine, self.same)
        log_odds = slope * cosine + offset
        return float(np.logaddexp(0, np.where(self.same, -log_odds, log_odds)).mean())


def keep_aside(person: Positions, share: float, *, seed: int) -> npt.NDArray[np.bool_]:
    """Which pictures (n,) to watch by, those of a share of the people, drawn by a seed.

    Raises:
        UsageError: too few people to train and to watch.
    """
    people, whose, counts = np.unique(person, return_inverse=True, return_counts=True)
    drawn = make_rng(seed, "adapter", "validation").permutation(len(people))
    aside = np.zeros(len(people), dtype=np.bool_)
    aside[drawn[: max(2, round(share * len(people)))]] = True
    for chosen in (aside, ~aside):
        if chosen.sum() < 2 or counts[chosen].max() < 2:
            raise UsageError(
                f"too few people with two pictures, of {len(people)}, to keep a share of "
                f"{share:g} aside for early stopping",
                where="patience",
                hint="give validation pictures, or pictures of more people",
            )
    return aside[whose]
