"""A straight map between two systems, learnt from pictures under both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facebone.attacks.access import Access
from facebone.attacks.linkage.axes import Alignment, Paired
from facebone.attacks.linkage.base import LinkageAttack
from facebone.attacks.linkage.view import Anchors, LinkageView
from facebone.attacks.observations import Floats, Mask
from facebone.errors import UsageError
from facebone.seeding import make_rng
from facebone.settings import check_flag, check_integer, check_number

FEWEST_PEOPLE = 4
"""Among the anchors: to choose a strength, some are held out."""


@dataclass(frozen=True, slots=True)
class LinearAlignmentSettings:
    """Settings of the map.

    Args:
        shrinkages: strengths that are tried for the canonical axes, see `Paired.canonical`.
        rotation: whether a plain rotation is tried too; between two keys of one system it is
            exact.
        folds: parts of the anchors, by person, each held out once to choose.

    Raises:
        UsageError: a value is out of range, or nothing is tried.
    """

    shrinkages: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0, 10.0)
    rotation: bool = True
    folds: int = 5

    def __post_init__(self) -> None:
        for value in self.shrinkages:
            check_number("shrinkages", value, low=0, low_open=True)
        check_flag("rotation", self.rotation)
        check_integer("folds", self.folds, low=2)
        if not self.shrinkages and not self.rotation:
            raise UsageError("needs at least one without a rotation", where="shrinkages")


class LinearAlignment(LinkageAttack):
    """Goal: link records of two databases that different systems made.

    Access: templates. Knowledge: pictures of people of the attacker's own under both systems, as
    anybody has whose systems use public backbones, or who is enrolled in both. Success: templates
    of one person have the larger cosine in the common space.

    What the common space is, a rotation or canonical axes of one strength or another, is chosen by
    anchors that are held out by person: how far, in deviations of the pairs of different people,
    the pairs of one person lie above them. The AUC would choose no better, being 1 for most.

    References:
        McNeely-White, Sattelberg, Blanchard and Beveridge, "Canonical Face Embeddings", 2022, on
        straight maps between face networks; Hotelling, "Relations Between Two Sets of Variates",
        1936; Schoenemann, "A Generalized Solution of the Orthogonal Procrustes Problem", 1966.
    """

    name = "linear_alignment"
    summary = "templates are alike in a space that pictures under both systems teach"
    access = Access.EMBEDDING
    knowledge = "Pictures of people of the attacker's own under both systems."
    needs_anchors = True
    settings_type = LinearAlignmentSettings

    def _link(self, view: LinkageView, *, seed: int) -> Floats:
        first, second = self._templates(view)
        if view.anchors is None:
            raise RuntimeError(f"attack {self.name} came without anchors")
        return learn_alignment(view.anchors, self.settings, seed=seed).compare(first, second)


def learn_alignment(anchors: Anchors, settings: LinearAlignmentSettings, *, seed: int) -> Alignment:
    """The common space of two systems that suits held-out anchors best.

    Args:
        anchors: pictures of at least `FEWEST_PEOPLE` people.
        settings: what is tried.
        seed: of the folds.

    Raises:
        UsageError: anchors of fewer people.
    """
    people, number = np.unique(anchors.person, return_inverse=True)
    if len(people) < FEWEST_PEOPLE:
        raise UsageError(
            f"must show at least {FEWEST_PEOPLE} people, got {len(people)}", where="anchors"
        )
    folds = min(settings.folds, len(people) // 2)
    # A person's pictures stay together: a map must carry over to people it has not seen.
    fold = make_rng(seed, "anchors held out").permutation(len(people))[number] % folds
    totals = np.sum([_merits(anchors, fold == held, settings) for held in range(folds)], axis=0)
    return _maps(anchors, settings)[int(np.argmax(totals))]


def _maps(anchors: Anchors, settings: LinearAlignmentSettings) -> Sequence[Alignment]:
    paired = Paired(anchors.first, anchors.second)
    found = [paired.canonical(shrinkage) for shrinkage in settings.shrinkages]
    return [*found, paired.rotation()] if settings.rotation else found


def _merits(anchors: Anchors, held: Mask, settings: LinearAlignmentSettings) -> list[float]:
    """How well each map that the others teach tells pairs of held-out anchors apart."""
    test = anchors.take(held)
    same = test.person[:, None] == test.person[None, :]
    return [
        separation(one.compare(test.first, test.second), same)
        for one in _maps(anchors.take(~held), settings)
    ]


def separation(scores: Floats, same: Mask) -> float:
    """How many deviations of the others the pairs of one person lie above them, in the mean."""
    others = scores[~same]
    spread = float(others.std())
    return float(scores[same].mean() - others.mean()) / spread if spread > 0 else 0.0
