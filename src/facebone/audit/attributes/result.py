"""From the result of a job to what audit.json says of attributes."""

from __future__ import annotations

from facebone.attacks.attributes.figures import BASELINE
from facebone.audit.other_goals.choice import parse_other
from facebone.audit.plan import Result
from facebone.audit.schema import AttributeResult, AucOnly, Interval
from facebone.audit.schema_goals import AttributeFigure

GUESSING = AucOnly(auc=Interval(value=BASELINE, low=BASELINE, high=BASELINE))


def attribute_result(spec: str, done: Result) -> AttributeResult:
    """One attack on one target.

    Args:
        spec: of the attack.
        done: what its job found.
    """
    attack, values = parse_other(spec).attack, dict(done.values)
    kept = set(AttributeFigure.model_fields)
    figures = [
        {name: value for name, value in one.items() if name in kept}
        for one in values.pop("attributes")
    ]
    return AttributeResult(
        name=spec,
        summary=attack.summary,
        goal=attack.goal.value,
        access=attack.access.value,
        knowledge=attack.knowledge,
        seconds=done.seconds,
        baseline=GUESSING,
        attributes=[AttributeFigure.model_validate(one) for one in figures],
        **values,
    )
