"""From the result of a job to what audit.json says of a linkage."""

from __future__ import annotations

from facebone.audit.other_goals.choice import parse_other
from facebone.audit.plan import Result
from facebone.audit.schema import AucOnly, Interval, LinkageResult

GUESSING = AucOnly(auc=Interval(value=0.5, low=0.5, high=0.5))


def linkage_result(spec: str, done: Result) -> LinkageResult:
    """One attack on one target.

    Args:
        spec: of the attack.
        done: what its job found.
    """
    attack = parse_other(spec).attack
    return LinkageResult(
        name=spec,
        summary=attack.summary,
        goal=attack.goal.value,
        access=attack.access.value,
        knowledge=attack.knowledge,
        seconds=done.seconds,
        baseline=GUESSING,
        **done.values,
    )
