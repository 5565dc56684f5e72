"""The settings of a guarded head: the guard and the head behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from facebone.errors import UsageError
from facebone.settings import plain


@dataclass(frozen=True, slots=True)
class GuardedSettings:
    """What a guarded head is made of.

    Args:
        guard: name of the mitigation that guards.
        guard_settings: names and plain values of its settings.
        head: name of the head, the adaptation or the composed head behind the guard.
        head_settings: names and plain values of its settings.
    """

    guard: str = "rounding"
    guard_settings: dict[str, Any] = field(default_factory=dict, repr=False)
    head: str = "mlp"
    head_settings: dict[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for name in ("guard", "head"):
            own = getattr(self, f"{name}_settings")
            if not isinstance(getattr(self, name), str) or not isinstance(own, dict):
                raise UsageError(f"needs the name and the settings of a {name}", where="guarded")
            object.__setattr__(self, f"{name}_settings", plain(own))
