"""Which pictures the page has, made from the audit and its rows of scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from facebone.audit.report.bands import Sample, rate_band, supported_rates
from facebone.audit.report.charts.canvas import Chart
from facebone.audit.report.charts.det import det_chart
from facebone.audit.report.charts.forest import forest_chart
from facebone.audit.report.charts.histogram import histogram_chart
from facebone.audit.report.charts.roc import MOST_CURVES, Line, roc_chart
from facebone.audit.report.score_rows import ScoreRows, SeedRows
from facebone.audit.report.tables import by_strength
from facebone.audit.schema import Audit, Interval, TargetResult


@dataclass(frozen=True, slots=True)
class TargetPictures:
    """The pictures of one target; None where there is nothing to draw."""

    forest: Chart | None
    roc: Chart | None
    histogram: Chart | None


def det(audit: Audit, called: Mapping[str, str], rows: ScoreRows) -> Chart | None:
    """Verification errors of every target on its non-members.

    Raises:
        DatasetError: the rows lack a target.
    """
    lines = []
    for number in drawn_targets(audit):
        target = audit.targets[number]
        seeds = rows.seeds_of(target.name, target.attacks[0].name)
        samples = [one.utility() for one in seeds if _both(one.same[~one.member])]
        if samples:
            lines.append(_line(number, called[target.name], samples, audit.seed))
    return det_chart(lines) if lines else None


def drawn_targets(audit: Audit) -> list[int]:
    """Positions of the targets whose curves are compared: the first, and the most accurate."""

    def accuracy(number: int) -> float:
        figure = audit.targets[number].utility.accuracy
        return figure.value if isinstance(figure, Interval) else 0.0

    known = [number for number, target in enumerate(audit.targets) if target.attacks]
    best = sorted(known[1:], key=accuracy, reverse=True)[: MOST_CURVES - 1]
    return sorted([*known[:1], *best])


def target_pictures(
    number: int, target: TargetResult, name: str, rows: ScoreRows, *, seed: int
) -> TargetPictures:
    """The pictures of one target.

    Args:
        number: of the target, for names of charts.
        target: its results.
        name: for people.
        rows: all scores.
        seed: of the bands.

    Raises:
        DatasetError: the rows lack the target or one of its attacks.
    """
    ranked = by_strength(target)
    if not ranked:
        return TargetPictures(None, None, None)
    lines: list[Line] = []
    first = rows.seeds_of(target.name, ranked[0].name)
    for attack in ranked:
        samples = [
            one.leak() for one in rows.seeds_of(target.name, attack.name) if _both(one.member)
        ]
        if samples and len(lines) < MOST_CURVES:
            lines.append(_line(len(lines), attack.name, samples, seed))
    return TargetPictures(
        forest_chart(f"auc-{number}", name, ranked),
        roc_chart(f"roc-{number}", name, lines) if lines else None,
        _histogram(f"scores-{number}", name, first, target.level),
    )


def _histogram(chart: str, name: str, seeds: Sequence[SeedRows], level: str) -> Chart:
    """All seeds together."""
    return histogram_chart(
        chart,
        name,
        np.concatenate([one.verifier for one in seeds]),
        np.concatenate([one.same for one in seeds]),
        np.concatenate([one.member for one in seeds]),
        level=level,
    )


def _line(number: int, name: str, samples: Sequence[Sample], seed: int) -> Line:
    return Line(name, rate_band(samples, supported_rates(samples), seed=seed), number)


def _both(mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> bool:
    return bool(mask.any() and not mask.all())
