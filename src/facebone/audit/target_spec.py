"""A target in words: its mitigation and, where it has another head than the audit's, that head."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from facebone.mitigations.base import make_mitigation, parse_mitigation
from facebone.settings import format_spec, parse_spec
from facebone.verification.heads import HEADS, make_head

ON = "@"
"""Stands before the head, as in ``none@logistic``."""


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """A target as it was asked for.

    Args:
        mitigation: name of the defence.
        settings: of the defence.
        head: name of its own head; None for the audit's.
        head_settings: of its own head.
    """

    mitigation: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    head: str | None = None
    head_settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of the target in results: without defaults of the mitigation, and without secrets."""
        spec = make_mitigation(self.mitigation, self.settings).spec()
        return (
            spec if self.head is None else f"{spec}{ON}{format_spec(self.head, self.head_settings)}"
        )


def parse_target(spec: str, *, where: str = "--mitigation") -> TargetSpec:
    """A target from ``MITIGATION`` or ``MITIGATION@HEAD``, each perhaps with settings.

    Raises:
        UnknownNameError: no such mitigation, head or setting.
        UsageError: it does not look like that, or a value is wrong.
    """
    known = "|".join(map(re.escape, HEADS.names()))
    parts = re.split(f"{ON}(?=(?:{known})(?::|$))", spec, maxsplit=1)
    name, settings = parse_mitigation(parts[0], where=where)
    make_mitigation(name, settings)
    if len(parts) == 1:
        return TargetSpec(name, settings)
    head, own = parse_spec(parts[1], where=where)
    make_head(head, own)
    return TargetSpec(name, settings, head, own)


def target_name(spec: str) -> str:
    """See `TargetSpec.name`."""
    return parse_target(spec).name
