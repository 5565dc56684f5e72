"""Reconstructions as an audit plans them: names of jobs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlannedReconstruction:
    """An attack on what leaks of one target.

    Args:
        target: its name.
        spec: of the attack.
        made: the first of the jobs that rebuild the pictures.
        seen: the job in which recognisers look at them.
        judge: name of the recogniser that the attack did not use.
    """

    target: str
    spec: str
    made: str
    seen: str
    judge: str
