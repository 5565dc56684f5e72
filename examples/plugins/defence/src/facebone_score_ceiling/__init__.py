"""Scores with a ceiling: no answer is shown as surer than that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from facebone.mitigations.base import MitigationSettings
from facebone.mitigations.choices import Choice, Number
from facebone.mitigations.guards.guard import Guard, Guarding
from facebone.settings import check_number
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads.base import Scores


@dataclass(frozen=True, slots=True)
class ScoreCeilingSettings(MitigationSettings):
    """How sure an answer may look.

    Args:
        backbones: see `MitigationSettings`.
        ceiling: the largest probability that is shown, of either answer; above a half.
    """

    ceiling: float = 0.9

    def __post_init__(self) -> None:
        # slots=True makes another class of this one, which super() without arguments would miss.
        MitigationSettings.__post_init__(self)
        check_number("ceiling", self.ceiling, low=0.5, high=1.0, low_open=True)


class CeilingGuard(Guard):
    """Shows log odds cut off at those of the ceiling, on both sides; decisions stay."""

    name = "score_ceiling"

    @property
    def keeps_decisions(self) -> bool:
        """They do: zero lies between the cuts."""
        return True

    def show(self, log_odds: Scores, pairs: EmbeddedPairs, *, way: int | None = None) -> Scores:
        """See `Guard.show`."""
        del pairs, way
        most = np.log(self.settings.ceiling) - np.log1p(-self.settings.ceiling)
        shown: Scores = np.clip(log_odds, -most, most)
        return shown


class ScoreCeiling(Guarding):
    """Shows no score beyond a ceiling: pairs known by heart look like pairs that are easy.

    What tells members apart where a verifier has learnt pairs by heart is mostly how very sure it
    is of them. It costs the order of the surest answers, so TAR at few false accepts where
    impostors reach the ceiling. It hides nothing below the ceiling, and nothing from an attacker
    who sees decisions alone.

    References:
        R. Shokri, M. Stronati, C. Song, V. Shmatikov, "Membership Inference Attacks Against
        Machine Learning Models", IEEE S&P 2017, section VIII: restricting what predictions show.
    """

    name = "score_ceiling"
    summary = "no score is shown beyond a ceiling"
    settings_type = ScoreCeilingSettings
    choices: ClassVar[Mapping[str, Choice]] = {"ceiling": Number(0.6, 0.99)}
    guard_type = CeilingGuard
