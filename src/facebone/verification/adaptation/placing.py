"""Which routes an adaptation needs: fine-tuning goes on where a backbone was cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from facebone.backbones.cut_name import parse_cut

FINE_TUNING = "fine_tuning"


def place(
    head: str, settings: Mapping[str, Any], backbones: Sequence[str]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Settings of a head for `make_head`, and names of the routes to open for it.

    Args:
        head: name of a head or an adaptation.
        settings: as a user gives them.
        backbones: as a user names them; names that are cut already are kept.

    Raises:
        UsageError: backbones that cannot be cut so; see `place_cut`.
    """
    if head != FINE_TUNING:
        return dict(settings), tuple(backbones)
    from facebone.verification.adaptation.fine_tuning_settings import place_cut

    return place_cut(settings, backbones)


def as_placed(name: str, routes: Sequence[str]) -> str:
    """The route that a user means by the name of a backbone; the name itself where none fits."""
    for route in routes:
        cut = parse_cut(route)
        if cut is not None and cut[0] == name:
            return route
    return name
