"""What studies of people and pictures share: accuracy beside the unadapted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from facebone.audit.unadapted import unadapted_scores
from facebone.audit.unit_material import UnitMaterial
from facebone.data.pairs import Pairs
from facebone.seeding import make_rng
from facebone.verification.folds import draw_folds, fold_accuracies

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

ACCURACIES = ("strangers before", "strangers", "members before", "members")


def accuracies(
    log_odds: Callable[[Pairs], Floats],
    material: UnitMaterial,
    member: Mask,
    columns: tuple[int, ...],
    *,
    seed: int,
) -> list[float]:
    """`ACCURACIES` on pictures that were not trained on; before is the mean of the cosines."""
    found: list[float] = []
    for group in (~member & ~material.control_units, member):
        pairs = pairs_among(material, group, seed=seed)
        folds = draw_folds(pairs.same, seed=seed)
        both = unadapted_scores(material, pairs, columns), log_odds(pairs)
        found += [float(np.mean(fold_accuracies(one, pairs.same, folds))) for one in both]
    return found


def pairs_among(material: UnitMaterial, group: Mask, *, seed: int) -> Pairs:
    """All matched pairs of the probes of some people, and as many random mismatched ones."""
    mine = np.unique(material.asked[group[material.asked[:, 1]], 0])
    matched = material.questions.take(mine[material.questions.same[mine]])
    drawn = make_rng(seed, "mismatched").choice(matched.pictures(), (3 * len(matched), 2))
    apart = material.people[drawn[:, 0]] != material.people[drawn[:, 1]]
    drawn = drawn[apart][: len(matched)]
    return Pairs(
        np.concatenate([matched.left, drawn[:, 0]]),
        np.concatenate([matched.right, drawn[:, 1]]),
        np.arange(len(matched) + len(drawn)) < len(matched),
    )
