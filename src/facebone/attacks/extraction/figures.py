"""What copies are worth: how often they decide as the victim, with intervals over people. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError
from facebone.seeding import make_rng
from facebone.verification.estimates import Figure, Refused
from facebone.verification.intervals import (
    People,
    never_certain,
    percentile_interval,
    resample_pairs,
)
from facebone.verification.metrics import Floats, Labels, check_scores

Weighing = Callable[[Floats], Floats]
"""A figure in resamples (b,), given how often each pair counts, (n, b); NaN where it has none."""


@dataclass(frozen=True, slots=True, eq=False)
class Verifier:
    """Scores of one verifier of n pairs, and the threshold at which it decides.

    Args:
        scores: (n,) larger for the same person.
        threshold: from which score on it takes a pair for one person.
    """

    scores: Floats
    threshold: float

    @property
    def decided(self) -> Labels:
        """(n,)."""
        decisions: Labels = self.scores >= self.threshold
        return decisions


@dataclass(frozen=True, slots=True)
class CopyFigures:
    """How good a copy is, each figure with a 95 % interval.

    Args:
        agreement: share of pairs about which copy and victim decide alike.
        balanced_agreement: mean of that share among pairs to which the victim says yes, and among
            those to which it says no. Always saying no scores one half here, however seldom the
            victim says yes.
        accuracy: of the copy: mean of the shares of matched and mismatched pairs decided rightly.
        victim_accuracy: the same of the victim.
        rank_correlation: of the copy's and the victim's scores (Spearman's).
        foretold: probability that the copy scores a pair that the victim accepts above one that it
            rejects, ties counting half: how well it knows the decisions, whatever its threshold.
        gain: `foretold` less that of what the attacker has without asking, on the same resamples.
            The copy has learnt something from the victim where it lies above 0.
    """

    agreement: Figure
    balanced_agreement: Figure
    accuracy: Figure
    victim_accuracy: Figure
    rank_correlation: Figure
    foretold: Figure
    gain: Figure

    @property
    def learnt(self) -> bool:
        """Whether the copy surely foretells decisions better than what needs no question."""
        return not isinstance(self.gain, Refused) and self.gain.low > 0

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {field.name: getattr(self, field.name).to_json() for field in fields(self)}


def measure_copy(
    copy: Verifier,
    victim: Verifier,
    baseline: Verifier,
    *,
    same: Labels,
    people: People | None,
    seed: int,
    replicates: int = 1000,
) -> CopyFigures:
    """Measure a copy on pairs of people whom neither it nor the victim learnt from.

    An interval that the bootstrap leaves without width becomes the exact one of as many trials as
    there are pairs of the rarer kind that the figure is about.

    Args:
        copy: of n pairs.
        victim: of the same pairs.
        baseline: what the attacker has without asking, of the same pairs.
        same: (n,) bool, whether a pair shows one person.
        people: who is left and right in each pair; None resamples pairs.
        seed: of the bootstrap.
        replicates: resamples of the bootstrap.

    Raises:
        UsageError: columns that do not fit, scores that are not numbers, or pairs of one kind only.
    """
    for verifier in (copy, victim, baseline):
        check_scores(verifier.scores, same)
    if replicates < 1:
        raise UsageError(f"must be at least 1, got {replicates}", where="replicates")
    yes, alike = victim.decided, copy.decided == victim.decided
    foretold, before = (_auc(verifier.scores, yes) for verifier in (copy, baseline))
    kinds = {
        "agreement": _share(alike),
        "balanced_agreement": _balanced(alike, yes),
        "accuracy": _balanced(copy.decided == same, same),
        "victim_accuracy": _balanced(victim.decided == same, same),
        "rank_correlation": _spearman(copy.scores, victim.scores),
        "foretold": foretold,
        "gain": _less(foretold, before),
    }
    drawn: dict[str, list[Floats]] = {name: [] for name in kinds}
    rng = make_rng(seed, "bootstrap of copies")
    for weights in resample_pairs(same, people=people, rng=rng, replicates=replicates):
        for name, weigh in kinds.items():
            drawn[name].append(weigh(weights))
    once = np.ones((len(same), 1))
    rarer = int(min(yes.sum(), (~yes).sum()))
    of_kind = int(min(same.sum(), (~same).sum()))
    trials = {
        "agreement": len(same),
        "balanced_agreement": rarer,
        "accuracy": of_kind,
        "victim_accuracy": of_kind,
        "foretold": rarer,
    }
    found = {
        name: _figure(name, float(weigh(once)[0]), np.concatenate(drawn[name]), trials)
        for name, weigh in kinds.items()
    }
    return CopyFigures(**found)


def _figure(name: str, value: float, replicates: Floats, trials: Mapping[str, int]) -> Figure:
    if np.isnan(value):
        if name == "rank_correlation":
            return Refused("the scores are all alike")
        return Refused("the victim decides all pairs alike")
    figure = percentile_interval(value, replicates)
    return never_certain(figure, trials[name]) if name in trials else figure


def _share(right: npt.NDArray[np.bool_]) -> Weighing:
    """Share of pairs that are right."""

    def weigh(weights: Floats) -> Floats:
        with np.errstate(invalid="ignore"):
            share: Floats = weights[right].sum(axis=0) / weights.sum(axis=0)
        return share

    return weigh


def _balanced(right: npt.NDArray[np.bool_], kind: npt.NDArray[np.bool_]) -> Weighing:
    """Mean of the shares that are right among both kinds."""

    def weigh(weights: Floats) -> Floats:
        with np.errstate(invalid="ignore"):
            shares = [
                weights[right & of].sum(axis=0) / weights[of].sum(axis=0) for of in (kind, ~kind)
            ]
        mean: Floats = (shares[0] + shares[1]) / 2
        return mean

    return weigh


def _auc(scores: Floats, yes: npt.NDArray[np.bool_]) -> Weighing:
    """Probability that one of `yes` scores above another, a pair that counts w times being w."""
    ranks = _Ranks(scores)

    def weigh(weights: Floats) -> Floats:
        positive, negative = weights[yes].sum(axis=0), weights[~yes].sum(axis=0)
        # Mann and Whitney's U: the ranks of those of `yes`, less what these have among themselves.
        wins = (weights * ranks(weights))[yes].sum(axis=0) - positive * (positive + 1) / 2
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Floats = wins / (positive * negative)
        return found

    return weigh


def _less(first: Weighing, second: Weighing) -> Weighing:
    return lambda weights: first(weights) - second(weights)


def _spearman(first: Floats, second: Floats) -> Weighing:
    """Correlation of the ranks, a pair that counts w times being there w times."""
    ranked = [_Ranks(first), _Ranks(second)]

    def weigh(weights: Floats) -> Floats:
        total = weights.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            # Weighted midranks have the mean (total + 1) / 2, whatever is tied.
            a, b = (ranks(weights) - (total + 1) / 2 for ranks in ranked)
            joint = (weights * a * b).sum(axis=0)
            spread = (weights * a * a).sum(axis=0) * (weights * b * b).sum(axis=0)
            found: Floats = joint / np.sqrt(spread)
        found[spread <= 0] = np.nan
        return found

    return weigh


class _Ranks:
    """Midranks of scores (n,) in resamples."""

    def __init__(self, scores: Floats) -> None:
        self._order = np.argsort(scores, kind="stable")
        ranked = scores[self._order]
        first = np.append(True, ranked[1:] != ranked[:-1])
        self._starts = np.flatnonzero(first)
        self._run = np.empty(len(scores), dtype=np.intp)
        self._run[self._order] = np.cumsum(first) - 1

    def __call__(self, weights: Floats) -> Floats:
        """(n, b) of weights (n, b)."""
        runs = np.add.reduceat(weights[self._order], self._starts, axis=0)
        # A run of weight w that ends at rank r has the mean rank r - (w - 1) / 2.
        midranks = np.cumsum(runs, axis=0) - (runs - 1) / 2
        found: Floats = midranks[self._run]
        return found
