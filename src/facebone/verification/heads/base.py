"""What a head is: pairs of embeddings -> scores, larger meaning the same person."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError, WeightsError
from facebone.seeding import check_seed
from facebone.settings import NoSettings, parse_settings
from facebone.verification.embedded_pairs import EmbeddedPairs, Matrix, side_by_side
from facebone.verification.heads.checks import (
    check_finite,
    check_labelled,
    check_labels,
    check_validation,
)
from facebone.verification.heads.fit_report import FitReport
from facebone.verification.heads.inside import Inside
from facebone.verification.heads.many import FitsMany
from facebone.verification.heads.views import Views

Scores = npt.NDArray[np.float64]
Labels = npt.NDArray[np.bool_]
Arrays = dict[str, npt.NDArray[Any]]
Labelled = tuple[EmbeddedPairs, Labels]
"""Pairs and, for each, whether it shows one person."""


class Head(FitsMany):
    """Scores pairs of embeddings; a larger score always means the same person.

    This class checks what goes in and keeps the facts; a subclass implements `_score`.

    Args:
        settings: an instance of `settings_type`; None for the defaults.
        device: where it is fitted, ``cpu`` or ``cuda:N``; heads of few numbers ignore it. It is no
            part of the state: a head fitted on one device loads on another.

    Raises:
        UsageError: settings of another head.
    """

    settings_type: ClassVar[type[Any]] = NoSettings
    learns: ClassVar[bool] = False
    """Whether `fit` learns from the pairs, so that it must come before `score`."""
    public_templates: ClassVar[bool] = True
    """Whether `stored` gives what anybody can work out who has the public backbones."""

    def __init__(self, settings: object | None = None, *, device: str = "cpu") -> None:
        chosen = self.settings_type() if settings is None else settings
        if not isinstance(chosen, self.settings_type):
            raise UsageError(
                f"needs settings of type {self.settings_type.__name__}, "
                f"got {type(chosen).__name__}",
                where=f"head {self.name}",
            )
        self._settings = chosen
        self.device = device
        self.dimensions: tuple[int, ...] | None = None
        """Widths of the backbones it was fitted to, None before."""

    @property
    def settings(self) -> Any:
        """The settings, of type `settings_type`."""
        return self._settings

    @property
    def base_name(self) -> str:
        """Name of the head that learns, which a composed head holds inside."""
        return self.name

    @property
    def bare(self) -> Head:
        """What whoever holds the weights is left with, who takes guards of answers off."""
        return self

    @property
    def answers_vary(self) -> bool:
        """Whether it may answer the same question otherwise the next time; see `reseed`."""
        return False

    @property
    def alternates(self) -> bool:
        """Whether each of its backbones alone can answer; see `LearningHead.through`."""
        return False

    def reseed(self, rng: np.random.Generator) -> None:
        """Let a head whose answers vary draw from `rng` from now on; others need none."""

    def stored(self, embeddings: tuple[Matrix, ...]) -> Matrix:
        """What a database keeps of pictures, (n, t) of length one.

        Unless a head makes templates of its own, these are the backbones' embeddings, see
        `side_by_side`.

        Args:
            embeddings: K matrices (n, d_k), rows of length one.
        """
        return side_by_side(embeddings)

    def fresh(self) -> Self:
        """An unfitted head with the same settings on the same device."""
        return type(self)(self._settings, device=self.device)

    def fit(
        self, pairs: EmbeddedPairs, same: Labels, *, seed: int, validation: Labelled | None = None
    ) -> FitReport:
        """Learn from labelled pairs; a head that does not learn only checks them.

        Args:
            pairs: n pairs.
            same: (n,) bool.
            seed: for everything random.
            validation: pairs for early stopping, where the settings ask for it.

        Raises:
            UsageError: labels that do not fit the pairs, of one class only, or embeddings that
                are not finite.
        """
        check_seed(seed)
        self._check_learnt(pairs, same, pairs.dimensions, validation)
        report = self._fit(pairs, same, seed=seed, validation=validation)
        self.dimensions = pairs.dimensions
        return report

    def fit_views(
        self, views: Views, same: Labels, *, seed: int, validation: Labelled | None = None
    ) -> FitReport:
        """Learn from pairs of which each is seen through one of several backbones at a time.

        A head that passes over the pairs several times sees in each pass what the schedule shows
        then; any other is fitted to all that the schedule shows. Afterwards it scores pairs under
        one backbone of that width.

        Args:
            views: n pairs.
            same: (n,) bool.
            seed: for everything random.
            validation: pairs under one backbone, where the settings ask for early stopping.

        Raises:
            UsageError: as `fit`.
        """
        check_seed(seed)
        self._check_learnt(views.pairs, same, (views.width,), validation)
        report = self._fit_views(views, same, seed=seed, validation=validation)
        self.dimensions = (views.width,)
        return report

    def _check_learnt(
        self,
        pairs: EmbeddedPairs,
        same: Labels,
        dimensions: tuple[int, ...],
        validation: Labelled | None,
    ) -> None:
        check_labelled(pairs, same, where=f"head {self.name}")
        if validation is not None:
            check_validation(*validation, dimensions, where=f"head {self.name}, validation")

    def score(self, pairs: EmbeddedPairs) -> Scores:
        """Score pairs, (n,) float64, larger for the same person; n may be 0.

        Raises:
            UsageError: the head learns and was not fitted, the embeddings have other widths than
                those it was fitted to, or are not finite.
        """
        self._check_scored(pairs)
        return self._score(pairs) if len(pairs) else np.empty(0)

    def _check_scored(self, pairs: EmbeddedPairs) -> None:
        where = f"head {self.name}"
        if self.learns:
            if self.dimensions is None:
                raise UsageError("scores nothing before it is fitted", where=where, hint="fit it")
            if pairs.dimensions != self.dimensions:
                raise UsageError(
                    f"was fitted to embeddings of width {self.dimensions}, got {pairs.dimensions}",
                    where=where,
                    hint="use the backbones it was fitted with, in the same order",
                )
        check_finite(pairs, where=where)

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """All that makes this head: a part that JSON can hold, and arrays by name.

        Raises:
            UsageError: the head learns and was not fitted.
        """
        if self.learns and self.dimensions is None:
            raise UsageError("has nothing to save before it is fitted", where=f"head {self.name}")
        settings = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self._settings).items()
        }
        config = {
            "head": self.name,
            "settings": settings,
            "dimensions": None if self.dimensions is None else list(self.dimensions),
        }
        return config, self._arrays()

    @classmethod
    def from_state(
        cls, config: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]], **kwargs: Any
    ) -> Self:
        """The head whose `state` was saved.

        Args:
            config: the first part of the state.
            arrays: the second part.
            kwargs: ``device``.

        Raises:
            UsageError: a setting is unknown or wrong.
            WeightsError: arrays are missing, superfluous, of a wrong shape or not finite.
        """
        where = f"head {cls.name}"
        settings = parse_settings(cls.settings_type, config["settings"], owner=where)
        head = cls(settings, **kwargs)
        dimensions = config["dimensions"]
        head.dimensions = None if dimensions is None else tuple(int(d) for d in dimensions)
        if cls.learns and head.dimensions is None:
            raise WeightsError("the saved state says nothing of the backbones", where=where)
        expected = head._shapes()
        if set(arrays) != set(expected):
            odd = ", ".join(sorted(set(arrays) ^ set(expected)))
            raise WeightsError(f"arrays missing or too many: {odd}", where=where)
        for name, shape in expected.items():
            array = arrays[name]
            if array.shape != shape:
                raise WeightsError(f"{name} has shape {array.shape}, needs {shape}", where=where)
            if not np.isfinite(array).all():
                raise WeightsError(f"{name} is not finite", where=where)
        head._load({name: np.array(array) for name, array in arrays.items()})
        return head

    @abstractmethod
    def _score(self, pairs: EmbeddedPairs) -> Scores:
        """Score at least one pair; all checks are done."""

    def _fit(
        self, pairs: EmbeddedPairs, same: Labels, *, seed: int, validation: Labelled | None
    ) -> FitReport:
        """Learn; all checks are done."""
        return FitReport(pairs=len(pairs))

    def _fit_views(
        self, views: Views, same: Labels, *, seed: int, validation: Labelled | None
    ) -> FitReport:
        """Learn from views; all checks are done."""
        pairs, labels = views.distinct(same)
        report = self._fit(pairs, labels, seed=seed, validation=validation)
        return replace(report, pairs=len(views))

    def _arrays(self) -> Arrays:
        """What was learnt."""
        return {}

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes that `_arrays` has under these settings and dimensions."""
        return {}

    def _load(self, arrays: Arrays) -> None:
        """Take back what `_arrays` gave; names, shapes and values are checked."""


class LearningHead(Head):
    """A head that learns a logit: the log of the odds that a pair shows one person.

    `score` is the probability, by exactly one sigmoid, in float64: two logits below 30 that differ
    by a thousandth still differ as probabilities. Who needs every rank beyond takes `logit`.
    """

    learns = True

    def logit(self, pairs: EmbeddedPairs) -> Scores:
        """Log odds of the same person, (n,) float64.

        Raises:
            UsageError: as `score`.
        """
        self._check_scored(pairs)
        return self._logit(pairs) if len(pairs) else np.empty(0)

    def quick_logit(self, pairs: EmbeddedPairs) -> npt.NDArray[np.float32]:
        """Like `logit`, but computed as quickly as 1e-4 of it allows, (n,) float32.

        Raises:
            UsageError: as `score`.
        """
        self._check_scored(pairs)
        return self._quick_logit(pairs) if len(pairs) else np.empty(0, dtype=np.float32)

    def through(self, pairs: EmbeddedPairs) -> Scores:
        """Log odds in each of the K ways in which it can be made to answer, (n, K).

        Whoever hands it templates of their own making can ask in every way; most heads have one.

        Raises:
            UsageError: as `score`.
        """
        return self.logit(pairs)[:, None]

    def inside(self, pairs: EmbeddedPairs, same: Labels) -> Inside:
        """What its own numbers say of n pairs, n may be 0: losses, gradients and activations.

        Args:
            pairs: n pairs.
            same: (n,) bool, of one class or both.

        Raises:
            UsageError: as `score`, or labels that do not fit the pairs.
        """
        self._check_scored(pairs)
        check_labels(pairs, same, where=f"head {self.name}")
        return self._inside(pairs, same)

    def _score(self, pairs: EmbeddedPairs) -> Scores:
        return sigmoid(self._logit(pairs))

    @abstractmethod
    def _logit(self, pairs: EmbeddedPairs) -> Scores:
        """Log odds of at least one pair; all checks are done."""

    @abstractmethod
    def _inside(self, pairs: EmbeddedPairs, same: Labels) -> Inside:
        """What its numbers say of pairs, also of none; all checks are done."""

    def _quick_logit(self, pairs: EmbeddedPairs) -> npt.NDArray[np.float32]:
        """Log odds of at least one pair, roughly; all checks are done."""
        return self._logit(pairs).astype(np.float32)


def sigmoid(logit: Scores) -> Scores:
    """1 / (1 + exp(-logit)) without overflow, precise at both ends."""
    # exp only ever sees negative numbers; both branches are the same function.
    small = np.exp(-np.abs(logit))
    return np.where(logit >= 0, 1.0, small) / (1.0 + small)
