"""The report's tables as rows of cells; a figure that was refused becomes a dash and a footnote."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from facebone.audit.names import ASKING, PROBES, counted, percent, rate_name
from facebone.audit.schema import (
    AttackResult,
    Audit,
    E,
    Interval,
    ReferenceProtocol,
    SeedFigure,
    TargetResult,
)

DASH, EN_DASH = "\u2014", "\u2013"

Unit = Literal["percent", "area"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    Args:
        text: the figure or word.
        below: its interval or a remark, in small letters.
        note: mark of the footnote that says why there is no figure.
        number: whether it is set as a number.
        strong: whether it is to be seen first.
        tone: ``good`` or ``bad`` where it is to be coloured so.
    """

    text: str
    below: str = ""
    note: str = ""
    number: bool = True
    strong: bool = False
    tone: str = ""


@dataclass(slots=True)
class Table:
    """One table; the first cell of a row names it.

    Args:
        caption: what it shows.
        heads: of the columns, each with a small remark or an empty one.
        groups: titles over several columns, with their number; none where empty.
        rows: of cells.
        notes: footnotes, mark -> reason.
        reasons: what each footnote stands for; reasons that differ only in the size they got
            share one.
    """

    caption: str
    heads: list[tuple[str, str]]
    groups: list[tuple[str, int]] = field(default_factory=list)
    rows: list[list[Cell]] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, list[int]] = field(default_factory=dict)

    def figure(self, figure: E | None, unit: Unit, *, strong: bool = False) -> Cell:
        """The cell of a figure, with a footnote of its own kind where there is none."""
        if figure is None:
            return Cell(DASH)
        if not isinstance(figure, Interval):
            return Cell(DASH, note=self.refusal(figure.refused))
        digits = 2 if figure.value < 0.01 else 1

        def write(value: float) -> str:
            return f"{value:.3f}" if unit == "area" else f"{100 * value:.{digits}f}"

        text = write(figure.value) if unit == "area" else percent(figure.value, digits)
        return Cell(text, f"{write(figure.low)}{EN_DASH}{write(figure.high)}", strong=strong)

    def refusal(self, reason: str) -> str:
        """The mark of the footnote that gives this reason."""
        words = reason.strip().rstrip(".")
        match = re.fullmatch(r"(.*\bgot )(\d+)", words, flags=re.DOTALL)
        common, got = (match[1], [int(match[2])]) if match else (words, [])
        sizes = self.reasons.setdefault(common, [])
        sizes += got
        mark = str(list(self.reasons).index(common) + 1)
        span = f"{min(sizes)} to {max(sizes)}" if len(set(sizes)) > 1 else "".join(map(str, got))
        self.notes[mark] = f"{common}{span}"
        return mark


def text(words: str, below: str = "", *, strong: bool = False) -> Cell:
    """A cell of words."""
    return Cell(words, below, number=False, strong=strong)


def targets_table(audit: Audit, called: Mapping[str, str]) -> Table:
    """Every target: how well it works, and what it leaks to its strongest attack."""
    fars = _keys(target.utility.tar_at_far for target in audit.targets)
    fprs = _keys(attack.tpr_at_fpr for target in audit.targets for attack in target.attacks)
    table = Table(
        "Every target: how well it recognises people, and what it leaks to its strongest attack. "
        "Small figures are 95 % intervals.",
        heads=[
            ("target", ""),
            ("accuracy", "not trained on"),
            ("accuracy", "trained on"),
            ("AUC", "same or not"),
            ("EER", ""),
            *((f"TAR at FAR {rate_name(far)}", "") for far in fars),
            ("attack", ""),
            ("AUC", "member or not"),
            *((f"TPR at FPR {rate_name(fpr)}", "") for fpr in fprs),
            ("control", "AUC"),
            ("blind", "AUC"),
        ],
        groups=[
            ("", 1),
            ("recognises people", 4 + len(fars)),
            ("leaks to its strongest attack", 4 + len(fprs)),
        ],
    )
    for target in audit.targets:
        attack = strongest_attack(target)
        row = [
            text(called[target.name], strong=True),
            table.figure(target.utility.accuracy, "percent", strong=True),
            table.figure(target.accuracy_on_members, "percent"),
            table.figure(target.utility.auc, "area"),
            table.figure(target.utility.eer, "percent"),
            *(table.figure(target.utility.tar_at_far.get(far), "percent") for far in fars),
        ]
        if attack is None:
            row += [text("none was run"), *(Cell(DASH) for _ in range(3 + len(fprs)))]
        else:
            row += [
                text(attack.name),
                table.figure(attack.auc, "area", strong=True),
                *(table.figure(attack.tpr_at_fpr.get(fpr), "percent") for fpr in fprs),
                table.figure(attack.control.auc, "area"),
                table.figure(attack.baseline.auc, "area"),
            ]
        table.rows.append(row)
    return table


def attacks_table(target: TargetResult, name: str) -> Table:
    """Every attack on one target, by falling AUC."""
    fprs = _keys(attack.tpr_at_fpr for attack in target.attacks)
    table = Table(
        f"Attacks on {name}, the strongest first. Small figures are 95 % intervals; control and "
        "blind baseline should stand at 0.5.",
        heads=[
            ("attack", ""),
            ("sees", "access"),
            ("asks about", "level"),
            ("queries", "each"),
            ("AUC", ""),
            ("balanced accuracy", "member share"),
            *((f"TPR at FPR {rate_name(fpr)}", "") for fpr in fprs),
            ("control", "AUC"),
            ("blind", "AUC"),
            ("finding", ""),
        ],
    )
    for attack in by_strength(target):
        balanced = table.figure(attack.balanced_accuracy, "percent")
        share = f"share {attack.member_share:.2f}"
        table.rows.append(
            [
                text(attack.name, _manner(attack), strong=True),
                text(attack.access),
                text(attack.level),
                Cell(f"{attack.queries:,}"),
                table.figure(attack.auc, "area", strong=True),
                Cell(
                    balanced.text,
                    f"{balanced.below}; {share}" if balanced.below else share,
                    balanced.note,
                ),
                *(table.figure(attack.tpr_at_fpr.get(fpr), "percent") for fpr in fprs),
                table.figure(attack.control.auc, "area"),
                table.figure(attack.baseline.auc, "area"),
                text(finding(attack)),
            ]
        )
    return table


def seeds_table(target: TargetResult, name: str) -> Table:
    """Each figure of one target in every seed, and its spread."""
    everything = [target.accuracy_by_seed, *(attack.auc_by_seed for attack in target.attacks)]
    seeds = sorted({one.seed for figures in everything for one in figures})
    table = Table(
        f"{name}, seed by seed.",
        heads=[
            ("figure", ""),
            *((f"seed {seed}", "") for seed in seeds),
            ("mean", ""),
            ("spread", "largest less smallest"),
        ],
    )
    lines: list[tuple[str, list[SeedFigure], Unit]] = [
        ("accuracy", target.accuracy_by_seed, "percent")
    ]
    lines += [
        (f"AUC of {attack.name}", attack.auc_by_seed, "area") for attack in by_strength(target)
    ]
    for title, figures, unit in lines:
        known = {one.seed: one.value for one in figures}
        row = [text(title)]
        row += [Cell(_short(known[seed], unit)) if seed in known else Cell(DASH) for seed in seeds]
        if known:
            values = list(known.values())
            row += [
                Cell(_short(sum(values) / len(values), unit), strong=True),
                Cell(_short(max(values) - min(values), unit)),
            ]
        else:
            row += [Cell(DASH), Cell(DASH)]
        table.rows.append(row)
    return table


def self_tests_table(audit: Audit) -> Table:
    """What the audit made of itself."""
    table = Table(
        "Checks of the audit itself.",
        heads=[
            ("check", ""),
            ("what must happen", ""),
            ("attack", ""),
            ("AUC", ""),
            ("result", ""),
        ],
    )
    for test in audit.self_tests:
        table.rows.append(
            [
                text(test.name, strong=True),
                text(test.summary),
                text(test.attack),
                table.figure(test.auc, "area"),
                text("passed" if test.passed else "FAILED", strong=True),
            ]
        )
    return table


def reference_table(protocol: ReferenceProtocol, audit: Audit, called: Mapping[str, str]) -> Table:
    """The prototype's figures, each beside what always answering "member" scores."""
    share = f"{protocol.member_share:.2f}"
    table = Table(
        f"The prototype's protocol. Always answering \u201cmember\u201d scores {share}.",
        heads=[
            ("target", ""),
            ("accuracy", "held-out fifth"),
            ("attack", ""),
            ("attack accuracy", "on what it was fitted to"),
            ("member share", "scored by always \u201cmember\u201d"),
            ("control", "members by a coin"),
            ("honest AUC", "this audit"),
        ],
    )
    honest = {target.name: strongest_attack(target) for target in audit.targets}
    for target in protocol.targets:
        attack = honest.get(target.name)
        members = counted(target.members, "member")
        table.rows.append(
            [
                text(called.get(target.name, target.name), strong=True),
                table.figure(target.utility_accuracy, "percent"),
                text(target.attack),
                table.figure(target.attack_accuracy, "percent"),
                Cell(share, f"{members}, {target.non_members:,} others", strong=True),
                table.figure(target.control_accuracy, "percent"),
                table.figure(attack.auc, "area", strong=True) if attack else Cell(DASH),
            ]
        )
    return table


def strongest_attack(target: TargetResult) -> AttackResult | None:
    """The attack that the json names as the strongest, else the first by AUC."""
    ranked = by_strength(target)
    return next((a for a in ranked if a.name == target.strongest), ranked[0] if ranked else None)


def by_strength(target: TargetResult) -> list[AttackResult]:
    """Attacks by falling AUC, those without one last."""

    def height(attack: AttackResult) -> float:
        return attack.auc.value if isinstance(attack.auc, Interval) else -1.0

    return sorted(target.attacks, key=height, reverse=True)


def finding(attack: AttackResult) -> str:
    """What an attack proves, in words."""
    if not isinstance(attack.auc, Interval):
        return "not measured"
    if attack.auc.low <= 0.5:
        return "not told from guessing"
    failed = [
        name
        for name, beaten in (
            ("its control", attack.beats_control),
            ("the blind baseline", attack.beats_baseline),
        )
        if beaten is False
    ]
    if failed:
        return f"does not beat {' and '.join(failed)}: no proof of a leak"
    lacking = [
        name
        for name, beaten in (("control", attack.beats_control), ("baseline", attack.beats_baseline))
        if beaten is None
    ]
    if lacking:
        return f"beats guessing; there is no {' and no '.join(lacking)} to beat"
    return "beats guessing, control and baseline"


def _manner(attack: AttackResult) -> str:
    """Whether it adapts, and how it asks where that is more than once."""
    said = ["adaptive"] if attack.adaptive else []
    if attack.ask != "once":
        said.append(ASKING.get(attack.ask, attack.ask))
    if attack.probes is not None:
        said.append(f"at most {counted(attack.probes, *PROBES[attack.level])}")
    return ", ".join(said)


def _keys(columns: Iterable[Mapping[str, E]]) -> list[str]:
    """Rates that any row has, from the largest to the smallest."""
    found = {rate for column in columns for rate in column}
    return sorted(found, key=float, reverse=True)


def _short(value: float, unit: Unit) -> str:
    return f"{value:.3f}" if unit == "area" else percent(value)
