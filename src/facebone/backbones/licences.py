"""What a licence means to the reader, in one line."""

from __future__ import annotations

from typing import Protocol


class Licensed(Protocol):
    """Anything with a stated licence."""

    @property
    def name(self) -> str:
        """What the user calls it."""
        ...

    @property
    def licence(self) -> str:
        """SPDX identifier or words."""
        ...

    @property
    def commercial(self) -> bool | None:
        """Whether commercial use is allowed; None where that is not known."""
        ...


def licence_note(part: Licensed) -> str:
    """The licence, with a warning where it forbids commercial use or is not known."""
    if part.commercial is False:
        return f"{part.licence} - WARNING: no commercial use"
    if part.commercial is None:
        return f"{part.licence} - WARNING: ask the publisher before any use but research"
    return part.licence


def needs_warning(part: Licensed) -> bool:
    """Whether a command should show the licence before it hands the part over."""
    return part.commercial is not True
