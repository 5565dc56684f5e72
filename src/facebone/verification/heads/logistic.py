"""Logistic regression: on cosines, and what any such regression on features needs."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError
from facebone.settings import check_integer, check_number
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads.base import Arrays, Labelled, Labels, Scores
from facebone.verification.heads.fit_report import FitReport
from facebone.verification.heads.inside import Inside
from facebone.verification.heads.soft import Chances, SoftHead


@dataclass(frozen=True, slots=True)
class LogisticSettings:
    """How a logistic regression is fitted.

    Args:
        C: inverse strength of the L2 penalty on the coefficients of standardised features: the
            fit minimises |w|^2 / 2 + C * (sum of the log losses).
        max_iterations: limit of Newton steps; it needs about ten.
    """

    C: float = 1.0
    max_iterations: int = 100

    def __post_init__(self) -> None:
        check_number("C", self.C, low=0, low_open=True)
        check_integer("max_iterations", self.max_iterations, low=1)


class FeatureLogisticHead(SoftHead):
    """L2-regularised logistic regression on standardised features of a pair.

    A subclass says what the features are. Newton's method finds the one minimum, so the seed has
    no influence, and early stopping no place.
    """

    settings_type = LogisticSettings
    _mean: npt.NDArray[np.float64]
    _deviation: npt.NDArray[np.float64]
    _coefficients: npt.NDArray[np.float64]
    _intercept: npt.NDArray[np.float64]

    @abstractmethod
    def features(self, pairs: EmbeddedPairs) -> npt.NDArray[np.float32]:
        """Features of n pairs, (n, f)."""

    @abstractmethod
    def _width(self, dimensions: tuple[int, ...]) -> int:
        """Number of features f under backbones of these widths."""

    def _fit(
        self, pairs: EmbeddedPairs, same: Labels, *, seed: int, validation: Labelled | None
    ) -> FitReport:
        del seed, validation
        return self._solve(pairs, same, np.ones(len(pairs)))

    def _fit_soft(
        self, pairs: EmbeddedPairs, chance: Chances, *, seed: int, validation: Labelled | None
    ) -> FitReport:
        del seed, validation
        # The cross-entropy of a chance p is p times the loss of one label and 1 - p times that of
        # the other. So each pair is shown under both labels, weighted by their chances.
        both = np.tile(np.arange(len(pairs)), 2)
        same = np.repeat([True, False], len(pairs))
        weight = np.concatenate([chance, 1 - chance])
        report = self._solve(pairs.take(both), same, weight)
        return replace(report, pairs=len(pairs))

    def _solve(
        self, pairs: EmbeddedPairs, same: Labels, weight: npt.NDArray[np.float64]
    ) -> FitReport:
        """The minimum, each of n pairs having the say of its (n,) weight."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        raw = self.features(pairs).astype(np.float64)
        self._mean = raw.mean(axis=0)
        deviation = raw.std(axis=0)
        # A feature that never varies says nothing; dividing by one leaves it at zero.
        self._deviation = np.where(deviation > 0, deviation, 1.0)
        model = LogisticRegression(
            C=float(self.settings.C),
            solver="newton-cholesky",
            tol=1e-8,
            max_iter=self.settings.max_iterations,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            try:
                model.fit(self._standardise(raw), same, sample_weight=weight)
            except ConvergenceWarning:
                raise UsageError(
                    f"no convergence in {self.settings.max_iterations} steps",
                    where=f"head {self.name}",
                    hint="raise max_iterations or lower C",
                ) from None
        self._coefficients = model.coef_[0].astype(np.float64)
        self._intercept = model.intercept_.astype(np.float64)
        steps = int(model.n_iter_[0])
        return FitReport(pairs=len(pairs), epochs=steps, best_epoch=steps)

    def _standardise(self, raw: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        standard: npt.NDArray[np.float64] = (raw - self._mean) / self._deviation
        return standard

    def _logit(self, pairs: EmbeddedPairs) -> Scores:
        return self._answer(self._standard_features(pairs))

    def _inside(self, pairs: EmbeddedPairs, same: Labels) -> Inside:
        features = self._standard_features(pairs)
        # The log odds change by a coefficient as its feature is large, and by the intercept by 1.
        slopes = np.sqrt(np.einsum("nf,nf->n", features, features) + 1)
        nothing = np.empty((len(pairs), 0))
        return Inside.of_logits(self._answer(features), same, slopes[:, None], nothing)

    def _standard_features(self, pairs: EmbeddedPairs) -> npt.NDArray[np.float64]:
        return self._standardise(self.features(pairs).astype(np.float64))

    def _answer(self, features: npt.NDArray[np.float64]) -> Scores:
        # einsum adds up every row alike, wherever it stands; a blocked product does not promise it.
        logit: Scores = np.einsum("nf,f->n", features, self._coefficients) + self._intercept
        return logit

    def _arrays(self) -> Arrays:
        return {
            "mean": self._mean,
            "deviation": self._deviation,
            "coefficients": self._coefficients,
            "intercept": self._intercept,
        }

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        width = (self._width(self.dimensions or ()),)
        return {"mean": width, "deviation": width, "coefficients": width, "intercept": (1,)}

    def _load(self, arrays: Arrays) -> None:
        self._mean = arrays["mean"].astype(np.float64)
        self._deviation = arrays["deviation"].astype(np.float64)
        self._coefficients = arrays["coefficients"].astype(np.float64)
        self._intercept = arrays["intercept"].astype(np.float64)


class LogisticHead(FeatureLogisticHead):
    """Logistic regression on the cosines under one or many backbones: K + 1 numbers are learnt.

    With so few numbers it can remember next to nothing of a single pair.
    """

    name = "logistic"

    def features(self, pairs: EmbeddedPairs) -> npt.NDArray[np.float32]:
        """The cosines, (n, K)."""
        return pairs.cosines()

    def _width(self, dimensions: tuple[int, ...]) -> int:
        return len(dimensions)
