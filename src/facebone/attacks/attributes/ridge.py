"""Ridge regression of many attributes at once, the strength of each chosen on held-out people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.attacks.observations import Floats
from facebone.seeding import make_rng

STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3)
"""Penalties, as multiples of the mean eigenvalue of the covariance: from none to nearly all."""
FOLDS = 5
_TINY = 1e-12
ROUNDING = 1e-9
"""Of the largest feature: less than that is no difference."""


@dataclass(frozen=True, slots=True, eq=False)
class Ridge:
    """A straight map from d features to k attributes.

    Args:
        mean: (d,) taken from features.
        weights: (d, k).
        offset: (k,) what the attributes are in the mean.
        errors: (k,) mean squared error on held-out people, over the attribute's variance.
    """

    mean: Floats
    weights: Floats
    offset: Floats
    errors: Floats

    def predict(self, features: Floats) -> Floats:
        """Attributes of n rows of features, (n, k)."""
        found: Floats = (features - self.mean) @ self.weights + self.offset
        return found


def fit_ridge(
    features: Floats,
    values: Floats,
    person: npt.NDArray[Any],
    *,
    seed: int,
    strengths: Sequence[float] = STRENGTHS,
) -> Ridge:
    """Fit all attributes, each with the strength that suits held-out people best.

    A person's pictures are held out together: a strength that was chosen by pictures of people
    who are known too would suit knowing faces, not attributes.

    Args:
        features: (n, d).
        values: (n, k).
        person: (n,) whose picture each row is, of two people or more.
        seed: of the folds.
        strengths: what is tried.
    """
    people, number = np.unique(person, return_inverse=True)
    fold = make_rng(seed, "people held out").permutation(len(people))[number]
    fold %= min(FOLDS, len(people))
    squares = np.zeros((len(strengths), values.shape[1]))
    for held in np.unique(fold):
        rest = fold != held
        path = _Path(features[rest], values[rest])
        for row, strength in enumerate(strengths):
            missed = path.solve(strength).predict(features[~rest]) - values[~rest]
            squares[row] += (missed**2).sum(axis=0)
    errors = squares / len(values) / np.maximum(values.var(axis=0), _TINY)
    best = np.argmin(errors, axis=0)
    path = _Path(features, values)
    solved = [path.solve(strength) for strength in strengths]
    every = np.arange(values.shape[1])
    weights = np.stack([one.weights for one in solved])[best, :, every].T
    return Ridge(path.mean, weights, path.offset, errors[best, every])


class _Path:
    """The solutions of all strengths, from one decomposition.

    With C = X'X / n = V diag(w) V', the weights of a penalty p are V diag(1 / (w + p)) V' X'Y / n.
    """

    def __init__(self, features: Floats, values: Floats) -> None:
        self.mean, self.offset = features.mean(axis=0), values.mean(axis=0)
        centred = features - self.mean
        # A column that varies by rounding alone says nothing, and would be blown up to say much.
        centred[:, np.abs(centred).max(axis=0) <= ROUNDING * np.abs(features).max()] = 0.0
        spectrum, self._vectors = np.linalg.eigh(centred.T @ centred / len(features))
        self._spectrum = np.maximum(spectrum, 0.0)
        self._onto = self._vectors.T @ (centred.T @ (values - self.offset) / len(features))

    def solve(self, strength: float) -> Ridge:
        """The solution of one strength; its errors are not known."""
        penalty = strength * max(float(self._spectrum.mean()), _TINY)
        weights = self._vectors @ (self._onto / (self._spectrum + penalty)[:, None])
        return Ridge(self.mean, weights, self.offset, np.full(len(self.offset), np.inf))
