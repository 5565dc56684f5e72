"""A figure with its interval, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval; `low` <= `value` <= `high` unless the field says else."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """The object ``E`` of the audit's schema."""
        return {"value": self.value, "low": self.low, "high": self.high}

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


@dataclass(frozen=True, slots=True)
class Refused:
    """A figure that the sample is too small to give."""

    reason: str

    def to_json(self) -> dict[str, str]:
        """The object ``E`` of the audit's schema."""
        return {"refused": self.reason}

    def __str__(self) -> str:
        return f"refused: {self.reason}"


Figure = Estimate | Refused
