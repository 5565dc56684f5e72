"""Visitors' own photographs: the best real backbone at hand, and how to get one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from facebone.backbones.zoo import WAYS_TO_A_REAL_BACKBONE, Zoo, ZooEntry
from facebone.demo.looking import Eyes
from facebone.demo.voices import Voice
from facebone.errors import FaceBoneError
from facebone.verification.heads import make_head
from facebone.verification.routes import open_routes

FAR = 0.001

THRESHOLDS = {
    "mobilefacenet_ms1m_a": 0.2911,
    "mobilefacenet_ms1m_a_torch": 0.2911,
    "mobilefacenet_ms1m_b": 0.3131,
    "dlib": 0.9215,
}
"""Cosines that one in a thousand of the 3,000 mismatched pairs of LFW's View 2 reaches, aligned;
98.6 %, 98.5 % and 95.8 % of the matched pairs do. The mean of two such thresholds, asked of the
mean of two cosines, lets fewer through still."""

_RANKS = ("published", "assets", "added", "extra")
"""Where the best backbones come from, best first."""

_LIKE_ANOTHER = "_torch"
"""The same weights as another backbone's, in another format."""


@dataclass(frozen=True, slots=True, eq=False)
class Photographs:
    """What looks at photographs.

    Args:
        eyes: they find faces; None where there is no real backbone.
        voices: one a backbone and, of several, one of all.
        missing: how to get a real backbone, where there is none; else empty.
    """

    eyes: Eyes | None
    voices: tuple[Voice, ...]
    missing: str = ""


def open_photographs(*, alignment: str = "five-point", device: str = "auto") -> Photographs:
    """The best real backbones at hand, opened."""
    try:
        names = best_backbones(list(Zoo()))
        if not names:
            return Photographs(None, (), WAYS_TO_A_REAL_BACKBONE)
        routes = open_routes(names, alignment=alignment, device=device)
    except FaceBoneError as error:  # such as weights that were changed
        return Photographs(None, (), str(error))
    return Photographs(Eyes(routes), cosine_voices(names))


def best_backbones(entries: Sequence[ZooEntry]) -> list[str]:
    """Names of the backbones to use: all from the best place that has any."""
    for origin in _RANKS:
        found = [
            entry.spec.name
            for entry in entries
            if entry.origin == origin
            and entry.ready
            and not entry.spec.name.endswith(_LIKE_ANOTHER)
        ]
        if found:
            return found[:2]
    return []


def cosine_voices(names: Sequence[str]) -> tuple[Voice, ...]:
    """Each backbone by its cosine and, where there are several, the mean of all."""
    known = [THRESHOLDS.get(name) for name in names]
    voices = [
        Voice(
            name,
            "backbone",
            make_head("cosine"),
            (i,),
            threshold,
            None if threshold is None else FAR,
        )
        for i, (name, threshold) in enumerate(zip(names, known, strict=True))
    ]
    if len(names) > 1:
        every = [threshold for threshold in known if threshold is not None]
        whole = len(every) == len(names)
        voices.append(
            Voice(
                "all together",
                "fused",
                make_head("cosine"),
                tuple(range(len(names))),
                sum(every) / len(every) if whole else None,
                FAR if whole else None,
            )
        )
    return tuple(voices)
