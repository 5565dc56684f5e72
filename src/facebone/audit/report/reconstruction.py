"""What was rebuilt from what leaks: a table of who recognises it, and contact sheets."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from facebone.audit.names import counted, percent
from facebone.audit.report.tables import Table, text
from facebone.audit.schema import Audit, E, Interval, ReconstructionResult


@dataclass(frozen=True, slots=True)
class Sheet:
    """A contact sheet.

    Args:
        title: what leaks, and which attack.
        source: of the image.
        alt: what it shows, for who cannot see it.
    """

    title: str
    source: str
    alt: str


@dataclass(frozen=True, slots=True)
class ReconstructionSection:
    """What the page says of reconstructions.

    Args:
        sentence: the answer.
        table: a row an attack and target.
        sheets: of the strongest attack on each target, none where the pictures are left out.
    """

    sentence: str
    table: Table
    sheets: list[Sheet]


def reconstruction_section(
    audit: Audit, called: Mapping[str, str], sheets: Mapping[tuple[str, str], bytes]
) -> ReconstructionSection | None:
    """Who is recognised in rebuilt pictures; None where none were asked for."""
    rows = [(target, one) for target in audit.targets for one in target.reconstructions]
    if not rows:
        return None
    table = Table(
        "Share of rebuilt pictures that a recogniser takes for the person, where it takes one pair "
        "of strangers in a thousand for one person. Small figures are 95 % intervals.",
        heads=[
            ("target", "attack"),
            ("asked", "a person"),
            ("same picture", "type I"),
            ("other picture", "type II"),
            ("control", "strangers"),
            ("same picture", "type I"),
            ("other picture", "type II"),
            ("control", "strangers"),
            ("real picture", "the best there is"),
            ("the person", "SSIM"),
            ("another", "SSIM"),
        ],
        groups=[
            ("", 2),
            ("as the target's own backbones see it", 3),
            (f"as {rows[0][1].judge.recogniser} sees it, which no attack used", 4),
            ("likeness to", 2),
        ],
    )
    for target, one in rows:
        table.rows.append(
            [
                text(called[target.name], one.name, strong=True),
                text("-" if one.queries is None else f"{one.queries:.0f}"),
                *(
                    table.figure(figure, "percent")
                    for figure in (
                        one.attacked.type_i,
                        one.attacked.type_ii,
                        one.attacked.control,
                        one.judge.type_i,
                    )
                ),
                table.figure(one.judge.type_ii, "percent", strong=True),
                table.figure(one.judge.control, "percent"),
                table.figure(one.judge.genuine, "percent"),
                table.figure(one.ssim, "area"),
                table.figure(one.ssim_control, "area"),
            ]
        )
    shown = [
        Sheet(
            f"{called[target.name]}: {one.name}",
            "data:image/png;base64," + base64.b64encode(sheets[target.name, one.name]).decode(),
            "Faces in three rows: pictures that are enrolled, what was rebuilt, other pictures of "
            "the same people",
        )
        for target in audit.targets
        if target.reconstructions
        for one in (max(target.reconstructions, key=_type_ii),)
        if (target.name, one.name) in sheets
    ]
    return ReconstructionSection(_sentence([one for _, one in rows]), table, shown)


def _sentence(found: list[ReconstructionResult]) -> str:
    """What the strongest of them comes to."""
    measured = [one for one in found if isinstance(one.judge.type_ii, Interval)]
    if not measured:
        return "Too few people to say whether rebuilt pictures show them."
    best = max(measured, key=_type_ii)
    rate, control = best.judge.type_ii, best.judge.control
    people = counted(best.people, "person", "people")
    source, moral = _source(best)
    said = (
        f"From {source.format(people=people)}, {best.name} rebuilt pictures that "
        f"{best.judge.recogniser} takes for another photograph of the same person in "
        f"{_percent(rate)} of the cases, and for a stranger in {_percent(control)}."
    )
    if isinstance(rate, Interval) and isinstance(control, Interval) and rate.low > control.high:
        return f"{said} {moral}"
    return f"{said} This shows nobody."


def _source(one: ReconstructionResult) -> tuple[str, str]:
    """What the pictures were made from, with a place for the people, and what comes of it."""
    if one.access == "embedding":
        return "one stored template each of {people}", "Who steals these templates steals faces."
    if one.queries is None:
        return "an identification model of {people}", "Who steals this model steals faces."
    if one.access == "score":
        asked = f"{one.queries:.0f} scores for each of {{people}}"
        return asked, "Who may ask this often sees faces."
    return (
        f"{one.queries:.0f} gradients for each of {{people}}",
        "Who steals this model steals faces.",
    )


def _percent(figure: E) -> str:
    """A rate for running text."""
    if not isinstance(figure, Interval):
        return "an unknown share"
    return percent(figure.value, 0 if figure.value >= 0.1 else 2)


def _type_ii(one: ReconstructionResult) -> float:
    figure = one.judge.type_ii
    return figure.value if isinstance(figure, Interval) else -1.0
