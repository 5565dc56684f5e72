"""Rounded scores: a few decimal digits of the score are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from facebone.errors import UsageError
from facebone.mitigations.base import MitigationSettings
from facebone.mitigations.choices import Choice, Integer
from facebone.mitigations.guards.guard import Guard, Guarding
from facebone.settings import check_integer
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads.base import Scores, sigmoid

MOST_DIGITS = 12
"""Beyond them numbers near one have little left to round."""


@dataclass(frozen=True, slots=True)
class RoundingSettings(MitigationSettings):
    """How much of the score is shown.

    Args:
        backbones: see `MitigationSettings`.
        digits: decimal digits of the score, 1 .. 12.
    """

    digits: int = 1

    def __post_init__(self) -> None:
        # slots=True makes another class of this one, which super() without arguments would miss.
        MitigationSettings.__post_init__(self)
        check_integer("digits", self.digits, low=1)
        if self.digits > MOST_DIGITS:
            raise UsageError(f"must be at most {MOST_DIGITS}, got {self.digits}", where="digits")


class RoundingGuard(Guard):
    """Shows the log odds of the rounded score.

    Scores that would be rounded to 0 or 1 have no finite log odds: they are shown half a unit
    further in, such as 0.05 and 0.95. A score a little below one half is rounded up to it, so
    decisions at one half are not kept.
    """

    name = "rounding"

    def show(self, log_odds: Scores, pairs: EmbeddedPairs, *, way: int | None = None) -> Scores:
        """See `Guard.show`."""
        del pairs, way
        whole = 10**self.settings.digits
        # In units of the last digit: then what is rounded to u and to whole - u mirror each other.
        units = np.clip(np.rint(sigmoid(log_odds) * whole), 0.5, whole - 0.5)
        shown: Scores = np.log(units) - np.log(whole - units)
        return shown


class Rounding(Guarding):
    """Shows a few digits of each score.

    It takes from an attacker what tells members apart by small differences of the score. It is
    weak alone: many rounded answers about changed pictures of a pair tell about where its score
    lies, and what shows in the first digit still shows.

    References:
        R. Shokri, M. Stronati, C. Song, V. Shmatikov, "Membership Inference Attacks Against
        Machine Learning Models", IEEE S&P 2017: coarser predictions as a defence, and how little
        they help.
    """

    name = "rounding"
    summary = "scores are shown rounded"
    settings_type = RoundingSettings
    choices: ClassVar[Mapping[str, Choice]] = {"digits": Integer(1, 4)}
    guard_type = RoundingGuard

    def effect(self) -> str:
        """How many digits are shown."""
        return f"{self.summary} ({self.settings.digits} digits)".replace("(1 digits", "(1 digit")
