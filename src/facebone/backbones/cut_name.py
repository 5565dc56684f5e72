"""Names of cut backbones: ``BACKBONE@P``, whose first P units stay as they are."""

from __future__ import annotations

MARK = "@"


def cut_name(backbone: str, frozen: int) -> str:
    """The name of a backbone cut behind its first `frozen` units."""
    return f"{backbone}{MARK}{frozen}"


def parse_cut(name: str) -> tuple[str, int] | None:
    """The backbone and the number of units before the cut; None for a name without a cut."""
    backbone, mark, digits = name.rpartition(MARK)
    if not (backbone and mark and digits.isascii() and digits.isdecimal()):
        return None
    return backbone, int(digits)
