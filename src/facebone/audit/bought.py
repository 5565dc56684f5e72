"""What training bought: accuracy with and without it, on members, on strangers, in other domains.

Beside the trained target stands the unadapted verifier, which anybody has: the mean cosine of the
target's own backbones. Both are asked about the same pairs, and each is used at the threshold that
is best on the other folds of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from facebone.audit.answers import log_odds_of
from facebone.audit.bought_pairs import Groups
from facebone.audit.gallery import Gallery
from facebone.audit.unadapted import describe_unadapted, unadapted_scores
from facebone.data.pairs import Pairs
from facebone.seeding import derive_seed, make_rng
from facebone.verification.change import Change, measure_change
from facebone.verification.heads import Head, LearningHead

FEWEST = 10
"""Matched, and mismatched, pairs without which nothing is said of a group."""


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
    members: Change
    strangers: Change
    shifts: Mapping[str, Change]

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

    def gain(pictures: Gallery, pairs: Pairs, group: str) -> Change:
        if min(int(pairs.same.sum()), int((~pairs.same).sum())) < FEWEST:
            return Change.refused(
                f"needs at least {FEWEST} matched and as many mismatched pairs, "
                f"got {len(pairs) // 2}",
                len(pairs),
            )
        return measure_change(
            unadapted_scores(pictures, pairs, columns),
            log_odds_of(head, pictures, pairs, columns),
            pairs.same,
            people=pictures.people_of(pairs),
            seed=derive_seed(seed, "bought", group),
        )

    shifts: dict[str, Change] = {}
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
