"""Synthetic people as points of a space: where a search for a face walks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from facebone.data.synthesis.dice import Dice
from facebone.data.synthesis.identity import Identity
from facebone.data.synthesis.people import person_of
from facebone.errors import UsageError

NORMALS, UNIFORMS = 45, 35
"""Numbers that describe a person; see `person_of`."""

WIDTH = NORMALS + UNIFORMS
"""Axes of the space."""


def identity_at(point: npt.NDArray[np.float64]) -> Identity:
    """The person at a point (WIDTH,) of the space where people are standard normal.

    Lengths and colours move evenly along an axis; hair styles, beards and glasses change where
    their probabilities end.

    Raises:
        UsageError: a point of another width, or not finite.
    """
    if point.shape != (WIDTH,) or not np.isfinite(point).all():
        raise UsageError(
            f"must be {WIDTH} finite numbers, got {point.shape}", where="parameters of a face"
        )
    return person_of(Dice(point[:NORMALS].tolist(), ndtr(point[NORMALS:]).tolist()))
