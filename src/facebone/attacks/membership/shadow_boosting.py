"""Boosting on shadows: each plays the target in turn, and what gives its members away is learnt."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from facebone.attacks.membership.shadow_attack import MOST_IN_TURN, Compared, ShadowAttack
from facebone.attacks.membership.shadow_posterior import align, expect
from facebone.attacks.observations import Floats, Mask
from facebone.scale.threads import one_thread
from facebone.settings import check_flag, check_integer


@dataclass(frozen=True, slots=True)
class ShadowBoostingSettings:
    """Settings of boosting on shadows.

    Args:
        align: bring the answers of all verifiers to one distribution first. It takes for granted
            that about as many of the candidates are members of the target as of a shadow.
        rounds: trees.

    Raises:
        UsageError: a value is of the wrong type or out of range.
    """

    align: bool = True
    rounds: int = 150

    def __post_init__(self) -> None:
        check_flag("align", self.align)
        check_integer("rounds", self.rounds, low=1)


class ShadowBoosting(ShadowAttack):
    """Goal: tell members by what gives a shadow's members away, with few shadows too.

    Access: the score. Knowledge: whether each candidate shows one person, and shadows, verifiers
    that the attacker trained by the target's recipe on pairs like the candidates. Success: members
    stand out in the target as they do in a shadow that is compared with the other shadows.

    Each shadow plays the target in turn. A candidate is described by its margin, by what the other
    shadows lead one to expect of it if it is a member and if not (`expect`), and by the ratio of
    the two likelihoods; gradient boosting learns the membership, which the attacker knows. What it
    learnt is then asked of the target, described by all shadows. Unlike LiRA it needs no normal
    distributions: that members' margins end up in a narrow band, which others overshoot, is seen.

    One shadow has no others to be compared with: then class and margin alone are learnt from.
    Where no shadow was trained on any candidate, or all on all, there is nothing to learn, and
    candidates are ranked by how far the margin lies above what is expected out of training.

    References:
        The shadows' part as targets: Shokri, Stronati, Song and Shmatikov, "Membership Inference
        Attacks against Machine Learning Models", 2017; the likelihood ratio: Carlini, Chien, Nasr,
        Song, Terzis and Tramer, "Membership Inference Attacks From First Principles", 2022.
    """

    name = "shadow_boosting"
    summary = "what gives members of shadows away, learnt by boosting, means a member"
    settings_type = ShadowBoostingSettings

    most_in_turn: ClassVar[int] = MOST_IN_TURN
    """Shadows that play the target."""

    def _compare(self, seen: Compared) -> Floats:
        if self.settings.align:
            seen = align(seen)
        examples = [
            (self._describe(shadow), member)
            for shadow, member in islice(seen.in_turn(), self.most_in_turn)
        ]
        described, member = (np.concatenate(part) for part in zip(*examples, strict=True))
        if member.all() or not member.any():
            usual = expect(seen.margins, seen.trained, seen.same)
            above: Floats = (seen.margin - usual.mean_out) / np.sqrt(usual.variance_out)
            return above
        asked = self._describe(seen if len(seen.margins) > 1 else seen.alone())
        return boosted(described, member, asked, rounds=self.settings.rounds)

    def _describe(self, seen: Compared) -> npt.NDArray[np.floating]:
        """What is learnt from, (n, f); f may differ between a verifier beside shadows and alone."""
        return describe(seen)


def boosted(
    described: npt.NDArray[np.floating],
    member: Mask,
    asked: npt.NDArray[np.floating],
    *,
    rounds: int,
) -> Floats:
    """Log odds of membership, learnt from examples by gradient boosting.

    Args:
        described: (m, f) examples; NaN where something is missing.
        member: (m,) whether each is a member; both kinds occur.
        asked: (n, f).
        rounds: trees.

    Returns:
        (n,) float64.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    # What is missing of all has no quantiles to cut at.
    told = ~np.isnan(described).all(axis=0)
    # Small trees, or a few hundred candidates are learnt by heart.
    model = HistGradientBoostingClassifier(
        max_iter=rounds,
        learning_rate=0.05,
        max_leaf_nodes=4,
        min_samples_leaf=30,
        early_stopping=False,
        random_state=0,
    )
    # Trees this small wait for threads longer than they work, most of all on a busy machine.
    with one_thread():
        model.fit(described[:, told], member)
        found: Floats = model.decision_function(asked[:, told])
    return found


def describe(seen: Compared) -> Floats:
    """A verifier's margins beside what shadows lead one to expect, (n, 6); (n, 2) without any."""
    if not len(seen.margins):
        return np.column_stack([seen.margin, seen.same])
    usual = expect(seen.margins, seen.trained, seen.same)
    return np.column_stack(
        [
            seen.margin,
            seen.same,
            usual.mean_in,
            usual.mean_out,
            seen.margin - usual.mean_out,
            usual.log_ratio(seen.margin),
        ]
    )
