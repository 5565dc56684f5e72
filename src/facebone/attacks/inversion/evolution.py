"""Covariance matrix adaptation: a search that asks only which of several points are better."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Evolution:
    """The (mu/mu_w, lambda) evolution strategy whose normal distribution learns where to look.

    All numbers are those of the tutorial, where they have these names.

    Args:
        mean: (k,) where to begin.
        step: standard deviation of the first points along every axis.
        rng: draws points.

    References:
        N. Hansen, "The CMA Evolution Strategy: A Tutorial", 2016, with the default numbers of its
        table 1 and without negative weights.
    """

    def __init__(self, mean: Floats, step: float, *, rng: np.random.Generator) -> None:
        k = len(mean)
        self.size = 4 + int(3 * math.log(k))
        """Points in a generation."""
        parents = self.size // 2
        weights = math.log((self.size + 1) / 2) - np.log(np.arange(1, parents + 1))
        self._weights: Floats = weights / weights.sum()
        mass = 1 / float(np.sum(self._weights**2))
        self._mass = mass
        self._c_step = (mass + 2) / (k + mass + 5)
        self._damping = 1 + 2 * max(0.0, math.sqrt((mass - 1) / (k + 1)) - 1) + self._c_step
        self._c_path = (4 + mass / k) / (k + 4 + 2 * mass / k)
        self._c_one = 2 / ((k + 1.3) ** 2 + mass)
        self._c_mu = min(1 - self._c_one, 2 * (mass - 2 + 1 / mass) / ((k + 2) ** 2 + mass))
        self._length = math.sqrt(k) * (1 - 1 / (4 * k) + 1 / (21 * k * k))
        self.mean, self.step = mean.astype(np.float64), step
        self._covariance = np.eye(k)
        self._step_path, self._path = np.zeros(k), np.zeros(k)
        self._generation = 0
        self._rng = rng

    def ask(self, count: int | None = None) -> Floats:
        """Points to be judged, (size, k) or (count, k)."""
        values, vectors = self._axes()
        drawn = self._rng.normal(size=(self.size if count is None else count, len(values)))
        points: Floats = self.mean + self.step * (drawn * values) @ vectors.T
        return points

    def tell(self, points: Floats, values: Floats) -> None:
        """Move to where points (size, k) were best: values (size,), larger is better."""
        best = points[np.argsort(-values, kind="stable")[: len(self._weights)]]
        moves = (best - self.mean) / self.step
        move = self._weights @ moves
        lengths, vectors = self._axes()
        plain = vectors @ ((move @ vectors) / lengths)
        self._generation += 1
        c = self._c_step
        self._step_path = (1 - c) * self._step_path + math.sqrt(c * (2 - c) * self._mass) * plain
        norm = float(np.linalg.norm(self._step_path))
        usual = self._length * math.sqrt(1 - (1 - c) ** (2 * self._generation))
        # The path stalls while the step grows too fast, lest the covariance grow with it.
        stalled = norm / usual >= 1.4 + 2 / (len(self.mean) + 1)
        c = self._c_path
        self._path = (1 - c) * self._path
        if not stalled:
            self._path += math.sqrt(c * (2 - c) * self._mass) * move
        kept = 1 - self._c_one - self._c_mu + stalled * self._c_one * c * (2 - c)
        self._covariance = (
            kept * self._covariance
            + self._c_one * np.outer(self._path, self._path)
            + self._c_mu * (moves.T * self._weights) @ moves
        )
        self.mean = self.mean + self.step * move
        self.step *= math.exp(self._c_step / self._damping * (norm / self._length - 1))

    def _axes(self) -> tuple[Floats, Floats]:
        """Standard deviations along the axes of the covariance, (k,), and the axes, (k, k)."""
        values, vectors = np.linalg.eigh(self._covariance)
        return np.sqrt(np.maximum(values, 1e-20)), vectors
