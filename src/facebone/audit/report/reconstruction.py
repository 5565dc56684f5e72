"""What was rebuilt from templates: a table of who recognises it, and contact sheets."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from facebone.audit.names import counted
from facebone.audit.report.tables import Table, text
from facebone.audit.schema import Audit, Interval, ReconstructionResult


@dataclass(frozen=True, slots=True)
class Sheet:
    """A contact sheet.

    Args:
        title: whose templates, and which attack.
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
        sheets: one each, none where the pictures are left out.
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
            ("same picture", "type I"),
            ("other picture", "type II"),
            ("control", "strangers"),
            ("same picture", "type I"),
            ("other picture", "type II"),
            ("control", "strangers"),
            ("real picture", "the best there is"),
            ("likeness", "SSIM"),
        ],
        groups=[
            ("", 1),
            ("as the target's own backbones see it", 3),
            (f"as {rows[0][1].judge.recogniser} sees it, which no attack used", 4),
            ("", 1),
        ],
    )
    for target, one in rows:
        table.rows.append(
            [
                text(called[target.name], one.name, strong=True),
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
            ]
        )
    shown = [
        Sheet(
            f"{called[target.name]}: {one.name}",
            "data:image/png;base64," + base64.b64encode(sheets[target.name, one.name]).decode(),
            "Faces in three rows: pictures whose templates leaked, what was rebuilt from the "
            "templates, other pictures of the same people",
        )
        for target, one in rows
        if (target.name, one.name) in sheets
    ]
    return ReconstructionSection(_sentence([one for _, one in rows]), table, shown)


def _sentence(found: list[ReconstructionResult]) -> str:
    """What the strongest of them comes to."""
    measured = [one for one in found if isinstance(one.judge.type_ii, Interval)]
    if not measured:
        return "Too few people to say whether rebuilt pictures show them."
    best = max(measured, key=_type_ii)
    rate, control = _type_ii(best), best.judge.control
    beside = f", {100 * control.value:.2f} % of strangers" if isinstance(control, Interval) else ""
    people = counted(best.people, "person", "people")
    return (
        f"From one stored template each of {people}, {best.name} rebuilt pictures that "
        f"{best.judge.recogniser} takes for another photograph of the same person in "
        f"{100 * rate:.0f} % of the cases{beside}."
    )


def _type_ii(one: ReconstructionResult) -> float:
    figure = one.judge.type_ii
    return figure.value if isinstance(figure, Interval) else -1.0
