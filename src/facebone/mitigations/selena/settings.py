"""The settings of SELENA: as people give them, and as a head that was trained so keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from facebone.errors import UsageError
from facebone.mitigations.base import MitigationSettings
from facebone.mitigations.units import UNITS
from facebone.settings import check_integer, check_word, plain

PARTS = 25
LEFT_OUT = 10


@dataclass(frozen=True, slots=True)
class SelenaSettings(MitigationSettings):
    """How many heads teach, and who is kept from them.

    Args:
        backbones: see `MitigationSettings`.
        parts: heads that teach. Each is trained in full on its part of the pairs.
        left_out: of how many of them each unit is left out; fewer than `parts`.
        unit: what is left out: each ``pair`` (default), however often it is given; each ``image``,
            with all pairs it stands in; or each ``person``, with all pairs that show them. Where it
            is images or people, those who answer about a pair saw neither of its two, and those
            who learn from it were kept from neither: with the defaults each learns from a little
            more than a third of the pairs.
    """

    parts: int = PARTS
    left_out: int = LEFT_OUT
    unit: str = "pair"

    def __post_init__(self) -> None:
        # slots=True makes another class of this one, which super() without arguments would miss.
        MitigationSettings.__post_init__(self)
        check_split(self.parts, self.left_out, self.unit)


@dataclass(frozen=True, slots=True)
class SelenaHeadSettings:
    """What a head is made of and how it was taught; see `SelenaSettings`.

    Args:
        head: name of the head that is kept, and of those that teach it.
        head_settings: names and plain values of its settings.
        parts: heads that teach.
        left_out: of how many of them each unit is left out.
        unit: what is left out.
    """

    head: str = "mlp"
    head_settings: dict[str, Any] = field(default_factory=dict)
    parts: int = PARTS
    left_out: int = LEFT_OUT
    unit: str = "pair"

    def __post_init__(self) -> None:
        if not isinstance(self.head, str) or not isinstance(self.head_settings, dict):
            raise UsageError("needs the name and the settings of a head", where="selena")
        object.__setattr__(self, "head_settings", plain(self.head_settings))
        check_split(self.parts, self.left_out, self.unit)


def check_split(parts: int, left_out: int, unit: str) -> None:
    """Refuse numbers that do not fit each other, and units that there are not.

    Raises:
        UsageError: they do not, or there are not.
    """
    check_integer("parts", parts, low=2)
    check_integer("left_out", left_out, low=1)
    if left_out >= parts:
        raise UsageError(
            f"keeps everything from all {parts} heads, got {left_out}",
            where="left_out",
            hint="leave out of fewer than parts",
        )
    check_word("unit", unit, UNITS)
