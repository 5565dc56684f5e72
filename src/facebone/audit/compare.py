"""Two audits side by side, before and after: what changed, and what cannot be told apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from facebone.audit.schema import TIMES, AttackResult, Audit, E, Interval, TargetResult

_PROTOCOL = (
    "goal",
    "access",
    "level",
    "knowledge",
    "adaptive",
    "queries",
    "members",
    "non_members",
)


class Verdict(StrEnum):
    """What two intervals say about two figures."""

    CHANGED = "changed"
    """The intervals are disjoint."""
    NOT_TOLD_APART = "not told apart"
    """They overlap."""
    UNKNOWN = "not known"
    """A figure was refused."""


@dataclass(frozen=True, slots=True)
class Change:
    """One figure before and after.

    Args:
        figure: what it is of, in words.
        before: in the first audit.
        after: in the second.
    """

    figure: str
    before: E
    after: E

    @property
    def difference(self) -> float | None:
        """After minus before; None where one was refused."""
        if isinstance(self.before, Interval) and isinstance(self.after, Interval):
            return self.after.value - self.before.value
        return None

    @property
    def verdict(self) -> Verdict:
        """Whether their 95 % intervals are disjoint.

        Two that overlap a little may still differ: to be told apart this way is more than to
        differ at 5 %.
        """
        if not (isinstance(self.before, Interval) and isinstance(self.after, Interval)):
            return Verdict.UNKNOWN
        apart = self.before.high < self.after.low or self.after.high < self.before.low
        return Verdict.CHANGED if apart else Verdict.NOT_TOLD_APART

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "figure": self.figure,
            "before": self.before.model_dump(),
            "after": self.after.model_dump(),
            "difference": self.difference,
            "verdict": self.verdict.value,
        }


@dataclass(frozen=True, slots=True)
class TargetComparison:
    """One target that both audits name.

    Args:
        name: of the target.
        strongest: name of the strongest attack before and after.
        changes: its figures.
        settings: what was set differently, a line each.
        only_before: attacks of the first audit alone.
        only_after: attacks of the second alone.
    """

    name: str
    strongest: tuple[str, str]
    changes: tuple[Change, ...]
    settings: tuple[str, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "name": self.name,
            "strongest": {"before": self.strongest[0], "after": self.strongest[1]},
            "changes": [change.to_json() for change in self.changes],
            "settings": list(self.settings),
            "only_before": list(self.only_before),
            "only_after": list(self.only_after),
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two audits.

    Args:
        targets: those that both name, in the order of the first.
        only_before: targets of the first audit alone.
        only_after: targets of the second alone.
        same: whether nothing about any target differs but times.
        warnings: what makes the audits incomparable, or less comparable.
    """

    targets: tuple[TargetComparison, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    same: bool
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "same": self.same,
            "targets": [target.to_json() for target in self.targets],
            "only_before": list(self.only_before),
            "only_after": list(self.only_after),
            "warnings": list(self.warnings),
        }


def compare(before: Audit, after: Audit) -> Comparison:
    """Compare two audits, targets and attacks matched by name."""
    first = {target.name: target for target in before.targets}
    second = {target.name: target for target in after.targets}
    shared = [name for name in first if name in second]
    return Comparison(
        targets=tuple(_compare_targets(first[name], second[name]) for name in shared),
        only_before=tuple(name for name in first if name not in second),
        only_after=tuple(name for name in second if name not in first),
        same=_timeless(before.targets) == _timeless(after.targets),
        warnings=tuple(_warnings(before, after)),
    )


def _compare_targets(before: TargetResult, after: TargetResult) -> TargetComparison:
    first = {attack.name: attack for attack in before.attacks}
    second = {attack.name: attack for attack in after.attacks}
    changes = [Change("accuracy", before.utility.accuracy, after.utility.accuracy)]
    if before.strongest in first and after.strongest in second:
        changes += _strongest(first[before.strongest], second[after.strongest])
    shared = [name for name in first if name in second]
    changes += [Change(f"AUC of {name}", first[name].auc, second[name].auc) for name in shared]
    changes += _of_other_goals(before, after)
    return TargetComparison(
        name=before.name,
        strongest=(before.strongest, after.strongest),
        changes=tuple(changes),
        settings=tuple(_settings(before, after)),
        only_before=tuple(name for name in first if name not in second),
        only_after=tuple(name for name in second if name not in first),
    )


def _of_other_goals(before: TargetResult, after: TargetResult) -> Iterator[Change]:
    """Faces, copies after as many questions, links and attributes, by attacks that both ran."""
    faces = [
        {(one.name, one.judge.recogniser): one.judge.type_ii for one in target.reconstructions}
        for target in (before, after)
    ]
    for (name, judge), share in faces[0].items():
        if (name, judge) in faces[1]:
            what = f"faces of {name} recognised by {judge}"
            yield Change(what, share, faces[1][name, judge])
    copies = [
        {
            (one.name, point.queries): point.balanced_agreement
            for one in target.extractions
            for point in one.points
        }
        for target in (before, after)
    ]
    for (name, queries), figure in copies[0].items():
        if (name, queries) in copies[1]:
            what = f"agreement of {name} after {queries:,} questions"
            yield Change(what, figure, copies[1][name, queries])
    for first, second in (
        (before.linkages, after.linkages),
        (before.attributes, after.attributes),
    ):
        others = {one.name: one.auc for one in second}
        for one in first:
            if one.name in others:
                yield Change(f"AUC of {one.name}", one.auc, others[one.name])


def _strongest(before: AttackResult, after: AttackResult) -> Iterator[Change]:
    yield Change("AUC of the strongest attack", before.auc, after.auc)
    for rate, figure in before.tpr_at_fpr.items():
        if rate in after.tpr_at_fpr:
            yield Change(f"its TPR at FPR {rate}", figure, after.tpr_at_fpr[rate])


def _settings(before: TargetResult, after: TargetResult) -> Iterator[str]:
    for name in ("mitigation", "head", "backbones"):
        yield from _differs(name, getattr(before, name), getattr(after, name))
    for name in ("mitigation_settings", "head_settings"):
        yield from _differences(name, getattr(before, name), getattr(after, name))


def _warnings(before: Audit, after: Audit) -> Iterator[str]:
    """What differs besides the targets, most damaging first."""
    first, second = before.data.model_dump(), after.data.model_dump()
    facts = [f"data {line}" for line in _differences("", first, second)]
    if before.data.fingerprint != after.data.fingerprint:
        yield f"not comparable: other data was audited; {'; '.join(facts)}"
    elif facts:
        yield f"not comparable: the same data was audited in another way; {'; '.join(facts)}"
    for line in _differs("seeds", before.seeds, after.seeds):
        yield f"other members were drawn: {line}"
    for line in _protocol(before, after):
        yield f"another protocol: {line}"
    versions = list(_differs("facebone", before.facebone_version, after.facebone_version))
    versions += _differences("", before.environment, after.environment)
    if versions:
        yield f"other versions or machines: {'; '.join(versions)}"


def _protocol(before: Audit, after: Audit) -> Iterator[str]:
    """In what attacks of one name on targets of one name were run otherwise, each way once."""
    second = {
        (target.name, attack.name): attack for target in after.targets for attack in target.attacks
    }
    found: dict[str, list[str]] = {}
    for target in before.targets:
        for attack in target.attacks:
            other = second.get((target.name, attack.name), attack)
            for name in _PROTOCOL:
                for line in _differs(name, getattr(attack, name), getattr(other, name)):
                    found.setdefault(line, []).append(f"{target.name}, {attack.name}")
    for line, attacks in found.items():
        more = f" and {len(attacks) - 1} more attacks" if len(attacks) > 1 else ""
        yield f"{line} ({attacks[0]}{more})"
    sides = (before.reference_protocol is not None, after.reference_protocol is not None)
    yield from _differs("reference protocol beside it", *sides)


def _differences(name: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """A line for each value that differs, at any depth."""
    for key in (*before, *(key for key in after if key not in before)):
        path = f"{name} {key}".strip()
        first, second = before.get(key), after.get(key)
        if isinstance(first, dict) and isinstance(second, dict):
            yield from _differences(path, first, second)
        else:
            yield from _differs(path, first, second)


def _differs(name: str, before: object, after: object) -> Iterator[str]:
    if before != after:
        yield f"{name} {_show(before)} -> {_show(after)}"


def _show(value: object) -> str:
    if isinstance(value, list):
        return "+".join(map(str, value)) or "none"
    return "not given" if value is None else str(value)


def _timeless(part: object) -> object:
    """Targets as plain values, without times."""
    if isinstance(part, list | tuple):
        return [_timeless(item) for item in part]
    if isinstance(part, dict):
        return {name: _timeless(value) for name, value in part.items() if name not in TIMES}
    return _timeless(part.model_dump()) if isinstance(part, TargetResult) else part
