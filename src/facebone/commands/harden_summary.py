"""The result of a hardening in a terminal: tables on stdout, what to know about it on stderr."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from facebone.commands.cells import cell
from facebone.commands.console import note, print_records
from facebone.commands.summary import print_paths

if TYPE_CHECKING:
    from facebone.harden.schema import Confirmed, Harden, OverModels, Trial

ONE_IN_HUNDRED = "0.01"


def print_harden(report: Harden, out: Path) -> None:
    """The front and what was confirmed on stdout, the recommendation, and the paths last."""
    from facebone.audit.names import UNDEFENDED

    shown = [
        one
        for one in report.trials
        if one.on_front or one.name in {UNDEFENDED, report.chosen, report.recommended}
    ]
    shown.sort(key=lambda one: (-one.accuracy.mean, one.leak))
    note(
        f"{len(report.trials)} recipes measured on {report.data.search.people} people, "
        f"{sum(one.on_front for one in report.trials)} that no other beats; mean (deviation) of "
        f"{report.models} models:"
    )
    heads = ("recipe", "accuracy", "strongest attack", "AUC", "TPR @ 1 %", "")
    print_records(heads, [_row(one, report) for one in shown])
    note(f"confirmed on {report.data.confirmation.people} other people, with other seeds:")
    rows = [
        (
            one.name,
            cell(one.accuracy),
            one.strongest,
            cell(one.strongest_auc),
            _agreement(one),
            "recommended" if one.name == report.recommended else "",
        )
        for one in report.confirmation
    ]
    print_records(("confirmed", "accuracy", "strongest attack", "AUC", "", ""), rows)
    for line in report.notes:
        note(f"note: {line}")
    if report.recommended is None:
        note(f"no recommendation: nothing that was tried is one {report.rule.words}")
    else:
        note(f"recommended, for the least leak {report.rule.words}:")
        typer.echo(report.recommended)
    _print_all_paths(report, out)


def _row(trial: Trial, report: Harden) -> tuple[str, ...]:
    strongest = next(one for one in trial.attacks if one.attack == trial.strongest)
    words = [
        word
        for word, applies in (
            ("front", trial.on_front),
            ("recommended", trial.name == report.recommended),
        )
        if applies
    ]
    return (
        trial.name,
        _over(trial.accuracy),
        trial.strongest,
        _over(strongest.auc),
        _over(strongest.tpr_at_fpr[ONE_IN_HUNDRED]),
        ", ".join(words),
    )


def _agreement(one: Confirmed) -> str:
    """Whether the figures lie in the intervals of the search."""
    told = (one.accuracy_agrees, one.leak_agrees)
    if False in told:
        return "not as in the search"
    return "" if None in told else "as in the search"


def _over(figure: OverModels) -> str:
    return f"{figure.mean:.3f} ({figure.deviation:.3f})"


def _print_all_paths(report: Harden, out: Path) -> None:
    from facebone.harden.schema import HARDEN_FILE

    typer.echo(str(out / HARDEN_FILE))
    if report.verifier is not None:
        typer.echo(str(out / report.verifier.folder))
    print_paths(out)
