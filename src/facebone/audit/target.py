"""Making a target: half of the pool is trained on, then every candidate is asked about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.attacks.observations import Observations
from facebone.audit.material import Material
from facebone.audit.score_table import CONTROL, MEMBER, NON_MEMBER, ScoreTable
from facebone.data.pairs import Pairs
from facebone.data.splits import split_mask
from facebone.mitigations.base import make_mitigation
from facebone.seeding import derive_seed, make_rng
from facebone.verification.calibration import best_accuracy_threshold
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.folds import draw_folds, fold_accuracies
from facebone.verification.heads import Head, LearningHead, make_head
from facebone.verification.heads.base import sigmoid
from facebone.verification.utility import Utility, measure_utility

REPEATED_QUERIES = 16
"""How often a target is asked about each pair where its answers vary from query to query."""

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
    """

    table: ScoreTable
    utility: Utility
    member_accuracy: tuple[float, ...]
    head: str


def make_target(recipe: TargetRecipe, material: Material, *, seed: int) -> TargetAnswers:
    """Train a target on half of the pool and ask it about all candidates.

    Raises:
        UsageError: a recipe that does not fit the material.
    """
    member = split_mask(material.pool, fraction=0.5, seed=derive_seed(seed, "membership"))
    members, non_members = material.pool.take(member), material.pool.take(~member)
    head, columns = train(recipe, material, members, seed=seed)
    asked = [members, non_members, material.control]
    table = ask(head, material, columns, asked, seed=seed)
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
    )


def make_null_target(recipe: TargetRecipe, material: Material, *, seed: int) -> ScoreTable:
    """A target trained on the control people alone, asked about the candidates of a seed.

    It has met none of the members, so no attack may tell them from the others.

    Raises:
        UsageError: no control pairs to train on.
    """
    member = split_mask(material.pool, fraction=0.5, seed=derive_seed(seed, "membership"))
    head, columns = train(recipe, material, material.control, seed=seed)
    nobody = material.control.take(np.empty(0, dtype=np.intp))
    asked = [material.pool.take(member), material.pool.take(~member), nobody]
    return ask(head, material, columns, asked, seed=seed)


def train(
    recipe: TargetRecipe, material: Material, pairs: Pairs, *, seed: int
) -> tuple[Head, tuple[int, ...]]:
    """A head fitted to `pairs`, and the columns of the backbones it uses."""
    columns = recipe.columns(material.backbones)
    head = recipe.unfitted(tuple(material.backbones[i] for i in columns))
    head.fit(material.embedded(pairs, columns), pairs.same, seed=derive_seed(seed, "target"))
    return head, columns


def ask(
    head: Head,
    material: Material,
    columns: tuple[int, ...],
    asked: list[Pairs],
    *,
    seed: int,
) -> ScoreTable:
    """The table of a head's answers about members, non-members and control, in this order."""
    pairs = Pairs(
        np.concatenate([part.left for part in asked]),
        np.concatenate([part.right for part in asked]),
        np.concatenate([part.same for part in asked]),
    )
    membership = np.repeat(
        np.array([MEMBER, NON_MEMBER, CONTROL], dtype=np.int8), [len(part) for part in asked]
    )
    embedded = material.embedded(pairs, columns)
    return ScoreTable(
        left=material.ids[pairs.left],
        right=material.ids[pairs.right],
        people=material.people_of(pairs),
        membership=membership,
        drawn=draw_membership(pairs.same, membership == CONTROL, seed=seed),
        answers=_answers(head, embedded, pairs.same, membership, seed=seed),
        blind=_blind(material, columns, embedded, pairs.same),
    )


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


def _answers(
    head: Head,
    embedded: EmbeddedPairs,
    same: npt.NDArray[np.bool_],
    membership: npt.NDArray[np.int8],
    *,
    seed: int,
) -> Observations:
    queries = REPEATED_QUERIES if head.answers_vary else 1
    if head.answers_vary:
        head.reseed(make_rng(seed, "queries"))
    if not isinstance(head, LearningHead):
        score = np.stack([head.score(embedded) for _ in range(queries)], axis=1)
        members = membership == MEMBER
        # A head that learns nothing is used at the threshold that suits its training pairs best.
        known = members if members.any() else np.ones(len(same), dtype=np.bool_)
        threshold = best_accuracy_threshold(score[known].mean(axis=1), same[known])
        return Observations.from_scores(score, same, threshold=threshold)
    # The log odds keep ranks that probabilities lose near 0 and 1: an attacker gets the best view.
    log_odds = np.stack([head.logit(embedded) for _ in range(queries)], axis=1)
    return Observations(sigmoid(log_odds), same, log_odds, 0.5)


def _blind(
    material: Material,
    columns: tuple[int, ...],
    embedded: EmbeddedPairs,
    same: npt.NDArray[np.bool_],
) -> Observations:
    """What the public backbones say: logistic regression of control people's similarities."""
    control = material.control
    if min(int(control.same.sum()), int((~control.same).sum())) < FEWEST_TO_CALIBRATE:
        return Observations.from_scores(embedded.cosines().mean(axis=1), same)
    head = make_head("logistic")
    head.fit(material.embedded(control, columns), control.same, seed=0)
    if not isinstance(head, LearningHead):  # the one asked for by name above is
        raise TypeError(type(head).__name__)
    log_odds = head.logit(embedded)[:, None]
    return Observations(sigmoid(log_odds), same, log_odds, 0.5)


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
