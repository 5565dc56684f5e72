"""Making a target: half of the pool is trained on, then every candidate is asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.attacks.access import Channel
from facebone.attacks.observations import Observations
from facebone.audit.answers import answer
from facebone.audit.bought import Bought, bought_by
from facebone.audit.bought_pairs import pair_groups
from facebone.audit.candidates import join
from facebone.audit.gallery import Gallery
from facebone.audit.material import Material
from facebone.audit.score_table import CONTROL, MEMBER, NON_MEMBER, ScoreTable
from facebone.audit.unadapted import as_published
from facebone.data.pairs import Pairs
from facebone.data.splits import split_mask
from facebone.errors import UsageError
from facebone.mitigations.base import make_mitigation
from facebone.seeding import derive_seed, make_rng
from facebone.verification.calibration import best_accuracy_threshold
from facebone.verification.folds import draw_folds, fold_accuracies
from facebone.verification.heads import Head, LearningHead, PeopleHead, make_head
from facebone.verification.heads.base import sigmoid
from facebone.verification.utility import Utility, measure_utility

FEWEST_TO_CALIBRATE = 50
"""Control pairs without which the blind baseline is not calibrated on them."""


@dataclass(frozen=True, slots=True)
class TargetRecipe:
    """How a target is made.

    Args:
        name: of the target in results.
        mitigation: name of the defence.
        settings: of the defence.
        head: name of the head.
        head_settings: of the head.
        device: where it is trained.
    """

    name: str
    mitigation: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    head: str = "mlp"
    head_settings: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"

    def columns(self, backbones: tuple[str, ...]) -> tuple[int, ...]:
        """Which of the audit's backbones the target uses.

        Raises:
            UnknownNameError: it names one that the audit lacks.
        """
        return make_mitigation(self.mitigation, self.settings).columns(backbones)

    def unfitted(self, backbones: tuple[str, ...]) -> Head:
        """The head with its defence, before it has learnt.

        Args:
            backbones: those it uses.

        Raises:
            UsageError: settings that do not fit each other.
        """
        mitigation = make_mitigation(self.mitigation, self.settings)
        return mitigation.protect(
            self.head, self.head_settings, backbones=backbones, device=self.device
        )


@dataclass(frozen=True, slots=True, eq=False)
class TargetAnswers:
    """A target of one seed, as what it answered.

    Args:
        table: its answers about members, non-members and control.
        utility: on its non-members.
        member_accuracy: accuracy of each of ten folds of its members.
        head: name of the head that it turned out to have.
        bought: what training bought; None of a head that learns nothing.
    """

    table: ScoreTable
    utility: Utility
    member_accuracy: tuple[float, ...]
    head: str
    bought: Bought | None = None


def make_target(
    recipe: TargetRecipe, material: Material, *, seed: int, channels: Sequence[Channel] = ()
) -> TargetAnswers:
    """Train a target on half of the pool and ask it about all candidates.

    Args:
        recipe: of it.
        material: candidates.
        seed: of the members and the training.
        channels: what to record besides its answers.

    Raises:
        UsageError: a recipe that does not fit the material.
    """
    member = members_of_seed(material, seed=seed)
    head, columns = train(recipe, material, material.pool.take(member), seed=seed)
    table = ask(
        head,
        material,
        columns,
        material.pool,
        member,
        control=material.control,
        seed=seed,
        channels=channels,
    )
    scores, same = table.scores(), table.same
    held_out = table.membership == NON_MEMBER
    return TargetAnswers(
        table=table,
        utility=_utility(head, material, columns, table, held_out, seed=seed),
        member_accuracy=fold_accuracies(
            scores[table.member],
            same[table.member],
            draw_folds(same[table.member], seed=derive_seed(seed, "member folds")),
        ),
        head=head.base_name,
        bought=bought_by(head, material, columns, pair_groups(material, member), seed=seed),
    )


def make_null_target(
    recipe: TargetRecipe, material: Material, *, seed: int, channels: Sequence[Channel] = ()
) -> ScoreTable:
    """A target trained on the control people alone, asked about the candidates of a seed.

    It has met none of the members, so no attack may tell them from the others.

    Raises:
        UsageError: no control pairs to train on.
    """
    member = members_of_seed(material, seed=seed)
    head, columns = train(recipe, material, material.control, seed=seed)
    return ask(head, material, columns, material.pool, member, seed=seed, channels=channels)


def members_of_seed(material: Material, *, seed: int) -> npt.NDArray[np.bool_]:
    """Which pairs of the pool the target of a seed is trained on, (n,)."""
    return split_mask(material.pool, fraction=0.5, seed=derive_seed(seed, "membership"))


def train(
    recipe: TargetRecipe, gallery: Gallery, pairs: Pairs, *, seed: int
) -> tuple[Head, tuple[int, ...]]:
    """A head fitted to `pairs`, or to their pictures, and the columns of the backbones it uses."""
    columns = recipe.columns(gallery.backbones)
    head = recipe.unfitted(tuple(gallery.backbones[i] for i in columns))
    own_seed = derive_seed(seed, "target")
    if isinstance(head, PeopleHead):
        head.fit_people(gallery.labelled(pairs.pictures(), columns), seed=own_seed)
    else:
        head.fit(gallery.embedded(pairs, columns), pairs.same, seed=own_seed)
    return head, columns


def ask(
    head: Head,
    material: Material,
    columns: tuple[int, ...],
    pool: Pairs,
    member: npt.NDArray[np.bool_],
    *,
    control: Pairs | None = None,
    seed: int,
    channels: Sequence[Channel] = (),
) -> ScoreTable:
    """The table of a head's answers about members, non-members and control, in this order.

    They are asked in the order of the pool, as shadows are: where noise is drawn pair by pair,
    target and shadows then meet the same.

    Args:
        head: fitted.
        material: the pictures.
        columns: the backbones that the head uses.
        pool: members and non-members.
        member: (n,) bool, which of these are members.
        control: pairs of people in neither set, if these are asked about.
        seed: of answers that vary.
        channels: what to record besides the answers.
    """
    membership = np.where(member, MEMBER, NON_MEMBER).astype(np.int8)
    pairs = pool
    if control is not None:
        pairs = join([pool, control])
        membership = np.append(membership, np.full(len(control), CONTROL, dtype=np.int8))
    table = ScoreTable(
        left=material.ids[pairs.left],
        right=material.ids[pairs.right],
        people=material.people_of(pairs),
        membership=membership,
        drawn=draw_membership(pairs.same, membership == CONTROL, seed=seed),
        answers=observe(
            head,
            material,
            pairs,
            columns,
            known=membership == MEMBER,
            channels=channels,
            seed=seed,
        ),
        blind=observe_blind(
            material,
            material.control,
            pairs,
            columns,
            channels,
            adapted=isinstance(head, PeopleHead),
        ),
    )
    kinds = [np.flatnonzero(membership == kind) for kind in (MEMBER, NON_MEMBER, CONTROL)]
    return table.take(np.concatenate(kinds))


def draw_membership(
    same: npt.NDArray[np.bool_], control: npt.NDArray[np.bool_], *, seed: int
) -> npt.NDArray[np.bool_]:
    """A coin's membership for control pairs: half of each kind, false for all others, (n,)."""
    rng = make_rng(seed, "control membership")
    drawn = np.zeros(len(same), dtype=np.bool_)
    for kind in (True, False):
        rows = rng.permutation(np.flatnonzero(control & (same == kind)))
        drawn[rows[: len(rows) // 2]] = True
    return drawn


def observe(
    head: Head,
    gallery: Gallery,
    pairs: Pairs,
    columns: tuple[int, ...],
    *,
    known: npt.NDArray[np.bool_],
    channels: Sequence[Channel],
    seed: int,
    adapted: bool | None = None,
) -> Observations:
    """What an attacker sees of a head asked about pairs.

    Args:
        head: fitted.
        gallery: the pictures.
        pairs: n pairs.
        columns: the backbones that the head uses.
        known: (n,) bool, pairs on which a head that learns nothing finds its threshold.
        channels: what to record besides the answers.
        seed: of answers that vary.
        adapted: see `answer`.

    Raises:
        UsageError: a channel of a head that learns nothing.
    """
    if isinstance(head, LearningHead):
        # Log odds keep ranks that probabilities lose near 0 and 1: an attacker gets the best view.
        found = answer(head, gallery, pairs, columns, channels=channels, seed=seed, adapted=adapted)
        return Observations(
            sigmoid(found.log_odds),
            pairs.same,
            found.log_odds,
            0.5,
            channels={name: one.astype(np.float64) for name, one in found.channels.items()},
        )
    if channels:
        raise UsageError(
            f"learns nothing, so attacks that look at {channels[0]} have nothing to find",
            where=f"head {head.name}",
            hint="leave these attacks out",
        )
    score = head.score(gallery.embedded(pairs, columns))
    # A head that learns nothing is used at the threshold that suits its training pairs best.
    rows = known if known.any() else np.ones(len(pairs), dtype=np.bool_)
    threshold = best_accuracy_threshold(score[rows], pairs.same[rows])
    return Observations.from_scores(score, pairs.same, threshold=threshold)


def observe_blind(
    gallery: Gallery,
    control: Pairs,
    pairs: Pairs,
    columns: tuple[int, ...],
    channels: Sequence[Channel],
    *,
    adapted: bool = False,
) -> Observations:
    """What the public backbones say: logistic regression of control people's similarities.

    It has other insides than the target, so these are not shown. Templates are looked at as those
    of an adapted target are, if it is `adapted`. A backbone that is cut is public as a whole.
    """
    gallery = as_published(gallery, columns)
    if min(int(control.same.sum()), int((~control.same).sum())) < FEWEST_TO_CALIBRATE:
        cosines = gallery.embedded(pairs, columns).cosines().mean(axis=1)
        return Observations.from_scores(cosines, pairs.same)
    head = make_head("logistic")
    head.fit(gallery.embedded(control, columns), control.same, seed=0)
    shown = [channel for channel in channels if channel is not Channel.INSIDE]
    nobody = np.zeros(len(pairs), dtype=np.bool_)
    return observe(
        head, gallery, pairs, columns, known=nobody, channels=shown, seed=0, adapted=adapted
    )


def _utility(
    head: Head,
    material: Material,
    columns: tuple[int, ...],
    table: ScoreTable,
    held_out: npt.NDArray[np.bool_],
    *,
    seed: int,
) -> Utility:
    """On non-members; curves also take in the strangers, accuracies of folds are balanced."""
    scores, same = table.scores()[held_out], table.same[held_out]
    folds = draw_folds(same, seed=derive_seed(seed, "utility folds"))
    more = material.strangers
    left, right = material.people_of(more)
    people = table.people or (table.left, table.right)
    return measure_utility(
        np.concatenate([scores, head.score(material.embedded(more, columns))]),
        np.concatenate([same, more.same]),
        fold_accuracy=fold_accuracies(scores, same, folds),
        people=(
            np.concatenate([people[0][held_out], left]),
            np.concatenate([people[1][held_out], right]),
        ),
        seed=derive_seed(seed, "utility"),
    )
