"""Answers about pairs put together to answers about the picture or the person they are about."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.attacks.access import Channel
from facebone.attacks.observations import Observations
from facebone.attacks.probe_answers import ProbeAnswers
from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.verification.heads.base import sigmoid

Mask = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.intp]


class UnitMeans:
    """Means over the questions that are asked about each unit.

    Matched and mismatched questions are averaged apart, and each kind counts by the square root of
    their number. A person with n pictures has n (n - 1) / 2 matched ones and 8 n mismatched: in one
    mean over all, strangers drown what two pictures of a person say of each other, which is what
    adaptation changes; by halves, the few matched ones drown the strangers, by which heads on
    frozen backbones leak. The root is how standard scores of several samples are added up: the mean
    of n answers is known root n times better than one.

    Args:
        question: (r,) which question.
        unit: (r,) about which unit, 0 .. u - 1, each at least once, not falling.
        same: (q,) bool, whether each question shows one person.

    References:
        The weights: Stouffer et al., "The American Soldier", volume 1, 1949.
    """

    def __init__(self, question: Positions, unit: Positions, same: Mask) -> None:
        self.question, self.unit = question, unit
        self.size = int(unit[-1]) + 1
        self.begins = np.searchsorted(unit, np.arange(self.size))
        matched = same[question]
        count = np.stack(
            [np.bincount(unit[kind], minlength=self.size) for kind in (~matched, matched)]
        )
        root = np.sqrt(count)
        # A kind's mean is the sum over its count, and its share of the whole is its root's.
        share = root / root.sum(axis=0) / np.maximum(count, 1)
        self.weight = share[matched.astype(np.intp), unit]

    def mean(self, values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Of values (q, f) over each unit's questions, (u, f)."""
        taken = values[self.question].astype(np.float64) * self.weight[:, None]
        sums: npt.NDArray[np.float64] = np.add.reduceat(taken, self.begins, axis=0)
        return sums

    def of(self, observed: Observations, members: Mask | None) -> Observations:
        """Observations of units from those of questions.

        Args:
            observed: of q questions; whom its shadows were trained on is not looked at.
            members: (S, u) bool, units that each shadow was trained on; None without shadows.
        """
        sign = np.where(observed.same, 1.0, -1.0)[:, None]

        def channel(name: Channel, values: npt.NDArray[np.floating]) -> Any:
            return self.mean(values * sign if name.points_to_same else values)

        log_odds = self.mean(observed.log_odds * sign)
        shadows, margins = None, np.empty((0, len(self.question)), dtype=np.float32)
        if observed.shadows is not None and members is not None:
            of_all = observed.shadows.log_odds * sign[:, 0].astype(np.float32)
            shadows = ShadowAnswers(
                self.mean(of_all.T).T.astype(np.float32),
                members,
                {
                    name: np.stack([channel(name, one) for one in values]).astype(np.float32)
                    for name, values in observed.shadows.channels.items()
                },
            )
            margins = of_all[:, self.question]
        return Observations(
            score=sigmoid(log_odds),
            same=np.ones(self.size, dtype=np.bool_),
            log_odds=log_odds,
            threshold=0.5,
            shadows=shadows,
            channels={name: channel(name, values) for name, values in observed.channels.items()},
            probes=ProbeAnswers(
                candidate=self.unit,
                margin=(observed.log_odds.mean(axis=1) * sign[:, 0])[self.question],
                same=observed.same[self.question],
                margins=margins,
                size=self.size,
            ),
        )
