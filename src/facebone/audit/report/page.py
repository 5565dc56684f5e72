"""The page: one file that works offline, prints, and reads on a phone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facebone.audit.artefacts import REPORT_FILE, read_audit, read_scores
from facebone.audit.at_risk import find_at_risk
from facebone.audit.names import MEMBER, display_names, listed, sentence, settings_in_words
from facebone.audit.reconstruction.sheet import read_sheets
from facebone.audit.report import (
    at_risk,
    attributes,
    bought,
    claims,
    extraction,
    fidelity,
    linkage,
    prose,
    reconstruction,
    tables,
)
from facebone.audit.schema import AttackResult, Audit, Interval, TargetResult
from facebone.audit.thumbnails import Thumbnail, read_pictures
from facebone.audit.verdict import Finding, judge
from facebone.files import new_file

if TYPE_CHECKING:
    import pyarrow as pa

    from facebone.audit.report.pictures import TargetPictures

_TEMPLATES = Path(__file__).parent / "templates"

_TONES = {
    Finding.FAILED: "bad",
    Finding.LEAK: "bad",
    Finding.WORSE: "bad",
    Finding.ONLY_WITH_DEFENCE: "bad",
    Finding.REDUCED: "mixed",
    Finding.UNMEASURED: "mixed",
    Finding.UNPROVEN: "mixed",
    Finding.NONE_SEEN: "good",
}


@dataclass(frozen=True, slots=True)
class TargetView:
    """What the page shows of one target."""

    anchor: str
    name: str
    colour: str
    result: TargetResult
    settings: str
    member: str
    attacks: tables.Table
    claims: claims.Claims | None
    fidelity: str
    seeds: tables.Table
    pictures: TargetPictures


def write_report(folder: Path, *, pictures: bool = True) -> Path:
    """Make report.html from the audit.json and scores.parquet of a folder.

    Args:
        folder: of the audit.
        pictures: whether faces of those most at risk are shown, where pictures.parquet is there.

    Returns:
        Its path.

    Raises:
        DatasetError: a file is missing, or the two do not belong together.
        StorageError: the folder cannot be written.
    """
    faces = read_pictures(folder) if pictures else {}
    sheets = read_sheets(folder) if pictures else {}
    page = render_report(read_audit(folder), read_scores(folder), faces, sheets)
    path = folder / REPORT_FILE
    with new_file(path) as part:
        part.write_bytes(page.encode("utf-8"))
    return path


def render_report(
    audit: Audit,
    scores: pa.Table,
    faces: Mapping[str, Thumbnail] | None = None,
    sheets: Mapping[tuple[str, str], bytes] | None = None,
) -> str:
    """The whole page; the same for the same input.

    Args:
        audit: the figures.
        scores: with the columns of `artefacts.SCORES_COLUMNS`.
        faces: thumbnails by id of the picture, of those most at risk.
        sheets: contact sheets of reconstructions, by target and attack.

    Raises:
        DatasetError: the table lacks a target or an attack of the audit.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    from facebone.audit.report import front_pictures, pictures
    from facebone.audit.report.charts.canvas import COLOURS
    from facebone.audit.report.score_rows import ScoreRows

    rows, called = ScoreRows(scores), display_names(audit)
    levels = front_pictures.level_fronts(audit, called)
    verdict = judge(audit)
    views = [
        TargetView(
            f"target-{i + 1}",
            called[target.name],
            COLOURS[i % len(COLOURS)],
            target,
            settings_in_words(target),
            MEMBER[target.level],
            tables.attacks_table(target, called[target.name]),
            claims.claims_of(target),
            fidelity.fidelity_in_words(target),
            tables.seeds_table(target, called[target.name]),
            pictures.target_pictures(i + 1, target, called[target.name], rows, seed=audit.seed),
        )
        for i, target in enumerate(audit.targets)
    ]
    reference = audit.reference_protocol
    # Autoescaping whatever the name: all that comes out of the json is text, never markup. The
    # style sheet and the pictures are made here, and matplotlib escapes what it writes.
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["svg"] = Markup
    environment.filters["sentence"] = sentence
    environment.filters["listed"] = listed
    return environment.get_template("report.html.j2").render(
        audit=audit,
        style=Markup((_TEMPLATES / "report.css").read_text("utf-8")),
        verdict=verdict,
        tone=_TONES[verdict.finding],
        strongest=_strongest(audit, called),
        fronts=levels,
        switch=any(one.main.tar or one.few.tar for one in levels),
        targets=views,
        targets_table=tables.targets_table(audit, called),
        det=pictures.det(audit, called, rows),
        compared=len(pictures.drawn_targets(audit)),
        bought=bought.bought_section(audit, called),
        rebuilt=reconstruction.reconstruction_section(audit, called, sheets or {}),
        further=[
            section
            for make in (
                extraction.extraction_section,
                linkage.linkage_section,
                attributes.attribute_section,
            )
            if (section := make(audit, called)) is not None
        ],
        at_risk=at_risk.at_risk_section(
            find_at_risk(audit, scores),
            called,
            faces or {},
            trusted=all(test.passed for test in audit.self_tests),
        ),
        adversaries=prose.adversaries(audit),
        not_tested=prose.not_tested(audit, called),
        protocol=prose.protocol(audit),
        limits=prose.limits(audit),
        self_tests=tables.self_tests_table(audit),
        reference=reference,
        reference_table=tables.reference_table(reference, audit, called) if reference else None,
        environment=list(_flat(audit.environment)),
        passed=sum(test.passed for test in audit.self_tests),
    )


def _visible(value: object) -> object:
    """Text without characters that would reorder or end what follows them; the rest as it is."""
    from markupsafe import Markup

    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return value.translate(_INVISIBLE)


_INVISIBLE = dict.fromkeys(
    [*range(9), 11, 12, *range(14, 32), 127, *range(0x202A, 0x202F), *range(0x2066, 0x206A)],
    "\ufffd",
)
"""Control characters but for tab and line ends, and those that turn the direction of writing."""


def _strongest(audit: Audit, called: Mapping[str, str]) -> tuple[AttackResult, str] | None:
    """The attack with the highest AUC on any target, and the target's name."""
    found: list[tuple[float, AttackResult, str]] = []
    for target in audit.targets:
        attack = tables.strongest_attack(target)
        if attack is not None and isinstance(attack.auc, Interval):
            found.append((attack.auc.value, attack, called[target.name]))
    if not found:
        return None
    _, attack, name = max(found, key=lambda entry: entry[0])
    return attack, name


def _flat(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Nested facts as pairs of texts, by their own names: ``numpy``, ``2.0``."""
    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield from _flat(value)
        else:
            yield name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
