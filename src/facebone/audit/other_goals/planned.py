"""An attack of another goal as an audit plans it: names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlannedAttack:
    """An attack on one target.

    Args:
        target: its name.
        spec: of the attack.
        job: name of the job that runs and measures it.
    """

    target: str
    spec: str
    job: str
