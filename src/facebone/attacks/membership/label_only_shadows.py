"""Label-only membership inference beside shadows: LiRA on how many changes a decision survives."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from facebone.attacks.access import Access, Channel
from facebone.attacks.membership.lira import LiRASettings, log_ratio
from facebone.attacks.membership.shadow_attack import Compared, ShadowAttack
from facebone.attacks.observations import Floats


class LabelOnlyShadows(ShadowAttack):
    """Goal: tell members by decisions that survive more changes than shadows lead one to expect.

    Access: decisions, about the pair and about changed versions of its pictures. Knowledge: whether
    each candidate shows one person, and the decisions of shadows, verifiers that the attacker
    trained by the target's recipe on pairs like the candidates. Success: how often the target is
    right is likelier from a verifier that was trained on the pair than from another.

    Of v decisions r are right; ``log((r + 1/2) / (v - r + 1/2))`` stands in for the margin, which
    this attacker is not shown. It is finite where all decisions are right, or none. It is compared
    with that of shadows as LiRA compares margins. Counts come in steps: where all shadows agree
    their variance is 0, yet a decision may be on the brink. No variance is taken for smaller than
    that of the rounding, a twelfth of the squared distance between r - 1/2 and r + 1/2 at the mean.

    References:
        Choquette-Choo, Tramer, Carlini and Papernot, "Label-Only Membership Inference Attacks",
        2021; Carlini, Chien, Nasr, Song, Terzis and Tramer, "Membership Inference Attacks From
        First Principles", 2022.
    """

    name = "label_only_shadows"
    summary = "decisions that survive more changes than shadows' do mean a member"
    access = Access.DECISION
    channels = (Channel.DECISIONS,)
    knowledge = (
        "Whether each candidate shows one person, and decisions of verifiers of the attacker's "
        "own, trained by the target's recipe on pairs like the candidates."
    )
    settings_type = LiRASettings

    def _compare(self, seen: Compared) -> Floats:
        target, shadows = seen.channel[Channel.DECISIONS], seen.channels[Channel.DECISIONS]
        queries = target.shape[1]
        decided = replace(
            seen,
            margin=smoothed_log_odds(target.sum(axis=1), queries),
            margins=smoothed_log_odds(shadows.sum(axis=2), queries),
        )
        return log_ratio(
            decided,
            self.settings.mode,
            self.settings.variance,
            least=partial(_rounding, queries=queries),
        )


def smoothed_log_odds(right: Floats, queries: int) -> Floats:
    """Log odds of a right decision, finite where all are right, or none."""
    found: Floats = np.log((right + 0.5) / (queries - right + 0.5))
    return found


def _rounding(mean: Floats, queries: int) -> Floats:
    """The variance of log odds that whole numbers of right decisions leave open, (n,)."""
    # The number at which the smoothed log odds are the mean; a guessed mean may lie beyond all.
    right = np.clip((queries + 1) / (1 + np.exp(-np.clip(mean, -30, 30))) - 0.5, 0, queries)
    low, high = (
        smoothed_log_odds(np.clip(right + half, 0, queries), queries) for half in (-0.5, 0.5)
    )
    variance: Floats = (high - low) ** 2 / 12
    return variance
