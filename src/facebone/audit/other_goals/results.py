"""What audit.json says of attacks of other goals on one target, by goal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from facebone.attacks.attack import Goal
from facebone.audit.attributes.result import attribute_result
from facebone.audit.extraction.result import extraction_result
from facebone.audit.linkage.result import linkage_result
from facebone.audit.other_goals.choice import parse_other
from facebone.audit.other_goals.planned import PlannedAttack
from facebone.audit.plan import Finished, Result

_FIELDS: dict[Goal, tuple[str, Callable[[str, Result], Any]]] = {
    Goal.EXTRACTION: ("extractions", extraction_result),
    Goal.LINKAGE: ("linkages", linkage_result),
    Goal.ATTRIBUTES: ("attributes", attribute_result),
}


def results_on(
    target: str, planned: Sequence[PlannedAttack], done: Finished
) -> dict[str, list[Any]]:
    """Fields of a `TargetResult` -> their results, in the order of the plan.

    Args:
        target: its name.
        planned: attacks on all targets.
        done: all jobs.
    """
    found: dict[str, list[Any]] = {name: [] for name, _ in _FIELDS.values()}
    for one in planned:
        if one.target == target:
            field, make = _FIELDS[parse_other(one.spec).attack.goal]
            found[field].append(make(one.spec, done[one.job]))
    return found
