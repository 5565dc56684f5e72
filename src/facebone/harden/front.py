"""The Pareto front of accuracy against leak. Pure."""

from __future__ import annotations

from collections.abc import Sequence

GUESSING = 0.5
"""The AUC of an attack that finds nothing. Below it an attack errs, which nobody can count on."""


def leak_of(auc: float) -> float:
    """What an attack's AUC counts as: nothing below `GUESSING`."""
    return max(auc, GUESSING)


def on_front(accuracy: Sequence[float], leak: Sequence[float]) -> list[bool]:
    """Which of n recipes no other beats: as accurate and leaking less, or more accurate at no more.

    Equal ones are on the front together.

    Args:
        accuracy: of each, more is better.
        leak: of each, less is better.
    """
    order = sorted(range(len(accuracy)), key=lambda i: (-accuracy[i], leak[i]))
    found = [False] * len(order)
    least = float("inf")
    best = None
    # From the most accurate down: whoever leaks less than all that are more accurate is on it.
    for i in order:
        if leak[i] < least or (accuracy[i], leak[i]) == best:
            found[i] = True
            least, best = leak[i], (accuracy[i], leak[i])
    return found
