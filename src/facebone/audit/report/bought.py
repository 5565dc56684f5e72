"""What training bought: a sentence a target, and a table of accuracy with and without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from facebone.audit.names import NO_BREAK
from facebone.audit.report.tables import DASH, Cell, Table, finding, text
from facebone.audit.schema import Audit, BoughtFigures, E, GainFigures, Interval, TargetResult
from facebone.audit.verdict import deciding_attack, proves

MINUS, ARROW = "\u2212", "\u2192"

_TRAINED_ON = {
    "pair": ("these pairs", "other pairs"),
    "image": ("these pictures", "other pictures"),
    "identity": ("these people", "strangers"),
}
"""Level -> what was trained on, and what was not."""

_DOMAINS = {
    "unaligned": ("not aligned", "whole pictures"),
    "low_resolution": ("low resolution", "few pixels"),
    "blurred": ("blurred", "out of focus"),
    "occluded": ("occluded", "mask over the mouth"),
}


@dataclass(frozen=True, slots=True)
class BoughtSection:
    """What the page says of it.

    Args:
        sentences: of each target that was measured: its place in the audit, its name, the sentence.
        table: a row a target.
        domains: whether the table has shifted domains.
    """

    sentences: list[tuple[int, str, str]]
    table: Table
    domains: bool


def bought_section(audit: Audit, called: Mapping[str, str]) -> BoughtSection | None:
    """What training bought each target; None where it was measured of none."""
    measured = [(i, one, one.bought) for i, one in enumerate(audit.targets) if one.bought]
    if not measured:
        return None
    found = [bought for _, _, bought in measured]
    kinds = domains(found)
    heads = [_DOMAINS.get(kind, (kind.replace("_", " "), "")) for kind in kinds]
    table = Table(
        f"Accuracy before {ARROW} after training, and its change in percentage points. Small "
        "figures in brackets are 95 % intervals; a change is coloured where its interval excludes "
        "zero.",
        heads=[
            ("target", "beside it, untrained"),
            ("members", "trained on"),
            ("strangers", "not trained on"),
            *heads,
        ],
        groups=[
            ("", 1),
            ("pictures as they are", 2),
            *([("strangers in shifted domains", len(kinds))] if kinds else []),
        ],
    )
    for _, target, bought in measured:
        gains = [bought.members, bought.strangers, *(bought.shifts.get(kind) for kind in kinds)]
        table.rows.append(
            [
                text(called[target.name], bought.unadapted, strong=True),
                *(_cell(table, gain) for gain in gains),
            ]
        )
    sentences = [(i, called[one.name], bought_in_words(one)) for i, one, _ in measured]
    return BoughtSection(sentences, table, bool(kinds))


def bought_in_words(target: TargetResult) -> str:
    """What training changed for those it never met, and what it tells an attacker.

    The attack is the one that the verdict rests on. Empty where nothing was measured.
    """
    if target.bought is None:
        return ""
    learnt, others = _TRAINED_ON[target.level]
    change = target.bought.strangers.change
    if isinstance(change, Interval):
        said = (
            f"Training on {learnt} changed accuracy on {others} by {points(change.value)} "
            f"percentage points {_span(points(change.low), points(change.high))} and"
        )
    else:
        said = f"How training on {learnt} changed accuracy on {others} was not measured; it"
    attack = deciding_attack(target)
    if attack is None or not isinstance(attack.auc, Interval):
        return f"{said} lets an attacker recognise members by an AUC that was not measured."
    auc = attack.auc
    doubt = "" if proves(attack) else f": {finding(attack)}"
    return (
        f"{said} lets an attacker recognise members with AUC{NO_BREAK}{auc.value:.3f} "
        f"{_span(f'{auc.low:.3f}', f'{auc.high:.3f}')} ({attack.name}{doubt})."
    )


def domains(found: Sequence[BoughtFigures]) -> list[str]:
    """The shifted domains of any target, in the order of the first that has them."""
    return list(dict.fromkeys(kind for bought in found for kind in bought.shifts))


def points(share: float) -> str:
    """A difference of shares in percentage points with its sign: ``+0.7``."""
    shown = f"{100 * share:+.1f}"
    return shown[1:] if float(shown) == 0 else shown.replace("-", MINUS)


def _span(low: str, high: str) -> str:
    return f"[{low},{NO_BREAK}{high}]"


def told_from_zero(figure: E) -> bool:
    """Whether a change is known to be one."""
    return isinstance(figure, Interval) and not figure.low <= 0 <= figure.high


def _cell(table: Table, gain: GainFigures | None) -> Cell:
    if gain is None:
        return Cell(DASH)
    before, after, change = gain.before, gain.after, gain.change
    if not (
        isinstance(before, Interval)
        and isinstance(after, Interval)
        and isinstance(change, Interval)
    ):
        return table.figure(change, "percent")
    shown = f"{100 * before.value:.1f} {ARROW} {100 * after.value:.1f}{NO_BREAK}%"
    below = f"{points(change.value)} {_span(points(change.low), points(change.high))}"
    tone = ("good" if change.value > 0 else "bad") if told_from_zero(change) else ""
    return Cell(shown, below, tone=tone)
