"""From the result of a job to what audit.json says of an extraction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from facebone.audit.other_goals.choice import parse_other
from facebone.audit.plan import Result
from facebone.audit.schema import ExtractionResult
from facebone.audit.schema_goals import CopyPoint

FIGURES = tuple(name for name in CopyPoint.model_fields if name not in ("queries", "made_of"))


def extraction_result(spec: str, done: Result) -> ExtractionResult:
    """One attack on one target.

    Args:
        spec: of the attack.
        done: what its job found.
    """
    attack, values = parse_other(spec).attack, done.values
    baseline = values["baseline"]
    return ExtractionResult(
        name=spec,
        summary=attack.summary,
        goal=attack.goal.value,
        access=attack.access.value,
        knowledge=attack.knowledge,
        seconds=done.seconds,
        target_accuracy=None if baseline is None else baseline["victim_accuracy"],
        points=[_point(point) for point in values["points"]],
        control=None if values["control"] is None else _point(values["control"]),
        baseline=None if baseline is None else _point(baseline),
        **{name: values[name] for name in ("far", "pictures", "people", "pairs", "refused")},
    )


def _point(values: Mapping[str, Any]) -> CopyPoint:
    """A copy; a figure is as the schema has it."""
    kept = {name: values[name] for name in FIGURES}
    return CopyPoint(queries=values["queries"], made_of=values["made_of"], **kept)
