"""Whether records of a target are found again in other databases: a sentence and a table."""

from __future__ import annotations

from collections.abc import Mapping

from facebone.audit.names import counted, listed, percent, rate_name
from facebone.audit.report.section import Section
from facebone.audit.report.tables import DASH, Cell, Table, text
from facebone.audit.schema import Audit, Interval, LinkageResult

ABOUT = (
    "The target's database holds one template of each person, the other database other pictures "
    "of the same people. Another installation of the verifier is trained anew, and has a key of "
    "its own where templates are stored under one. Anchors are people of the attacker's who are "
    "enrolled in both. A control runs the same attack where nothing belongs together."
)


def linkage_section(audit: Audit, called: Mapping[str, str]) -> Section | None:
    """What linking finds; None where no attack tried."""
    rows = [(called[target.name], one) for target in audit.targets for one in target.linkages]
    if not rows:
        return None
    table = Table(
        "Records of one person found in two databases. AUC is the probability that a pair of one "
        "person scores above one of two; of names, that a name in the database scores above one "
        "that is not. Small figures are 95 % intervals.",
        heads=[
            ("target", "attack"),
            ("sees", "access"),
            ("the other database", "anchors"),
            ("people", ""),
            ("AUC", ""),
            ("control", "AUC"),
            ("best match is right", "guessing"),
            (f"found at FPR {rate_name('0.001')}", "pairs"),
            (f"names found at {rate_name('0.1')}", "false alarms"),
            ("finding", ""),
        ],
    )
    for name, one in rows:
        rank = table.figure(one.rank_one, "percent")
        if one.chance is not None:
            guess = f"guessing {percent(one.chance)}"
            rank = Cell(rank.text, f"{rank.below}; {guess}" if rank.below else guess, rank.note)
        people = f"{one.people:,}"
        table.rows.append(
            [
                text(name, one.name, strong=True),
                text(one.access),
                text(
                    one.second,
                    f"{counted(one.anchors, 'anchor')}" if one.anchors else "no anchors",
                ),
                Cell(people, f"and {one.strangers:,} others" if one.strangers else ""),
                table.figure(one.auc, "area", strong=True),
                table.figure(one.control.auc, "area"),
                rank if one.rank_one is not None else Cell(DASH),
                table.figure(one.tpr_at_fpr.get("0.001"), "percent"),
                table.figure(one.found.get("0.1"), "percent"),
                text(finding(one)),
            ]
        )
    return Section(
        anchor="linked",
        title="Whether people are found in other databases",
        sentence=_sentence(rows),
        about=ABOUT,
        table=table,
    )


def finding(one: LinkageResult) -> str:
    """What an attack proves, in words."""
    auc, control = one.auc, one.control.auc
    if not isinstance(auc, Interval):
        return "not measured"
    if auc.low <= 0.5:
        return "not told from guessing"
    if isinstance(control, Interval) and auc.low <= control.high:
        return "does not beat its control: no proof of a link"
    return "beats guessing and control"


def _sentence(rows: list[tuple[str, LinkageResult]]) -> str:
    """What the best links come to, and whom none finds."""
    proven = [(name, one) for name, one in rows if finding(one) == "beats guessing and control"]
    if not proven:
        return "No attack links records of a person beyond guessing."
    name, one = max(proven, key=lambda row: _auc(row[1]))
    rank = one.rank_one
    if isinstance(rank, Interval):
        what = f"finds {percent(rank.value)} of its people again in another database"
        beside = f", where guessing finds {percent(one.chance or 0.0)}"
    else:
        what = f"tells who is in its database and who is not with AUC {_auc(one):.3f}"
        beside = ""
    safe = [
        called
        for called in dict.fromkeys(called for called, _ in rows)
        if not any(called == other for other, _ in proven)
    ]
    rest = f" {listed(safe)}: no attack links records beyond guessing." if safe else ""
    return f"{name}: {one.name} {what} ({one.second}){beside}.{rest}"


def _auc(one: LinkageResult) -> float:
    return one.auc.value if isinstance(one.auc, Interval) else -1.0
