"""Objectives: what a network is moved towards, as the slope of a loss by its logits."""

from __future__ import annotations

from facebone.errors import UsageError
from facebone.registry import Registry
from facebone.settings import parse_settings, parse_spec
from facebone.verification.heads.objectives.base import Deck, Objective, teach

__all__ = ["OBJECTIVES", "Deck", "Objective", "make_objective", "teach"]

_HERE = "facebone.verification.heads.objectives"

OBJECTIVES: Registry[type[Objective]] = Registry("objective")
OBJECTIVES.add("cross_entropy", f"{_HERE}.cross_entropy:CrossEntropy")
OBJECTIVES.add("label_smoothing", f"{_HERE}.label_smoothing:LabelSmoothing")
OBJECTIVES.add("relaxloss", f"{_HERE}.relaxloss:RelaxLoss")
OBJECTIVES.add("high_entropy", f"{_HERE}.high_entropy:HighEntropy")
OBJECTIVES.add("adversarial", f"{_HERE}.adversarial:Adversarial")


def make_objective(spec: str) -> Objective:
    """An objective for one network.

    Args:
        spec: ``NAME`` or ``NAME:SETTING=VALUE,..``, such as ``relaxloss:target=0.5``.

    Raises:
        UnknownNameError: no such objective, or no such setting.
        UsageError: it does not look like that, or a value is wrong.
    """
    if not isinstance(spec, str):
        raise UsageError(
            f"must look like NAME or NAME:SETTING=VALUE, got {spec!r}", where="objective"
        )
    name, given = parse_spec(spec, where="objective")
    kind = OBJECTIVES.get(name)
    return kind(parse_settings(kind.settings_type, given, owner=f"objective {name}"))
