"""What the options of `facebone audit` can be chosen from."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from facebone.errors import UsageError

if TYPE_CHECKING:
    from facebone.attacks.access import Access

GIVEN = "A verifier that is there already"
"""Heading of the options about one."""


class Protocol(StrEnum):
    """Which protocols are run."""

    HONEST = "honest"
    REFERENCE = "reference"


class AccessName(StrEnum):
    """What an attacker sees."""

    DECISION = "decision"
    SCORE = "score"
    EMBEDDING = "embedding"
    WEIGHTS = "weights"


class LevelName(StrEnum):
    """What a member is."""

    PAIR = "pair"
    IMAGE = "image"
    IDENTITY = "identity"


Attacks = Annotated[
    list[str] | None,
    typer.Option(
        help="Attack. On scores: `loss_threshold`, `entropy`, `modified_entropy`, "
        "`score_bits`, `population`, ART's `art_rf`, `_gb`, `_nn`, `_lr`, `_dt`, `_knn`, "
        "`_svm`. With shadows: `lira`, `rmia`, `reference`, `quantile`, `shadow_boosting`. On "
        "decisions: `gap`, `label_only`, `label_only_shadows`. On templates: "
        "`template_probing`. On weights: `gradient_norm`, `white_box`. On all pictures of a "
        "candidate: `set_likelihood`, `set_classifier`. `all` stands for those that access and "
        "levels allow. Repeat; by default the first four, `gap` and `art_gb`; with --adapt "
        "`loss_threshold`, also with `ask=gain`, `lira`, also with `ask=among`, "
        "`set_classifier` and `template_probing`. Settings: `lira:ask=augmented` asks about "
        "changed pictures too, `ask=through` through each backbone, `ask=repeated` again and "
        "again, `ask=among` for likeness among a person's pictures, `ask=centre` to their "
        "centre, `ask=gain` for what answers gained over the public backbones; "
        "`lira:probes=2` asks with two pictures of a person. To see the people: "
        "`template_ridge`, `template_gradient` and `template_synthesis` rebuild pictures from "
        "stored templates. To have a verifier of one's own: `copy_head`, `copy_decisions`, "
        "`metric_copy`, `knockoff` and `copycat` ask and copy, `copy_head:queries=100+1000` with "
        "so many questions. To find people again: `direct`, `linear_alignment`, `unaligned`, "
        "`open_set_identification`, `score_identification` link records to other databases. "
        "To know more of them: `attribute_probe`, `kernel_probe`, `score_probe`, `score_vote` "
        "infer what people are like, where the data set says it."
    ),
]

Judge = Annotated[
    str,
    typer.Option(
        metavar="BACKBONE",
        help="Says whether rebuilt pictures show the people, and makes the other database of "
        "`linear_alignment`; no target may use it. `auto`: the first at hand.",
    ),
]


def choose_attacks(
    named: Sequence[str],
    access: str,
    levels: Sequence[str],
    *,
    given: str | None,
    adapts: bool = False,
) -> tuple[tuple[str, ...], tuple[str, ...], Access]:
    """The attacks on membership that are meant, those of other goals, and what they all see.

    Args:
        named: as given; none for the default ones.
        access: asked for.
        levels: asked for.
        given: the option that hands in a verifier, of which only answers can be seen; None where
            the audit trains its targets. Then `AuditSettings` checks the attacks.
        adapts: whether the targets are adaptations.

    Raises:
        UsageError: another level of a verifier that is given, or an attack that must see more.
    """
    from facebone.attacks.access import Access
    from facebone.audit.attack_choice import (
        ADAPTED_ATTACKS,
        DEFAULT_ATTACKS,
        check_attacks,
        check_others,
        expand_attacks,
        split_goals,
    )
    from facebone.data.splits import Level

    membership, others = split_goals(named)
    seen = Access(access)
    asked = [Level(level) for level in levels]
    if given is None:
        default = ADAPTED_ATTACKS if adapts else DEFAULT_ATTACKS
        attacks = expand_attacks(membership, access=seen, levels=asked, default=default)
        return attacks, others, seen
    if asked != [Level.PAIR]:
        raise UsageError(
            f"what {given} names is audited at the level of pairs alone", where="--level"
        )
    seen = seen if Access.SCORE.allows(seen) else Access.SCORE
    check_others(others, access=seen, trains=False)
    attacks = expand_attacks(membership, access=seen, trains=False)
    check_attacks(attacks, access=seen, trains=False)  # before a verifier is asked anything
    return attacks, others, seen
