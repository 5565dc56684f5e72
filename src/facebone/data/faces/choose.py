"""Which of the faces in a picture is meant."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, get_args

from facebone.data.faces.face import Face
from facebone.errors import NoFaceError, SeveralFacesError, UnknownNameError

Rule = Literal["centre", "largest", "only"]
RULES: tuple[Rule, ...] = get_args(Rule)


def rank_faces(
    faces: Sequence[Face], image_size: tuple[int, int], rule: str = "centre"
) -> list[Face]:
    """All faces, the one meant first.

    Args:
        faces: what a detector found.
        image_size: (height, width) of the picture.
        rule: ``centre``, nearest the picture's centre; ``largest``, by area; ``only``, surest
            first. Faces that the rule cannot tell apart keep their order.

    Raises:
        UnknownNameError: there is no such rule.
    """
    height, width = image_size

    def off_centre(face: Face) -> float:
        x, y, w, h = face.box
        return math.hypot(x + w / 2 - width / 2, y + h / 2 - height / 2)

    orders: dict[str, Callable[[Face], float]] = {
        "centre": off_centre,
        "largest": lambda face: -face.box[2] * face.box[3],
        "only": lambda face: -face.confidence,
    }
    if rule not in orders:
        raise UnknownNameError("rule to choose a face", rule, RULES)
    return sorted(faces, key=orders[rule])


def choose_face(
    faces: Sequence[Face],
    image_size: tuple[int, int],
    rule: str = "centre",
    *,
    location: str | None = None,
) -> Face:
    """The face that is meant.

    Args:
        faces: what a detector found.
        image_size: (height, width) of the picture.
        rule: as for `rank_faces`; ``only`` insists that there is just one.
        location: what an error calls the picture.

    Raises:
        NoFaceError: there is no face.
        SeveralFacesError: the rule is ``only`` and there are several.
        UnknownNameError: there is no such rule.
    """
    ranked = rank_faces(faces, image_size, rule)
    if not ranked:
        raise NoFaceError(
            "no face was found", where=location, hint="use a picture that shows a face"
        )
    if rule == "only" and len(ranked) > 1:
        raise SeveralFacesError(
            f"shows {len(ranked)} faces where one was asked for",
            where=location,
            hint="cut the picture down to one face, or choose by 'centre' or 'largest'",
        )
    return ranked[0]
