"""Figures of several seeds as one, without credit for the number of seeds. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from facebone.audit.schema import (
    BoughtFigures,
    E,
    GainFigures,
    Interval,
    Refusal,
    UtilityFigures,
)
from facebone.audit.statistics import Leak
from facebone.errors import UsageError
from facebone.verification.estimates import Estimate, Figure, Refused
from facebone.verification.utility import Utility


def pool(figures: Sequence[Figure]) -> Figure:
    """One figure for several seeds: the mean, with an interval that one seed could have given.

    The ends are the means of the seeds' ends, widened to hold the value of every seed. Seeds draw
    other members from the same people and pictures; as figures of one sample they are not
    independent, and their number must not narrow the interval.

    Args:
        figures: one a seed.

    Returns:
        The first refusal, if any seed refuses.

    Raises:
        UsageError: no figures.
    """
    if not figures:
        raise UsageError("needs the figures of at least one seed, got none", where="figures")
    known = [figure for figure in figures if isinstance(figure, Estimate)]
    for figure in figures:
        if isinstance(figure, Refused):
            return figure
    if len(known) == 1:
        return known[0]
    values = [figure.value for figure in known]
    low = float(np.mean([figure.low for figure in known]))
    high = float(np.mean([figure.high for figure in known]))
    return Estimate(float(np.mean(values)), min(low, *values), max(high, *values))


def pool_leaks(leaks: Sequence[Leak]) -> Leak:
    """One leak for several seeds; counts are those of one seed, the smallest where they differ.

    Raises:
        UsageError: no leaks.
    """
    if not leaks:
        raise UsageError("needs the leaks of at least one seed, got none", where="leaks")
    return Leak(
        members=min(leak.members for leak in leaks),
        non_members=min(leak.non_members for leak in leaks),
        auc=pool([leak.auc for leak in leaks]),
        balanced_accuracy=pool([leak.balanced_accuracy for leak in leaks]),
        tpr_at_fpr={
            fpr: pool([leak.tpr_at_fpr[fpr] for leak in leaks]) for fpr in leaks[0].tpr_at_fpr
        },
    )


def pool_utilities(utilities: Sequence[Utility | UtilityFigures]) -> UtilityFigures:
    """One utility for several seeds, as audit.json holds it.

    Raises:
        UsageError: no utilities.
    """
    if not utilities:
        raise UsageError("needs the utility of at least one seed, got none", where="utilities")
    parts = [
        UtilityFigures.model_validate(part.to_json()) if isinstance(part, Utility) else part
        for part in utilities
    ]

    def pooled(figures: Sequence[E]) -> E:
        return to_schema(pool([from_schema(figure) for figure in figures]))

    return UtilityFigures(
        accuracy=pooled([part.accuracy for part in parts]),
        auc=pooled([part.auc for part in parts]),
        eer=pooled([part.eer for part in parts]),
        tar_at_far={
            far: pooled([part.tar_at_far[far] for part in parts]) for far in parts[0].tar_at_far
        },
    )


def pool_bought(parts: Sequence[BoughtFigures]) -> BoughtFigures:
    """What training bought over several seeds; counts are the smallest of one seed.

    Raises:
        UsageError: no figures.
    """
    if not parts:
        raise UsageError("needs the figures of at least one seed, got none", where="bought")

    def pooled(gains: Sequence[GainFigures]) -> GainFigures:
        return GainFigures(
            **{
                name: to_schema(pool([from_schema(getattr(gain, name)) for gain in gains]))
                for name in ("before", "after", "change")
            },
            pairs=min(gain.pairs for gain in gains),
        )

    return BoughtFigures(
        unadapted=parts[0].unadapted,
        members=pooled([part.members for part in parts]),
        strangers=pooled([part.strangers for part in parts]),
        shifts={kind: pooled([part.shifts[kind] for part in parts]) for kind in parts[0].shifts},
    )


def to_schema(figure: Figure) -> E:
    """A figure as audit.json holds it."""
    if isinstance(figure, Refused):
        return Refusal(refused=figure.reason)
    return Interval(value=figure.value, low=figure.low, high=figure.high)


def from_schema(figure: E) -> Figure:
    """A figure of audit.json."""
    if isinstance(figure, Refusal):
        return Refused(figure.refused)
    return Estimate(figure.value, figure.low, figure.high)


def rates_to_schema(rates: Mapping[float, Figure]) -> dict[str, E]:
    """Figures by rate as audit.json holds them, with keys such as ``"0.001"``."""
    return {f"{rate:g}": to_schema(figure) for rate, figure in rates.items()}
