"""What the options of `facebone audit` can be chosen from."""

from __future__ import annotations

from enum import StrEnum

GIVEN = "A verifier that is there already"
"""Heading of the options about one."""


class Protocol(StrEnum):
    """Which protocols are run."""

    HONEST = "honest"
    REFERENCE = "reference"


class AccessName(StrEnum):
    """What an attacker sees."""

    DECISION = "decision"
    SCORE = "score"
    EMBEDDING = "embedding"
    WEIGHTS = "weights"


class LevelName(StrEnum):
    """What a member is."""

    PAIR = "pair"
    IMAGE = "image"
    IDENTITY = "identity"


class ExecutorName(StrEnum):
    """Where jobs run."""

    SERIAL = "serial"
    PROCESSES = "processes"
