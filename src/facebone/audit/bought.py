"""What training bought: accuracy with and without it, on members, on strangers, in other domains.

Beside the trained target stands the unadapted verifier, which anybody has: the mean cosine of the
target's own backbones. Both are asked about the same pairs, and each is used at the threshold that
is best on the other folds of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.audit.answers import log_odds_of
from facebone.audit.bought_pairs import Groups
from facebone.audit.gallery import Gallery
from facebone.audit.unadapted import describe_unadapted, unadapted_scores
from facebone.data.pairs import Pairs
from facebone.seeding import derive_seed, make_rng
from facebone.verification.change import change_interval
from facebone.verification.estimates import Figure, Refused
from facebone.verification.folds import decide, draw_folds
from facebone.verification.heads import Head, LearningHead
from facebone.verification.intervals import (
    never_certain,
    percentile_interval,
    resample_pairs,
)
from facebone.verification.metrics import Labels

Scores = npt.NDArray[np.floating[Any]]

FEWEST = 10
"""Matched, and mismatched, pairs without which nothing is said of a group."""

REPLICATES = 1000


@dataclass(frozen=True, slots=True)
class Gain:
    """Two verifiers on the same pairs.

    Args:
        before: accuracy of the unadapted one.
        after: of the trained one.
        change: after less before.
        pairs: that both were asked about.
    """

    before: Figure
    after: Figure
    change: Figure
    pairs: int

    def to_json(self) -> dict[str, Any]:
        """As the audit's schema has it."""
        return {
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "change": self.change.to_json(),
            "pairs": self.pairs,
        }


@dataclass(frozen=True, slots=True)
class Bought:
    """What the training of one target bought.

    Args:
        unadapted: what stands beside it, in words.
        members: on those it was trained on; see `bought_pairs.Groups`.
        strangers: on those it was not.
        shifts: on the same strangers in shifted domains, by kind.
    """

    unadapted: str
    members: Gain
    strangers: Gain
    shifts: Mapping[str, Gain]

    def to_json(self) -> dict[str, Any]:
        """As the audit's schema has it."""
        return {
            "unadapted": self.unadapted,
            "members": self.members.to_json(),
            "strangers": self.strangers.to_json(),
            "shifts": {kind: gain.to_json() for kind, gain in self.shifts.items()},
        }


def measure_bought(
    head: LearningHead,
    gallery: Gallery,
    columns: tuple[int, ...],
    members: Pairs,
    strangers: Pairs,
    *,
    seed: int,
) -> Bought:
    """Measure what the training of a head bought.

    Args:
        head: fitted.
        gallery: the pictures, with those of strangers in shifted domains if they are looked at.
        columns: the backbones that the head uses.
        members: matched and mismatched pairs, as many of each; see `bought_pairs.Groups`.
        strangers: the same of those it was not trained on.
        seed: of folds, resamples, and answers that vary.
    """
    if head.answers_vary:
        head.reseed(make_rng(seed, "bought"))

    def gain(pictures: Gallery, pairs: Pairs, group: str) -> Gain:
        if min(int(pairs.same.sum()), int((~pairs.same).sum())) < FEWEST:
            return _refuse(len(pairs))
        return measure_gain(
            unadapted_scores(pictures, pairs, columns),
            log_odds_of(head, pictures, pairs, columns),
            pairs.same,
            people=pictures.people_of(pairs),
            seed=derive_seed(seed, "bought", group),
        )

    shifts: dict[str, Gain] = {}
    for one in gallery.shifted:
        shifts[one.kind] = gain(one.hang(gallery), one.place(strangers), "strangers")
    return Bought(
        describe_unadapted([gallery.backbones[column] for column in columns]),
        gain(gallery, members, "members"),
        gain(gallery, strangers, "strangers"),
        shifts,
    )


def bought_by(
    head: Head, gallery: Gallery, columns: tuple[int, ...], groups: Groups, *, seed: int
) -> Bought | None:
    """What the training of a head bought; None if it learns nothing."""
    if not isinstance(head, LearningHead):
        return None
    return measure_bought(head, gallery, columns, *groups, seed=seed)


def measure_gain(
    before: Scores,
    after: Scores,
    same: Labels,
    *,
    people: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    seed: int,
    replicates: int = REPLICATES,
) -> Gain:
    """Accuracy of two verifiers on the same pairs, and its change, with intervals over people.

    Decisions are those of ten folds, each at the threshold that is best on the others. People are
    resampled, not folds: pairs of one person stand in several folds, which then differ less than
    samples of other people would.

    Args:
        before: (n,) scores of one, larger for the same person.
        after: (n,) scores of the other.
        same: (n,) bool.
        people: who is left and right in each pair.
        seed: of folds and resamples.
        replicates: resamples of people.

    Raises:
        UsageError: see `metrics.check_scores` and `draw_folds`.
    """
    fold = draw_folds(same, seed=seed)
    right = np.stack([decide(scores, same, fold) == same for scores in (before, after)])
    told = np.stack([*right, right[1].astype(float) - right[0]]).astype(np.float64)
    drawn = np.concatenate(
        [
            _balanced_means(told, same, weights)
            for weights in resample_pairs(
                same,
                people=people,
                rng=make_rng(seed, "bought bootstrap"),
                replicates=replicates,
            )
        ],
        axis=1,
    )
    values = _balanced_means(told, same, np.ones((len(same), 1)))[:, 0]
    rates = [
        never_certain(percentile_interval(float(value), found), len(same))
        for value, found in zip(values[:2], drawn[:2], strict=True)
    ]
    return Gain(rates[0], rates[1], change_interval(float(values[2]), drawn[2], told[2]), len(same))


def _balanced_means(
    told: npt.NDArray[np.float64], same: Labels, weights: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Weighted means of m rows of n numbers, (m, b), in which both kinds of pairs count alike.

    NaN where a column of the (n, b) weights has none of a kind.
    """
    with np.errstate(invalid="ignore"):
        kinds = [
            told[:, kind] @ weights[kind] / weights[kind].sum(axis=0) for kind in (same, ~same)
        ]
    mean: npt.NDArray[np.float64] = (kinds[0] + kinds[1]) / 2
    return mean


def _refuse(pairs: int) -> Gain:
    refused = Refused(
        f"needs at least {FEWEST} matched and as many mismatched pairs, got {pairs // 2}"
    )
    return Gain(refused, refused, refused, pairs)
