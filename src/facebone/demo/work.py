"""Work that takes a while: what it is doing, in words and as a share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One step of longer work.

    Args:
        label: what is being done.
        done: items done.
        total: items in all; 0 where that is not known.
    """

    label: str
    done: int
    total: int

    @property
    def share(self) -> float:
        """How much of this step is done, 0 to 1."""
        return min(self.done / self.total, 1.0) if self.total > 0 else 0.0

    @property
    def words(self) -> str:
        """For people: ``training shadows, 3 of 6``."""
        return f"{self.label}, {self.done:,} of {self.total:,}" if self.total > 0 else self.label
