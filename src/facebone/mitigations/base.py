"""The registry of mitigations. ``none`` trains the head as it is."""

from __future__ import annotations

from dataclasses import dataclass

from facebone.registry import Registry


@dataclass(frozen=True, slots=True)
class Mitigation:
    """A defence by name.

    Args:
        name: the name that commands and results use.
        summary: what it does, in one line.
    """

    name: str
    summary: str


MITIGATIONS: Registry[Mitigation] = Registry("mitigation")
MITIGATIONS.add("none", Mitigation("none", "the head learns from the embeddings as they are"))
