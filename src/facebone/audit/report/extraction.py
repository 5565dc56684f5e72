"""What copying the targets comes to: a sentence, a picture of agreement by questions, a table."""

from __future__ import annotations

from collections.abc import Mapping

from facebone.audit.names import counted, percent
from facebone.audit.report.bought import MINUS
from facebone.audit.report.charts.copies import CopyLine, copies_chart
from facebone.audit.report.section import Section
from facebone.audit.report.tables import DASH, Cell, Table, text
from facebone.audit.schema import Audit, E, ExtractionResult, Interval
from facebone.audit.schema_goals import CopyPoint

ABOUT = (
    "The attacker asks about pairs of pictures of their own and teaches a verifier the answers. "
    "Copies are judged on pairs of other people, none of which the target was trained on. What "
    "must be beaten is the verifier that the attacker has without asking: the same public "
    "backbones, and a threshold."
)


DIGITS = 3
"""Of gains."""


def extraction_section(audit: Audit, called: Mapping[str, str]) -> Section | None:
    """How well targets are copied; None where no attack tried."""
    rows = [(called[target.name], one) for target in audit.targets for one in target.extractions]
    if not rows:
        return None
    table = Table(
        "Copies by the number of questions. Agreement is the share of pairs about which copy and "
        "target decide alike; balanced, those that the target accepts and rejects count alike. "
        "Small figures are 95 % intervals.",
        heads=[
            ("target", "attack"),
            ("sees", "access"),
            ("questions", ""),
            ("agreement", ""),
            ("balanced", "agreement"),
            ("accuracy", "of the copy"),
            ("accuracy", "of the target"),
            ("foretold", "AUC of its decisions"),
            ("gain", "over not asking"),
            ("finding", ""),
        ],
    )
    for name, one in rows:
        _add(table, name, one)
    lines = [
        line for name, one in rows for line in [_line(f"{name}: {one.name}", one)] if line.points
    ]
    return Section(
        anchor="copied",
        title="Whether the verifier can be copied",
        sentence=_sentence(rows),
        about=ABOUT,
        table=table,
        chart=copies_chart("copies", lines) if lines else None,
        note="Balanced agreement of copy and target, with 95 % intervals. The broken lines stand "
        "where the attacker would without asking.",
    )


def _add(table: Table, name: str, one: ExtractionResult) -> None:
    if one.refused is not None:
        row = [text(name, one.name, strong=True), text(one.access)]
        note = table.refusal(one.refused)
        table.rows.append([*row, *(Cell(DASH, note=note) for _ in range(7)), text("not measured")])
        return
    kinds: list[tuple[str, CopyPoint | None]] = [("without asking", one.baseline)]
    kinds += [("", point) for point in one.points]
    kinds.append(("control: answers shuffled", one.control))
    for kind, point in kinds:
        if point is None:
            continue
        row = [
            text(name, f"{one.name}{f'; {kind}' if kind else ''}", strong=True),
            text(one.access),
            Cell(f"{point.queries:,}", point.made_of),
            table.figure(point.agreement, "percent"),
            table.figure(point.balanced_agreement, "percent", strong=True),
            table.figure(point.accuracy, "percent"),
            table.figure(one.target_accuracy, "percent"),
            table.figure(point.foretold, "area"),
            Cell(DASH) if point is one.baseline else _gain(table, point.gain),
            text("" if kind else _finding(point, one)),
        ]
        table.rows.append(row)


def _gain(table: Table, gain: E) -> Cell:
    """A difference, which may be negative, with its sign."""
    if not isinstance(gain, Interval):
        return table.figure(gain, "area")
    value, low, high = (
        f"{round(number, DIGITS) + 0.0:+.{DIGITS}f}".replace("-", MINUS)
        for number in (gain.value, gain.low, gain.high)
    )
    return Cell(value, f"{low} to {high}")


def _finding(point: CopyPoint, one: ExtractionResult) -> str:
    """Whether asking taught the copy anything."""
    before, gain = one.baseline, point.gain
    # What the table writes as nothing is called nothing.
    if isinstance(gain, Interval) and round(gain.low, DIGITS) > 0:
        return "learnt what public backbones do not tell"
    if before is not None and _apart(before.balanced_agreement, point.balanced_agreement):
        return "learnt where the target draws the line"
    return "not told from not asking"


def _apart(before: object, after: object) -> bool:
    """Whether the second figure is surely larger."""
    return isinstance(before, Interval) and isinstance(after, Interval) and before.high < after.low


def _line(name: str, one: ExtractionResult) -> CopyLine:
    points = [
        (point.queries, point.balanced_agreement)
        for point in one.points
        if isinstance(point.balanced_agreement, Interval)
    ]
    before = one.baseline.balanced_agreement if one.baseline else None
    return CopyLine(name, tuple(points), before.value if isinstance(before, Interval) else None)


def _sentence(rows: list[tuple[str, ExtractionResult]]) -> str:
    """What the best copy comes to."""
    best: tuple[float, str, ExtractionResult, CopyPoint] | None = None
    for name, one in rows:
        for point in one.points:
            agreement = point.balanced_agreement
            if isinstance(agreement, Interval) and (best is None or agreement.value > best[0]):
                best = agreement.value, name, one, point
    if best is None:
        return "Nothing can be said of copies: there are too few pictures or too few answers."
    value, name, one, point = best
    before = one.baseline.balanced_agreement if one.baseline else None
    beside = (
        f"; without asking it would be {percent(before.value)}"
        if isinstance(before, Interval)
        else ""
    )
    finding = _finding(point, one)
    told = "" if finding != "not told from not asking" else ", which is not told apart from it"
    return (
        f"{name}: after {counted(point.queries, 'question')} {one.name} has a copy that decides as "
        f"the target does in {percent(value)} of the cases, those that it accepts and rejects "
        f"counted alike{beside}{told}."
    )
