"""What targets tell of people's attributes: a sentence, a table of means, a table of all."""

from __future__ import annotations

from collections.abc import Mapping

from facebone.audit.names import counted, listed
from facebone.audit.report.section import Section
from facebone.audit.report.tables import DASH, Cell, Table, text
from facebone.audit.schema import AttributeResult, Audit, Interval

ABOUT = (
    "The attacker learns from people whose attributes are known, and infers those of others, from "
    "their templates or from what the verifier says of them beside known pictures. The control "
    "learns in the same way from attributes that were shuffled among people. What public "
    "backbones store tells as much in every system that stores it."
)

RARE = 0.05
"""Share of shuffles that do as well from which an attribute is not called inferred."""

NAMED = 5
"""Attributes that the sentence names, at most."""


def attribute_section(audit: Audit, called: Mapping[str, str]) -> Section | None:
    """What is inferred of people; None where no attack tried."""
    rows = [(called[target.name], one) for target in audit.targets for one in target.attributes]
    if not rows:
        return None
    table = Table(
        "Mean AUC over all attributes: the probability that who has one scores above who does "
        "not. Small figures are 95 % intervals; of the control, where 95 % of the shuffles lie.",
        heads=[
            ("target", "attack"),
            ("sees", "access"),
            ("people", "known"),
            ("questions", "a picture"),
            ("AUC", "mean"),
            ("control", "AUC"),
            ("guessing", "AUC"),
            ("inferred", "of all attributes"),
        ],
    )
    for name, one in rows:
        found = sum(figure.chance <= RARE for figure in one.attributes)
        table.rows.append(
            [
                text(name, one.name, strong=True),
                text(one.access),
                Cell(f"{one.people:,}", f"{one.known_people:,} known"),
                Cell(f"{one.queries:,}" if one.queries else DASH),
                table.figure(one.auc, "area", strong=True),
                table.figure(one.control.auc, "area"),
                table.figure(one.baseline.auc, "area"),
                Cell(f"{found} of {len(one.attributes)}", f"p at most {RARE:g}"),
            ]
        )
    return Section(
        anchor="inferred",
        title="What is told of people",
        sentence=_sentence(rows),
        about=ABOUT,
        table=table,
        more=(_every(rows),),
    )


def _every(rows: list[tuple[str, AttributeResult]]) -> Table:
    """Each attribute, by the strongest attack on each target."""
    best: dict[str, AttributeResult] = {}
    for name, one in rows:
        if name not in best or _auc(one) > _auc(best[name]):
            best[name] = one
    table = Table(
        "Each attribute, by the attack with the highest mean on each target.",
        heads=[("attribute", "of"), *((name, one.name) for name, one in best.items())],
    )
    kinds: dict[str, str] = {}
    for one in best.values():
        kinds |= {figure.name: f"{figure.kind}, of a {figure.unit}" for figure in one.attributes}
    for attribute, kind in kinds.items():
        row = [text(attribute.replace("_", " "), kind, strong=True)]
        for one in best.values():
            figure = next((item for item in one.attributes if item.name == attribute), None)
            row.append(table.figure(None if figure is None else figure.auc, "area"))
        table.rows.append(row)
    return table


def _sentence(rows: list[tuple[str, AttributeResult]]) -> str:
    """What the strongest attack infers."""
    name, one = max(rows, key=lambda row: _auc(row[1]))
    auc, control = one.auc, one.control.auc
    if not isinstance(auc, Interval):
        return "Too few people to say what is told of them."
    if auc.low <= 0.5 or (isinstance(control, Interval) and auc.low <= control.high):
        return "No attack infers attributes of people beyond guessing."
    surely = [figure for figure in one.attributes if figure.chance <= RARE]
    surely.sort(key=lambda figure: -figure.auc.value if isinstance(figure.auc, Interval) else 0.0)
    named = [figure.name.replace("_", " ") for figure in surely[:NAMED]]
    best = f", best {listed(named)}" if named else ""
    return (
        f"{name}: {one.name} infers attributes of {counted(one.people, 'person', 'people')} from "
        f"{'templates' if not one.queries else 'scores'} with a mean AUC of "
        f"{auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f}){best}."
    )


def _auc(one: AttributeResult) -> float:
    return one.auc.value if isinstance(one.auc, Interval) else -1.0
