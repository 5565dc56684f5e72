"""Limits for continuous integration: how large a figure of any attack may be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from facebone.audit.schema import AttackResult, Audit, E, Refusal
from facebone.audit.statistics import FPRS
from facebone.errors import UnknownNameError, UsageError

OPTION = "--fail-above"

_RATE = "tpr@"
FIGURES = ("auc", "balanced_accuracy", *(f"{_RATE}{fpr:g}" for fpr in FPRS))
"""Figures that a limit can be set for."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A figure of every attack on every target must not be above `most`.

    Args:
        figure: a name of `FIGURES`.
        most: 0 .. 1; the limit itself is not exceeded.
    """

    figure: str
    most: float

    def of(self, attack: AttackResult) -> E:
        """The figure of one attack that the limit is about."""
        if self.figure.startswith(_RATE):
            rate = self.figure.removeprefix(_RATE)
            missing = Refusal(refused=f"the audit does not give it at FPR {rate}")
            return attack.tpr_at_fpr.get(rate, missing)
        return attack.auc if self.figure == "auc" else attack.balanced_accuracy


def parse_limits(words: Iterable[str]) -> tuple[Limit, ...]:
    """Limits from words such as ``auc=0.6`` and ``tpr@0.001=0.01``; case does not matter.

    Raises:
        UnknownNameError: no such figure; the nearest is named.
        UsageError: it does not look like that, the number is not in 0 .. 1, or a figure is
            limited twice.
    """
    limits: dict[str, Limit] = {}
    for word in words:
        name, equals, number = (part.strip().lower() for part in word.partition("="))
        if not (name and equals and number):
            raise UsageError(f"must look like auc=0.6, got {word!r}", where=OPTION)
        figure = _figure(name)
        try:
            most = float(number)
        except ValueError:
            most = float("nan")
        if not 0 <= most <= 1:
            raise UsageError(
                f"{figure} must be a number in 0 .. 1, got {number!r}",
                where=OPTION,
                hint="0.6 stands for 60 %",
            )
        if figure in limits:
            raise UsageError(f"{figure} is given twice", where=OPTION)
        limits[figure] = Limit(figure, most)
    return tuple(limits.values())


def exceeded(audit: Audit, limits: Sequence[Limit]) -> list[str]:
    """A line for each target and attack whose figure is above its limit; none if all hold.

    The figure itself counts, not its interval. One that was refused, because the sample is too
    small for it, counts as exceeded, and so does an audit without a single attack: nothing shows
    that the limit holds, and a gate that cannot be checked must not open.
    """
    lines = [
        line
        for limit in limits
        for name, attack in _attacks(audit)
        if (line := _judge(name, attack, limit)) is not None
    ]
    if limits and not any(_attacks(audit)):
        lines.append("no attack was run: nothing shows that the limits hold")
    return lines


def _attacks(audit: Audit) -> Iterator[tuple[str, AttackResult]]:
    for target in audit.targets:
        for attack in target.attacks:
            yield f"{target.name}, {attack.name}", attack


def _judge(name: str, attack: AttackResult, limit: Limit) -> str | None:
    figure = limit.of(attack)
    if isinstance(figure, Refusal):
        return f"{name}: {limit.figure} is not known to be at most {limit.most:g}: {figure.refused}"
    if figure.value <= limit.most:
        return None
    return (
        f"{name}: {limit.figure} {figure.value:.4f} [{figure.low:.4f}, {figure.high:.4f}] "
        f"above {limit.most:g}"
    )


def _figure(name: str) -> str:
    """The name of `FIGURES` that is meant: ``tpr@1e-2`` is ``tpr@0.01``."""
    start, at, rate = name.partition("@")
    if at:
        with suppress(ValueError):
            name = f"{start}@{float(rate):g}"
    if name not in FIGURES:
        raise UnknownNameError("figure to limit", name, FIGURES)
    return name
