"""Decisions alone: whether a pair is taken for one person is shown, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np

from facebone.mitigations.base import MitigationSettings
from facebone.mitigations.guards.guard import Guard, Guarding
from facebone.settings import check_number
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads.base import Scores

SHOWN = log(3)
"""Log odds of the score 0.75; those of 0.25 are its opposite."""


@dataclass(frozen=True, slots=True)
class DecisionSettings(MitigationSettings):
    """Where decisions are made.

    Args:
        backbones: see `MitigationSettings`.
        at: score from which a pair is taken for one person. No threshold that is set later can
            move it: a verifier of another false accept rate needs the score of that rate here,
            such as the threshold that the same training without the guard ends with.
    """

    at: float = 0.5

    def __post_init__(self) -> None:
        # slots=True makes another class of this one, which super() without arguments would miss.
        MitigationSettings.__post_init__(self)
        check_number("at", self.at, low=0, high=1, low_open=True)


class DecisionGuard(Guard):
    """Shows a score of 0.75 where the decision is one person, and of 0.25 where it is not."""

    name = "decision_only"

    @property
    def keeps_decisions(self) -> bool:
        """If they are made at one half."""
        return bool(self.settings.at == 0.5)

    def show(self, log_odds: Scores, pairs: EmbeddedPairs, *, way: int | None = None) -> Scores:
        """See `Guard.show`."""
        del pairs, way
        at = self.settings.at
        return np.where(log_odds >= log(at / (1 - at)), SHOWN, -SHOWN)


class DecisionOnly(Guarding):
    """Shows decisions and no scores.

    An attacker is left with how decisions about changed pictures of a pair change, and with those
    that are wrong: `label_only` attacks look at nothing else. No search tries it, for its verifier
    cannot be set to another false accept rate: who wants decisions alone says where they are made.

    References:
        C. Choquette-Choo, F. Tramer, N. Carlini, N. Papernot, "Label-Only Membership Inference
        Attacks", ICML 2021: what decisions alone still tell.
    """

    name = "decision_only"
    summary = "only decisions are shown, no scores"
    settings_type = DecisionSettings
    guard_type = DecisionGuard

    def effect(self) -> str:
        """Where decisions are made."""
        return f"{self.summary} (one person from a score of {self.settings.at:g} on)"
