"""Thumbnails: the face of a picture as a small JPEG, for a report."""

from __future__ import annotations

from io import BytesIO

import numpy as np

from facebone.data.pictures import Picture, Points
from facebone.errors import PictureError, UsageError

DEFAULT_SIDE = 96
"""Width and height of a thumbnail in pixels."""

_QUALITY = 80

# A face with some of what is around it is this many times as large as the way from between its
# eyes to its mouth.
_AROUND = 3.0


def thumbnail(picture: Picture, *, side: int = DEFAULT_SIDE) -> bytes:
    """The face of a picture as a small square JPEG without metadata.

    Where the data set states landmarks the square is cut out around them, else from the middle of
    the picture, as large as it can be. The same picture always gives the same bytes.

    Args:
        picture: from any source.
        side: width and height in pixels.

    Raises:
        UsageError: the side is less than 1.
        DecodeError: the picture cannot be read or is no picture.
        PictureError: the stated landmarks are no numbers.
    """
    from PIL import Image

    if side < 1:
        raise UsageError(f"must be at least 1, got {side}", where="side")
    source = picture.source
    pixels = source.decode(source.read())
    height, width = pixels.shape[:2]
    landmarks = source.landmarks
    if landmarks is None:
        box = _square((width / 2, height / 2), min(width, height), (width, height))
    else:
        box = _around(landmarks, (width, height), source.location)
    image = Image.fromarray(pixels)
    small = image.crop(box).resize((side, side), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    # The image comes from an array: there is no metadata that could be written along.
    small.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def _around(landmarks: Points, size: tuple[int, int], location: str) -> tuple[int, int, int, int]:
    points = np.asarray(landmarks, dtype=np.float64)
    if not np.isfinite(points).all():
        raise PictureError(
            "the landmarks are no numbers", where=location, hint="correct or remove them"
        )
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    # Landmarks are counted from the centre of the first pixel, edges from its edge.
    x, y = (points.mean(axis=0) + 0.5).tolist()
    return _square((x, y), _AROUND * float(np.hypot(*(mouth - eyes))), size)


def _square(
    centre: tuple[float, float], side: float, size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a square inside a (width, height) picture.

    One that sticks out is moved inside, one that is larger than the picture made smaller.
    """
    length = int(min(max(round(side), 1), *size))
    left, top = (
        int(min(max(round(middle - length / 2), 0), limit - length))
        for middle, limit in zip(centre, size, strict=True)
    )
    return left, top, left + length, top + length
