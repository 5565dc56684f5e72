"""What an attacker sees of a target: the answers it gives about candidates."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from facebone.attacks.access import Channel
from facebone.attacks.probe_answers import ProbeAnswers
from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.errors import UsageError

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_LEAST_SLOPE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Answers of a verifier about n candidates, each asked q times.

    An attacker knows the candidates, and so whether each shows one person: `same` is given, and
    membership is what is sought. It is no part of this class.

    Args:
        score: (n, q) the scores as the verifier showed them, larger for the same person.
        same: (n,) bool, whether each pair shows one person.
        log_odds: (n, q) of the same person; see `from_scores`.
        threshold: the verifier decides "same" where ``score >= threshold``.
        shadows: the same candidates' answers from verifiers that the attacker trained, or None.
        channels: (n, f) by what else the attacker sees; see `Channel`.
        probes: where a candidate is a picture or a person, the answers about the pairs that were
            asked; then `log_odds` is the mean of their margins, and `same` is true for all.

    Raises:
        UsageError: shapes that do not fit each other, or answers that are not finite.
    """

    score: Floats
    same: Mask
    log_odds: Floats
    threshold: float
    shadows: ShadowAnswers | None = None
    channels: Mapping[Channel, Floats] = field(default_factory=dict)
    probes: ProbeAnswers | None = None

    def __post_init__(self) -> None:
        n = len(self.same)
        if self.score.ndim != 2 or self.score.shape[0] != n or self.score.shape[1] < 1:
            raise UsageError(
                f"must have shape ({n}, queries), got {self.score.shape}", where="scores"
            )
        if self.log_odds.shape != self.score.shape or self.same.dtype != np.bool_:
            raise UsageError(
                f"log odds of {self.log_odds.shape} and labels of {self.same.dtype} do not fit "
                f"scores of {self.score.shape}",
                where="observations",
            )
        if math.isnan(self.threshold):
            raise UsageError("must be a number, got nan", where="threshold")
        for channel, values in self.channels.items():
            if values.ndim != 2 or len(values) != n:
                raise UsageError(f"must have {n} rows, got {values.shape}", where=channel)
        known = {"scores": self.score, "log odds": self.log_odds}
        for name, values in (known | dict(self.channels)).items():
            bad = ~np.isfinite(values).all(axis=1)
            if bad.any():
                raise UsageError(
                    f"{int(bad.sum())} of {n} are not finite, the first in row "
                    f"{int(np.flatnonzero(bad)[0])}",
                    where=name,
                    hint="leave those pairs out, or find out why the verifier fails on them",
                )
        if self.shadows is not None and self.shadows.trained.shape[1] != n:
            raise UsageError(
                f"shadows answered about {self.shadows.trained.shape[1]} candidates, the target "
                f"about {n}",
                where="shadows",
            )
        if self.probes is not None and self.probes.size != n:
            raise UsageError(f"are about {self.probes.size} candidates, not {n}", where="probes")

    @classmethod
    def from_scores(
        cls, score: npt.NDArray[np.floating], same: Mask, *, threshold: float | None = None
    ) -> Observations:
        """Observations of scores alone, with log odds worked out from them.

        Scores that all lie in [0, 1] are taken for probabilities of the same person. Others are
        calibrated by a logistic regression of `same` on the score (Platt scaling); that needs no
        membership, and keeps the order of scores.

        Args:
            score: (n,) or (n, q), finite.
            same: (n,) bool.
            threshold: of the verifier; by default a probability of a half, or log odds of 0.

        Raises:
            UsageError: shapes that do not fit, scores that are not finite, or, where scores must
                be calibrated, pairs of one kind only.
        """
        raw = np.asarray(score, dtype=np.float64)
        values = raw[:, None] if raw.ndim == 1 else raw
        if not np.isfinite(values).all() or values.ndim != 2 or len(values) != len(same):
            return cls(values, same, np.zeros_like(values), 0.5)  # says what is wrong
        if not values.size or (values.min() >= 0 and values.max() <= 1):
            return cls(
                values, same, probability_log_odds(values), 0.5 if threshold is None else threshold
            )
        log_odds, middle = _platt(values, same)
        return cls(values, same, log_odds, middle if threshold is None else threshold)

    def __len__(self) -> int:
        return len(self.same)

    @property
    def queries(self) -> int:
        """How often each candidate was asked."""
        return int(self.score.shape[1])

    def take(self, rows: npt.NDArray[np.intp] | Mask) -> Observations:
        """The candidates at `rows`, as positions or as a mask."""
        return Observations(
            self.score[rows],
            self.same[rows],
            self.log_odds[rows],
            self.threshold,
            None if self.shadows is None else self.shadows.take(rows),
            {channel: values[rows] for channel, values in self.channels.items()},
            None if self.probes is None else self.probes.take(rows),
        )

    def first_queries(self, count: int) -> Observations:
        """The first `count` answers about each candidate.

        Raises:
            UsageError: fewer were recorded.
        """
        if not 1 <= count <= self.queries:
            raise UsageError(
                f"{count} answers a candidate were asked for, {self.queries} were recorded",
                where="queries",
            )
        return replace(self, score=self.score[:, :count], log_odds=self.log_odds[:, :count])

    def margin(self) -> Floats:
        """Log odds of the right answer, mean over the queries, (n,): larger the surer and right."""
        mean = self.log_odds.mean(axis=1)
        signed: Floats = np.where(self.same, mean, -mean)
        return signed

    def right(self) -> Mask:
        """Whether the verifier decides rightly, by the mean over the queries, (n,)."""
        decided: Mask = (self.score.mean(axis=1) >= self.threshold) == self.same
        return decided

    def right_share(self) -> Floats:
        """The share of the queries that the verifier decides rightly, (n,).

        Unlike `right`, it needs no score: an attacker who is shown decisions can work it out.
        """
        share: Floats = ((self.score >= self.threshold) == self.same[:, None]).mean(axis=1)
        return share


def probability_log_odds(probability: Floats) -> Floats:
    """log(p / (1 - p)), finite at 0 and 1: there just beyond what float64 can tell from them."""
    tiny, near_one = np.finfo(np.float64).tiny, 1 - np.finfo(np.float64).epsneg
    inside = np.clip(probability, tiny, near_one)
    odds: Floats = np.log(inside) - np.log1p(-inside)
    # A probability of 1 is surer than any below it.
    ends: Floats = (probability >= 1).astype(np.float64) - (probability <= 0)
    found: Floats = odds + ends
    return found


def _platt(values: Floats, same: Mask) -> tuple[Floats, float]:
    """Log odds in the order of the scores, and the score at which they are 0."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    if same.all() or not same.any():
        raise UsageError(
            "scores outside [0, 1] are calibrated, which needs matched and mismatched pairs",
            where="scores",
        )
    if values.min() == values.max():
        return np.zeros_like(values), float(values.min())
    # Over the largest first: squares of what is left neither overflow nor vanish.
    peak = float(np.abs(values).max())
    unit = values / peak
    mean, deviation = float(unit.mean()), float(unit.std())
    standard = (unit - mean) / deviation
    model = LogisticRegression(C=1e6, solver="newton-cholesky")
    with warnings.catch_warnings():
        # Where a threshold parts the kinds perfectly, steeper always fits better: any end will do.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(standard.reshape(-1, 1), np.repeat(same, values.shape[1]))
    slope, shift = float(model.coef_[0, 0]), float(model.intercept_[0])
    if slope < _LEAST_SLOPE:
        # Larger means the same person by definition; a fit that says else has seen noise.
        share = float(same.mean())
        slope, shift = _LEAST_SLOPE, math.log(share / (1 - share))
    return standard * slope + shift, peak * (mean - deviation * shift / slope)
