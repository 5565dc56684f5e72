"""The defender's own attack: how likely a score is to be that of a pair that was trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facebone.mitigations.guards.codes import Floats
from facebone.verification.heads.base import Scores, sigmoid

FEATURES = 2
GRID = 4096
"""Log odds on each side of the decision at which it is looked for where nothing can be told."""
HALVINGS = 60
"""Of the gap between two of these: a float64 has no smaller ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Membership:
    """Logistic regression of membership on an answer: its score, and the size of its log odds.

    It is no stronger on purpose. It is at a loss at one answer a side, then, or seldom at two. An
    attack that knows entropy, too, is at a loss at several, and which of them an answer is moved to
    tells again: of an MLP that had learnt its pairs by heart it told with AUC 0.63.

    Args:
        weights: (2,) of the standardised features.
        offset: (1,) what is added.
        mean: (2,) of the features.
        deviation: (2,) of the features.
        farthest: (1,) size of the largest log odds it was fitted to.
    """

    weights: Floats
    offset: Floats
    mean: Floats
    deviation: Floats
    farthest: Floats

    @classmethod
    def fit(cls, trained: Scores, aside: Scores) -> Membership:
        """Fit it; members and others count the same, however many there are of each.

        Args:
            trained: log odds of pairs that were trained on.
            aside: log odds of others.
        """
        from sklearn.linear_model import LogisticRegression

        log_odds = np.concatenate([trained, aside])
        raw = features(log_odds)
        mean, deviation = raw.mean(axis=0), raw.std(axis=0)
        deviation = np.where(deviation > 0, deviation, 1.0)
        model = LogisticRegression(solver="newton-cholesky", class_weight="balanced", tol=1e-8)
        model.fit((raw - mean) / deviation, np.arange(len(log_odds)) < len(trained))
        return cls(
            model.coef_[0].astype(np.float64),
            model.intercept_.astype(np.float64),
            mean,
            deviation,
            np.abs(log_odds).max(keepdims=True),
        )

    def log_odds(self, answers: Scores) -> Scores:
        """Log odds of membership of answers (n,), themselves log odds; 0 where it cannot tell."""
        standard = (features(answers) - self.mean) / self.deviation
        # einsum: as in heads, every row is added up alike, wherever it stands.
        told: Scores = np.einsum("nf,f->n", standard, self.weights) + self.offset
        return told

    def untold(self, side: int) -> Scores:
        """Answers on one side of the decision at which it cannot tell, (c,) log odds, rising.

        Where there are none, the one of a grid at which it tells least; it is looked for up to the
        farthest answer that it knows.

        Args:
            side: 1 for log odds above 0, -1 for those below.
        """
        reach = max(float(self.farthest[0]), 1.0)
        grid = side * reach * np.arange(1, GRID + 1) / GRID
        told = self.log_odds(grid)
        crossing = np.flatnonzero(np.signbit(told[1:]) != np.signbit(told[:-1]))
        if not len(crossing):
            return grid[[np.abs(told).argmin()]]
        low, high = grid[crossing], grid[crossing + 1]
        below = np.signbit(told[crossing])
        for _ in range(HALVINGS):
            middle = low / 2 + high / 2
            first = np.signbit(self.log_odds(middle)) == below
            low, high = np.where(first, middle, low), np.where(first, high, middle)
        return np.sort(low)


def features(answers: Scores) -> Floats:
    """Score and size of the log odds of n answers, (n, 2).

    Near 0 and 1 scores hardly differ and log odds still do, and attackers look at these.
    """
    return np.stack([sigmoid(answers), np.abs(answers)], axis=1)
