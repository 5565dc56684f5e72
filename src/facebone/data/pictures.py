"""A picture by reference: who is on it and how to get its bytes and pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

RGB = npt.NDArray[np.uint8]
"""A picture as (h, w, 3) uint8, red first."""

Points = npt.NDArray[np.float32]
"""Landmarks as (5, 2) float32 pixels, x then y: image-left eye, image-right eye, nose tip,
image-left and image-right corner of the mouth."""


class Source(Protocol):
    """Where a picture comes from. Small and picklable: it travels to workers, pixels do not."""

    @property
    def location(self) -> str:
        """What an error message calls this picture, such as its path."""
        ...

    @property
    def landmarks(self) -> Points | None:
        """Landmarks that the data set states, in pixels of the decoded picture, or None."""
        ...

    def read(self) -> bytes:
        """The bytes that identify the picture: equal bytes are the same picture.

        Raises:
            DecodeError: they cannot be read.
        """
        ...

    def decode(self, content: bytes) -> RGB:
        """Pixels from the bytes that `read` returned.

        Raises:
            DecodeError: the bytes are no picture, or a hostile one.
        """
        ...


@dataclass(frozen=True, slots=True)
class FileSource:
    """A picture in a file.

    Args:
        path: the file.
        stated_landmarks: ten numbers x0, y0, .. x4, y4 that the data set states, if it does.
    """

    path: Path
    stated_landmarks: tuple[float, ...] | None = None

    @property
    def location(self) -> str:
        """The path."""
        return str(self.path)

    @property
    def landmarks(self) -> Points | None:
        """The stated landmarks as (5, 2), or None."""
        if self.stated_landmarks is None:
            return None
        return np.asarray(self.stated_landmarks, dtype=np.float32).reshape(5, 2)

    def read(self) -> bytes:
        """The file's bytes; see `facebone.data.faces.decode.read_bytes`."""
        from facebone.data.faces.decode import read_bytes

        return read_bytes(self.path)

    def decode(self, content: bytes) -> RGB:
        """The pixels; see `facebone.data.faces.decode.decode_bytes`."""
        from facebone.data.faces.decode import decode_bytes

        return decode_bytes(content, location=self.location)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of one person.

    Args:
        id: unique within its data set, stable between runs, such as ``Abel_Pacheco/0001``.
        person: whose face it is.
        source: how to get its bytes and pixels.
    """

    id: str
    person: str
    source: Source
