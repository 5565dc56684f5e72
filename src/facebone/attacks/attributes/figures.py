"""How well attributes are inferred: areas and correlations with 95 % intervals. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.attacks.attributes.traits import Kind, Unit
from facebone.attacks.attributes.trial import Inferred
from facebone.attacks.observations import Floats, Mask
from facebone.errors import UsageError
from facebone.seeding import make_rng
from facebone.verification.estimates import Estimate, Figure, Refused
from facebone.verification.intervals import (
    BLOCK_VALUES,
    hull,
    never_certain,
    percentile_interval,
)
from facebone.verification.metrics import auc

BASELINE = 0.5
"""AUC of always guessing what is most usual."""


@dataclass(frozen=True, slots=True)
class AttributeFigures:
    """How well one attribute is inferred.

    Args:
        name: of the attribute.
        kind: whether it is yes or no, or a number.
        unit: whether people or pictures have it.
        candidates: people or pictures that it was inferred of.
        positive: how many of them have it; of a number, more of it than the median of those whom
            the attacker knows.
        auc: probability that one who has it scores above one who does not.
        correlation: of the ranks of score and attribute (Spearman's); of yes and no, see `auc`.
        control: AUC where attributes were shuffled among people, those who are known and the
            victims: the mean of all shuffles, and where 95 % of them lie.
        chance: share of the shuffles, the attack itself counted as one, whose AUC is no smaller
            than the attack's; the p-value of a permutation test.
    """

    name: str
    kind: Kind
    unit: Unit
    candidates: int
    positive: int
    auc: Figure
    correlation: Figure
    control: Figure
    chance: float

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "name": self.name,
            "kind": str(self.kind),
            "unit": str(self.unit),
            "candidates": self.candidates,
            "positive": self.positive,
            "auc": self.auc.to_json(),
            "correlation": self.correlation.to_json(),
            "control": {"auc": self.control.to_json()},
            "chance": self.chance,
            "baseline": {"auc": BASELINE},
        }


@dataclass(frozen=True, slots=True)
class AttributeReport:
    """How well all attributes are inferred.

    Args:
        attributes: in their order.
        mean: of their AUCs, those that are refused left out: one figure that does not grow with
            the number of attributes that were looked at, as the best of them does.
        control: the same of the control, and where 95 % of its shuffles lie.
    """

    attributes: tuple[AttributeFigures, ...]
    mean: Figure
    control: Figure

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "attributes": [one.to_json() for one in self.attributes],
            "mean": {"auc": self.mean.to_json()},
            "control": {"auc": self.control.to_json()},
            "baseline": {"auc": BASELINE},
        }


def measure_attributes(inferred: Inferred, *, seed: int, replicates: int = 1000) -> AttributeReport:
    """Measure how well an attack infers attributes of people it does not know.

    All intervals come from one bootstrap over people, in which the pictures of a person count
    together. An attribute of a person is judged once a person, by the mean of the scores of all
    pictures. The ranks of a correlation are those of the whole sample in every resample.

    Args:
        inferred: what the attack says, and the truth.
        seed: of the bootstrap.
        replicates: resamples.

    Raises:
        UsageError: no pictures, or no attributes.
    """
    truth = inferred.truth
    if not len(truth) or not truth.names:
        raise UsageError("needs pictures and attributes to measure", where="attributes")
    people, number = np.unique(truth.person, return_inverse=True)
    rng = make_rng(seed, "attribute figures")
    drawn = rng.integers(len(people), size=(replicates, len(people)))
    drawn += np.arange(replicates)[:, None] * len(people)
    counts = np.bincount(drawn.ravel(), minlength=replicates * len(people))
    weights = counts.reshape(replicates, len(people)).astype(np.float64)
    measured = [
        _measure(inferred, column, name, number, weights) for column, name in enumerate(truth.names)
    ]
    areas = [one for one in measured if not isinstance(one.figures.auc, Refused)]
    mean: Figure = Refused("no attribute is had by some people and not by others")
    control = mean
    if areas:
        value = float(np.mean([one.value for one in areas]))
        mean = percentile_interval(value, np.mean([one.again for one in areas], axis=0))
        control = _spread(np.mean([one.control for one in areas], axis=0))
    return AttributeReport(tuple(one.figures for one in measured), mean, control)


def of_people(columns: Floats, number: npt.NDArray[np.intp]) -> Floats:
    """The mean over each person's pictures of (n, c), (p, c)."""
    total = np.zeros((int(number.max()) + 1, columns.shape[1]))
    np.add.at(total, number, columns)
    mean: Floats = total / np.bincount(number)[:, None]
    return mean


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """Figures of one attribute, and what means over several are made of.

    Args:
        figures: of the attribute.
        value: its AUC.
        again: (B,) on all resamples.
        control: (s,) of all shuffles.
    """

    figures: AttributeFigures
    value: float
    again: Floats
    control: Floats


def _measure(
    inferred: Inferred, column: int, name: str, number: npt.NDArray[np.intp], weights: Floats
) -> _Measured:
    truth = inferred.truth
    kind, unit = truth.kind(name), truth.unit(name)
    values = np.column_stack([truth.values[:, column], inferred.shuffled[:, :, column].T])
    scores = np.column_stack([inferred.scores[:, column], inferred.control[:, :, column].T])
    owner = number
    if unit is Unit.PERSON:
        # All pictures state the same: a mean would round it.
        values = values[np.unique(number, return_index=True)[1]]
        scores = of_people(scores, number)
        owner = np.arange(len(values))
    value, score = values[:, 0], scores[:, 0]
    cut = float(inferred.middle[column])
    has: Mask = values > (float(value.min() + value.max()) / 2 if kind is Kind.BINARY else cut)
    positive = has[:, 0]
    count, fewer = int(positive.sum()), min(int(positive.sum()), int((~positive).sum()))
    facts = (name, kind, unit, len(value), count)
    if not fewer:
        reason = Refused(f"all or none of {len(value)} have it")
        empty = np.empty(0)
        return _Measured(AttributeFigures(*facts, reason, reason, reason, 1.0), 0.5, empty, empty)
    area = auc(score, positive)
    control = np.array(
        [
            auc(one, theirs) if theirs.any() and not theirs.all() else BASELINE
            for one, theirs in zip(scores[:, 1:].T, has[:, 1:].T, strict=True)
        ]
    )
    ranks = midranks(score), midranks(value)
    # A person's weight counts for all their candidates; a block of resamples at a time, for there
    # may be many pictures.
    step = max(1, BLOCK_VALUES // len(owner))
    blocks = [
        np.stack([weighted_aucs(score, positive, block), weighted_correlations(*ranks, block)])
        for block in (
            weights[begin : begin + step][:, owner] for begin in range(0, len(weights), step)
        )
    ]
    again, correlations = np.concatenate(blocks, axis=1)
    whole = float(weighted_correlations(*ranks, np.ones((1, len(value))))[0])
    figures = AttributeFigures(
        *facts,
        never_certain(percentile_interval(area, again), fewer),
        percentile_interval(whole, correlations),
        _spread(control),
        (1 + int((control >= area).sum())) / (1 + len(control)),
    )
    # A resample in which nobody has it says nothing: in means it counts as the whole sample does.
    return _Measured(figures, area, np.where(np.isnan(again), area, again), control)


def _spread(values: Floats) -> Estimate:
    """The mean, and where 95 % of the values lie."""
    low, high = np.percentile(values, [2.5, 97.5])
    return hull(float(values.mean()), (float(low), float(high)))


def midranks(values: Floats) -> Floats:
    """Ranks from 0, the mean of them for ties, (n,)."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(count) - (count + 1) / 2)[place]
    return ranks


def weighted_aucs(scores: Floats, positive: Mask, weights: Floats) -> Floats:
    """The AUC where each candidate counts so often, (B,); NaN where a class does not count.

    Args:
        scores: (n,).
        positive: (n,) bool.
        weights: (B, n) whole numbers.
    """
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    begins = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))
    sorted_weights = weights[:, order]
    # A column for each distinct score: ties win half against each other.
    ours = np.add.reduceat(sorted_weights * positive[order], begins, axis=1)
    theirs = np.add.reduceat(sorted_weights * ~positive[order], begins, axis=1)
    wins = (ours * (np.cumsum(theirs, axis=1) - theirs / 2)).sum(axis=1)
    comparisons = ours.sum(axis=1) * theirs.sum(axis=1)
    area: Floats = np.where(comparisons > 0, wins / np.maximum(comparisons, 1), np.nan)
    return area


def weighted_correlations(one: Floats, two: Floats, weights: Floats) -> Floats:
    """The correlation of two (n,) where each candidate counts so often, (B,); 0 of constants."""
    total = weights.sum(axis=1)
    mean_one, mean_two = weights @ one / total, weights @ two / total
    shared = weights @ (one * two) / total - mean_one * mean_two
    spread = (weights @ one**2 / total - mean_one**2) * (weights @ two**2 / total - mean_two**2)
    known = spread > 1e-9
    found: Floats = np.where(known, shared / np.sqrt(np.where(known, spread, 1.0)), 0.0)
    return found
