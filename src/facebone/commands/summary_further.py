"""Copies, links and attributes in a terminal: a table of each goal on stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facebone.commands.cells import cell
from facebone.commands.console import note, print_records

if TYPE_CHECKING:
    from facebone.audit.schema import Audit


def print_further(audit: Audit) -> None:
    """What attacks of these goals found, where there were any."""
    _print_copied(audit)
    _print_linked(audit)
    _print_inferred(audit)


def _print_copied(audit: Audit) -> None:
    rows = []
    for target in audit.targets:
        for one in target.extractions:
            if one.refused is not None:
                note(f"{target.name}: {one.name} copied nothing: {one.refused}")
            for what, point in (
                ("nothing", one.baseline),
                *((f"{point.queries:,}", point) for point in one.points),
                ("shuffled answers", one.control),
            ):
                if point is not None:
                    figures = (point.balanced_agreement, point.accuracy, point.gain)
                    rows.append((target.name, one.name, what, *map(cell, figures)))
    if rows:
        note("how often a copy decides as the target does, after so many questions:")
        heads = ("copied", "attack", "asked", "balanced agreement", "its accuracy", "gain")
        print_records(heads, rows)


def _print_linked(audit: Audit) -> None:
    rows = [
        (
            target.name,
            one.name,
            one.second,
            cell(one.auc),
            "-" if one.rank_one is None else cell(one.rank_one),
            "-" if one.chance is None else f"{one.chance:.3f}",
            cell(one.control.auc),
        )
        for target in audit.targets
        for one in target.linkages
    ]
    if rows:
        note("records of the target found in another database:")
        heads = ("linked", "attack", "to", "AUC", "best match is right", "guessing", "control")
        print_records(heads, rows)


def _print_inferred(audit: Audit) -> None:
    rows = [
        (
            target.name,
            one.name,
            str(len(one.attributes)),
            cell(one.auc),
            cell(one.control.auc),
            cell(one.baseline.auc),
        )
        for target in audit.targets
        for one in target.attributes
    ]
    if rows:
        note("attributes of people inferred, mean AUC over all of them:")
        heads = ("told by", "attack", "attributes", "AUC", "control", "baseline")
        print_records(heads, rows)
