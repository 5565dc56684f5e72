"""The unit in which a copy learns what a victim answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facebone.attacks.extraction.answers import Answers, Floats
from facebone.attacks.extraction.base import Scorer
from facebone.verification.heads.base import sigmoid

SHARPER = 5.0
"""How many times smaller than the scores' deviation the unit is in which copies are compared."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Margins of a victim as chances that a copy is taught.

    A victim that is sure of nearly everything has chances of 0 and 1, and what lies between them is
    lost; a threshold far off the middle leaves most chances on one side. So margins are taken about
    their mean and in their deviation: then all of them can be told apart, and what the copy's log
    odds say is turned back.

    Args:
        centre: the margin that becomes a chance of one half.
        scale: the margin above it that becomes log odds of 1; more than 0.
        sharper: how many times smaller the unit is in which copies are compared.
    """

    centre: float
    scale: float
    sharper: float = 1.0

    @classmethod
    def of(cls, answers: Answers) -> Unit:
        """The unit for some answers; decisions are labels as they are."""
        if not answers.scored:
            return cls(0.0, 1.0)
        return cls(float(answers.margin.mean()), float(answers.margin.std()) or 1.0, SHARPER)

    def sharp(self) -> Unit:
        """The unit in which copies are compared: what lies near the threshold counts.

        A copy may say scores far off the threshold better than another does, and decide worse.
        """
        return Unit(0.0, self.scale / self.sharper)

    def loss(self, said: Floats, answers: Answers) -> float:
        """Mean cross-entropy of the chances of answers under what a copy said of them, (n,).

        Args:
            said: margins.
            answers: n of them.
        """
        chance = self.chances(answers)
        logit = (said - self.centre) / self.scale
        # -p log s(z) - (1 - p) log s(-z) = log(1 + e^z) - p z, for the sigmoid s.
        return float(np.mean(np.logaddexp(0.0, logit) - chance * logit))

    def chances(self, answers: Answers) -> Floats:
        """Chances of one person, 0 .. 1, (n,); of decisions 0 and 1."""
        return sigmoid((answers.margin - self.centre) / self.scale)

    def scorer(self, logit: Scorer) -> Scorer:
        """What says margins, of what was taught chances."""
        return lambda pairs: np.asarray(logit(pairs), dtype=np.float64) * self.scale + self.centre
