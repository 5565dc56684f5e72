"""Figures as cells of a table in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facebone.audit.schema import Interval, Refusal


def cell(figure: Interval | Refusal) -> str:
    """A figure with its interval."""
    from facebone.audit.schema import Refusal

    if isinstance(figure, Refusal):
        return "refused"
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"
