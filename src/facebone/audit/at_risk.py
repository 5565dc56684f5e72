"""Who runs the highest risk of being told apart, where a leak was proven. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from facebone.audit.schema import Audit, TargetResult
from facebone.audit.verdict import deciding_attack, proves

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN = 6
"""Pairs, pictures or people that are named."""

LEAST_PAIRS = 3
"""Member pairs over all seeds that a person's mean risk is taken over, at least."""

EVEN = 0.5
"""The risk of a candidate about whom an attacker has learnt nothing."""

_DIGITS = 12
"""Means of equal risks may differ in the last bit: beyond so many digits they count as equal."""


@dataclass(frozen=True, slots=True)
class Risky:
    """A pair, a picture or a person that was trained on and is easily found out.

    Args:
        pictures: ids: two of a pair, one of a picture, none of a person.
        people: names where they are known: two of a pair, in the order of its pictures, else one.
        same: whether a pair shows one person; true elsewhere.
        risk: that the attack gives, mean over the seeds in which it was a member.
        pairs: of a person among pairs: how many member pairs of all seeds the mean is taken over;
            elsewhere 0.
    """

    pictures: tuple[str, ...]
    people: tuple[str, ...]
    same: bool
    risk: float
    pairs: int = 0


@dataclass(frozen=True, slots=True)
class Ranking:
    """The first of a ranking by risk.

    Args:
        first: at most `SHOWN`, all above even odds, by falling risk.
        tied: how many more run the very same risk as the last of them.
    """

    first: tuple[Risky, ...] = ()
    tied: int = 0


@dataclass(frozen=True, slots=True)
class AtRisk:
    """Who is most at risk by one target's deciding attack.

    Args:
        target: its name.
        level: what a member of it is.
        attack: that decides; None where no leak was proven, and then nobody is named.
        candidates: pairs, pictures or people, by the target's level.
        people: behind the pairs; empty at other levels.
    """

    target: str
    level: Literal["pair", "image", "identity"]
    attack: str | None
    candidates: Ranking = Ranking()
    people: Ranking = Ranking()


def find_at_risk(audit: Audit, scores: pa.Table) -> list[AtRisk]:
    """Who is most at risk, for every target in the order of the audit.

    A leak counts as proven if the audit passed its checks of itself.

    Args:
        audit: the figures.
        scores: with the columns of `artefacts.SCORES_COLUMNS`.
    """
    trusted = all(test.passed for test in audit.self_tests)
    return [_of_target(target, scores, trusted=trusted) for target in audit.targets]


def _of_target(target: TargetResult, scores: pa.Table, *, trusted: bool) -> AtRisk:
    import pyarrow.compute as pc

    attack = deciding_attack(target)
    if attack is None or not trusted or not proves(attack):
        return AtRisk(target.name, target.level, None)
    rows = scores.filter(
        (pc.field("target") == target.name)
        & (pc.field("attack") == attack.name)
        & (pc.field("membership") == "member")
        & pc.is_valid(pc.field("risk"))
    )
    if target.level == "pair":
        return AtRisk(target.name, "pair", attack.name, _pairs(rows), _people(rows))
    return AtRisk(target.name, target.level, attack.name, _single(rows, target.level))


def _pairs(rows: pa.Table) -> Ranking:
    means = _means(rows, ["left", "right"], ["person_left", "person_right", "same"])
    return _rank(
        _Ranked(
            Risky(
                (one["left"], one["right"]),
                _known(one["person_left"], one["person_right"]),
                one["same"],
                one["risk"],
            ),
            one["attack_score"],
        )
        for one in means
    )


def _single(rows: pa.Table, level: str) -> Ranking:
    means = _means(rows, ["left"], ["person_left"])
    return _rank(
        _Ranked(
            Risky(
                (one["left"],) if level == "image" else (),
                (one["left"],) if level == "identity" else _known(one["person_left"]),
                True,
                one["risk"],
            ),
            one["attack_score"],
        )
        for one in means
    )


def _people(rows: pa.Table) -> Ranking:
    """Of the member pairs, one that shows a person twice counts once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    both = [rows.append_column("person", rows["person_left"])]
    second = rows.append_column("person", rows["person_right"])
    # Where people are not known the comparison gives null, which a filter drops, as it should.
    both.append(second.filter(pc.not_equal(second["person_left"], second["person_right"])))
    named = pa.concat_tables(both)
    means = _means(named.filter(pc.is_valid(named["person"])), ["person"], [])
    return _rank(
        _Ranked(Risky((), (one["person"],), True, one["risk"], one["rows"]), one["attack_score"])
        for one in means
        if one["rows"] >= LEAST_PAIRS
    )


def _means(rows: pa.Table, by: Sequence[str], kept: Sequence[str]) -> list[dict[str, Any]]:
    """One entry a group: its key, the columns kept, mean risk and attack score, number of rows."""
    grouped = rows.group_by(list(by), use_threads=False).aggregate(
        [("risk", "mean"), ("risk", "count"), ("attack_score", "mean")]
        + [(name, "first") for name in kept]
    )
    names = {
        "risk_mean": "risk",
        "risk_count": "rows",
        "attack_score_mean": "attack_score",
        **{f"{name}_first": name for name in kept},
    }
    found: list[dict[str, Any]] = grouped.rename_columns(
        [names.get(name, name) for name in grouped.column_names]
    ).to_pylist()
    return found


@dataclass(frozen=True, slots=True)
class _Ranked:
    """A candidate and the mean of the attack's score, which parts equal risks."""

    risky: Risky
    score: float

    @property
    def key(self) -> tuple[Any, ...]:
        """Sorts by falling risk, then falling score, then name."""
        # Plus and minus infinity have no mean.
        score = -np.inf if np.isnan(self.score) else self.score
        return -_rounded(self.risky), -score, self.risky.pictures, self.risky.people


def _rank(entries: Iterable[_Ranked]) -> Ranking:
    ordered = sorted((one for one in entries if one.risky.risk > EVEN), key=lambda one: one.key)
    first = tuple(one.risky for one in ordered[:SHOWN])
    tied = sum(_rounded(one.risky) == _rounded(first[-1]) for one in ordered[SHOWN:])
    return Ranking(first, tied)


def _rounded(one: Risky) -> float:
    return round(one.risk, _DIGITS)


def _known(*names: str | None) -> tuple[str, ...]:
    """The names if all are known."""
    return tuple(name for name in names if name is not None) if None not in names else ()
