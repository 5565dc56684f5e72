"""Candidates of the membership attacks, and what each attacker claims about each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from facebone.audit.audit_plan import at_level
from facebone.audit.names import MEMBER
from facebone.data.dataset import Dataset
from facebone.data.pictures import Picture
from facebone.data.splits import Level

if TYPE_CHECKING:
    import pyarrow as pa

_SHOWN = 4
"""Pictures that show who a person is."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What one attacker says of one candidate.

    Args:
        attack: its name.
        member: whether it says that the candidate was trained on.
        risk: how probably it thinks so, 0 to 1; None where it does not say.
    """

    attack: str
    member: bool
    risk: float | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pair, a picture or a person, and what is said of it.

    Args:
        level: which of these it is.
        left: id of the picture, or the person.
        right: of a pair the other picture; else the same.
        member: the truth: whether it was trained on.
        same: of a pair: whether it shows one person.
        scores: mitigation -> the verifier's score.
        claims: mitigation -> what each attacker says, in one order.
    """

    level: Level
    left: str
    right: str
    member: bool
    same: bool
    scores: Mapping[str, float]
    claims: Mapping[str, tuple[Claim, ...]]

    @property
    def label(self) -> str:
        """For people."""
        return f"{self.left} and {self.right}" if self.level is Level.PAIR else self.left

    def pictures(self, dataset: Dataset) -> list[Picture]:
        """What to show of it; none that the data set does not know."""
        if self.level is Level.IDENTITY:
            return [dataset.pictures[i] for i in dataset.people.get(self.left, ())[:_SHOWN]]
        names = dict.fromkeys((self.left, self.right))
        return [dataset.pictures[dataset.index[name]] for name in names if name in dataset.index]


def candidates_at(scores: pa.Table, level: Level, mitigations: tuple[str, ...]) -> list[Candidate]:
    """The candidates of a level about which attackers on every verifier spoke, in one order.

    Args:
        scores: rows of the audit.
        level: of the candidates.
        mitigations: of the verifiers.
    """
    said = {one: _rows(scores, at_level(one, level)) for one in mitigations}
    first = said[mitigations[0]]
    found = []
    for key, rows in first.items():
        if any(key not in of for of in said.values()):
            continue
        one = rows[0]
        found.append(
            Candidate(
                level,
                one["left"],
                one["right"],
                one["membership"] == "member",
                bool(one["same"]),
                {name: float(of[key][0]["verifier_score"]) for name, of in said.items()},
                {name: tuple(_claim(row) for row in of[key]) for name, of in said.items()},
            )
        )
    return found


def of_level(level: Level) -> str:
    """What a candidate is called: pair, picture or person."""
    return MEMBER[level.value]


def _rows(scores: pa.Table, target: str) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Of one target in its first seed: candidate -> a row an attack."""
    rows = scores.filter(
        pc.and_(pc.equal(scores["target"], target), pc.not_equal(scores["membership"], "control"))
    )
    if not len(rows):
        return {}
    rows = rows.filter(pc.equal(rows["seed"], pc.min(rows["seed"])))
    columns = (
        "left", "right", "attack", "membership", "same", "verifier_score", "claimed", "risk",
    )  # fmt: skip
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows.select(columns).to_pylist():
        found.setdefault((row["left"], row["right"]), []).append(row)
    return found


def _claim(row: Mapping[str, Any]) -> Claim:
    risk = row["risk"]
    known = isinstance(risk, float) and risk == risk  # noqa: PLR0124 - not a number
    return Claim(str(row["attack"]), bool(row["claimed"]), float(risk) if known else None)
