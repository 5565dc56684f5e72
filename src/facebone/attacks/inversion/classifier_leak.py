"""An identification model over enrolled people: a softmax layer on embeddings."""

from __future__ import annotations

import warnings

import numpy as np

from facebone.attacks.access import Access
from facebone.attacks.inversion.asked_leak import Rows
from facebone.attacks.inversion.leaks import Leak
from facebone.attacks.inversion.linear_decoder import Templates
from facebone.errors import UsageError

WEIGHT = 100.0
"""Inverse strength of the penalty on weights, as one picture a person is little to learn from."""


class ClassifierLeak(Leak):
    """A layer that says which of p people an embedding shows, and its weights.

    Args:
        weights: (p, d) of the log odds.
        biases: (p,).
        attacked: (n,) those of the p people whose pictures are asked for.
    """

    access = Access.WEIGHTS

    def __init__(self, weights: Templates, biases: Templates, attacked: Rows) -> None:
        self.weights, self.biases, self.attacked = weights, biases, attacked

    def __len__(self) -> int:
        return len(self.attacked)

    @classmethod
    def fit(cls, templates: Templates, attacked: Rows) -> ClassifierLeak:
        """Softmax regression on one template a person.

        Args:
            templates: (p, d) of length one, p at least 3.
            attacked: see `ClassifierLeak`.

        Raises:
            UsageError: too few people.
        """
        from sklearn.linear_model import LogisticRegression

        if len(templates) < 3:
            raise UsageError(
                f"an identification model needs 3 people, got {len(templates)}",
                where="identification model",
            )
        model = LogisticRegression(C=WEIGHT, max_iter=1000)
        with warnings.catch_warnings():
            # It takes as many classes as rows for a mistake.
            warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
            model.fit(templates.astype(np.float64), np.arange(len(templates)))
        weights, biases = (part.astype(np.float32) for part in (model.coef_, model.intercept_))
        return cls(weights, biases, attacked)
