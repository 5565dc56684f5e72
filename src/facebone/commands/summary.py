"""The result of an audit in a terminal: a table on stdout, what to know about it on stderr."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from facebone.commands.cells import cell
from facebone.commands.console import note, print_records
from facebone.commands.summary_further import print_further

if TYPE_CHECKING:
    from facebone.audit.schema import Audit, GainFigures


def print_audit(audit: Audit) -> None:
    """The table of targets on stdout, and what a reader must know on stderr."""
    from facebone.audit.verdict import judge

    heads = ("target", "accuracy", "strongest attack", "AUC", "TPR @ 1 %", "control", "baseline")
    rows: list[tuple[str, ...]] = []
    for target in audit.targets:
        attack = next(one for one in target.attacks if one.name == target.strongest)
        rows.append(
            (
                target.name,
                cell(target.utility.accuracy),
                attack.name,
                cell(attack.auc),
                cell(attack.tpr_at_fpr["0.01"]),
                cell(attack.control.auc),
                cell(attack.baseline.auc),
            )
        )
    print_records(heads, rows)
    _print_bought(audit)
    _print_rebuilt(audit)
    print_further(audit)
    if audit.reference_protocol is not None:
        share = audit.reference_protocol.member_share
        note("the prototype's own protocol, which misleads (see the report):")
        rows = []
        for one in audit.reference_protocol.targets:
            figures = (one.utility_accuracy, one.attack_accuracy)
            rows.append((one.name, *map(cell, figures), f"{share:.2f}", cell(one.control_accuracy)))
        print_records(("target", "accuracy", "attack accuracy", "of members", "control"), rows)
    for test in audit.self_tests:
        note(f"self-test {test.name}: {'passed' if test.passed else 'FAILED'}, {cell(test.auc)}")
    for warning in audit.warnings:
        note(f"warning: {warning}")
    verdict = judge(audit)
    for sentence in (verdict.first, verdict.second, verdict.besides):
        if sentence:
            note(sentence)


def _print_bought(audit: Audit) -> None:
    """What training bought: a table on stdout, and a sentence a target on stderr."""
    from facebone.audit.report.bought import bought_in_words, domains

    measured = [(target, target.bought) for target in audit.targets if target.bought is not None]
    if not measured:
        return
    kinds = domains([bought for _, bought in measured])
    note("accuracy of the unadapted verifier -> of the target; * where the change is told from 0:")
    rows = []
    for target, bought in measured:
        gains = [bought.members, bought.strangers, *(bought.shifts.get(kind) for kind in kinds)]
        rows.append((target.name, *map(_gain, gains)))
    print_records(("what training bought", "members", "strangers", *kinds), rows)
    for target, _ in measured:
        note(f"{target.name}: {bought_in_words(target)}")


def _print_rebuilt(audit: Audit) -> None:
    """Who is recognised in pictures that were rebuilt."""
    found = [(target.name, one) for target in audit.targets for one in target.reconstructions]
    if not found:
        return
    judge = found[0][1].judge.recogniser
    note(f"rebuilt pictures that {judge} takes for the same and for another picture of the person:")
    rows = [
        (name, one.name, _asked(one.queries), *map(cell, (seen.type_i, seen.type_ii, seen.control)))
        for name, one in found
        for seen in (one.judge,)
    ]
    print_records(("rebuilt from", "attack", "asked", "type I", "type II", "control"), rows)


def _asked(queries: float | None) -> str:
    return "-" if queries is None else f"{queries:.0f}"


def print_paths(out: Path) -> None:
    """Where the artefacts are, last."""
    from facebone.audit.artefacts import AUDIT_FILE, REPORT_FILE

    typer.echo(str(out / AUDIT_FILE))
    typer.echo(str(out / REPORT_FILE))


def _gain(gain: GainFigures | None) -> str:
    from facebone.audit.report.bought import told_from_zero
    from facebone.audit.schema import Interval

    if gain is None:
        return "-"
    before, after = gain.before, gain.after
    if not isinstance(before, Interval) or not isinstance(after, Interval):
        return "refused"
    return f"{before.value:.3f} -> {after.value:.3f}{' *' if told_from_zero(gain.change) else ''}"
