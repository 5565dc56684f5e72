"""How a picture is changed: mirrored, shifted, made noisy, cropped."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from facebone.data.pictures import RGB, Points
from facebone.errors import UsageError

VERSION = 1
"""Part of every variant's bytes: to be raised by whoever changes the pixels that come out."""

Direction = Literal["left", "right", "up", "down"]
Place = Literal["centre", "top-left", "top-right", "bottom-left", "bottom-right"]

# A mirror shows the right eye where the left one was, and so with the corners of the mouth.
_MIRRORED = [1, 0, 2, 4, 3]


@dataclass(frozen=True, slots=True)
class Variant(ABC):
    """One way to change a picture. A value: it can be compared, hashed, pickled and sent about."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The kind and all its numbers: variants with equal names make the same pixels."""

    @abstractmethod
    def apply(self, image: RGB, *, rng: np.random.Generator) -> RGB:
        """The changed picture, of the shape of the given one, which stays as it is.

        Args:
            image: (h, w, 3) uint8.
            rng: what chance there is.
        """

    @abstractmethod
    def move(self, landmarks: Points, size: tuple[int, int]) -> Points:
        """Where landmarks (5, 2) of a (height, width) picture lie in the changed one."""


@dataclass(frozen=True, slots=True)
class Flip(Variant):
    """The mirror image, left and right exchanged."""

    @property
    def name(self) -> str:
        """See `Variant`."""
        return "flip"

    def apply(self, image: RGB, *, rng: np.random.Generator) -> RGB:
        """See `Variant`."""
        return np.ascontiguousarray(image[:, ::-1])

    def move(self, landmarks: Points, size: tuple[int, int]) -> Points:
        """See `Variant`."""
        moved = landmarks[_MIRRORED]
        moved[:, 0] = size[1] - 1 - moved[:, 0]
        return moved


@dataclass(frozen=True, slots=True)
class Shift(Variant):
    """What is on the picture moves by whole pixels, one at least; the edge behind it is repeated.

    Args:
        direction: where it moves.
        share: how far, as a share of the width or height, above 0 and below 1.

    Raises:
        UsageError: no such direction, or a share out of range.
    """

    direction: Direction
    share: float

    def __post_init__(self) -> None:
        _check_known("direction", self.direction, get_args(Direction))
        _check_share(self.share)

    @property
    def name(self) -> str:
        """See `Variant`."""
        return f"shift-{self.direction}-{float(self.share)!r}"

    def apply(self, image: RGB, *, rng: np.random.Generator) -> RGB:
        """See `Variant`."""
        height, width = image.shape[:2]
        x, y = self._step((height, width))
        # Pixel i shows what was at i - step; what would come from outside comes from the edge.
        rows = np.clip(np.arange(height) - y, 0, height - 1)
        columns = np.clip(np.arange(width) - x, 0, width - 1)
        return np.ascontiguousarray(image[rows[:, None], columns])

    def move(self, landmarks: Points, size: tuple[int, int]) -> Points:
        """See `Variant`."""
        return landmarks + np.array(self._step(size), dtype=np.float32)

    def _step(self, size: tuple[int, int]) -> tuple[int, int]:
        """Pixels to the right and down."""
        along_x = self.direction in ("left", "right")
        far = max(1, round(self.share * size[1 if along_x else 0]))
        step = -far if self.direction in ("left", "up") else far
        return (step, 0) if along_x else (0, step)


@dataclass(frozen=True, slots=True)
class Noise(Variant):
    """Gaussian noise, its own for each pixel and colour; what leaves 0 .. 255 is cut off.

    Args:
        deviation: standard deviation in grey levels, above 0.

    Raises:
        UsageError: the deviation is not above 0.
    """

    deviation: float

    def __post_init__(self) -> None:
        if not 0 < self.deviation < float("inf"):
            raise UsageError(f"must be above 0, got {self.deviation}", where="deviation")

    @property
    def name(self) -> str:
        """See `Variant`."""
        return f"noise-{float(self.deviation)!r}"

    def apply(self, image: RGB, *, rng: np.random.Generator) -> RGB:
        """See `Variant`."""
        noisy = rng.standard_normal(image.shape, dtype=np.float32)
        noisy *= self.deviation
        noisy += image
        return np.clip(np.rint(noisy, out=noisy), 0, 255, out=noisy).astype(np.uint8)

    def move(self, landmarks: Points, size: tuple[int, int]) -> Points:
        """See `Variant`."""
        return landmarks


@dataclass(frozen=True, slots=True)
class Crop(Variant):
    """A window of the picture, scaled back to the picture's size, bilinear.

    Args:
        place: where the window is.
        share: its width and height as shares of the picture's, above 0 and below 1.

    Raises:
        UsageError: no such place, or a share out of range.
    """

    place: Place
    share: float

    def __post_init__(self) -> None:
        _check_known("place", self.place, get_args(Place))
        _check_share(self.share)

    @property
    def name(self) -> str:
        """See `Variant`."""
        return f"crop-{self.place}-{float(self.share)!r}"

    def apply(self, image: RGB, *, rng: np.random.Generator) -> RGB:
        """See `Variant`."""
        import cv2

        height, width = image.shape[:2]
        (x, w), (y, h) = self._window(width, "left"), self._window(height, "top")
        window = np.ascontiguousarray(image[y : y + h, x : x + w])
        scaled = cv2.resize(window, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(scaled, dtype=np.uint8)

    def move(self, landmarks: Points, size: tuple[int, int]) -> Points:
        """See `Variant`."""
        (x, w), (y, h) = self._window(size[1], "left"), self._window(size[0], "top")
        scale = np.array([size[1] / w, size[0] / h])
        # Scaling keeps the edges of pixels in place, half a pixel from the centres that count as
        # whole numbers.
        moved = (landmarks - np.array([x, y]) + 0.5) * scale - 0.5
        return np.asarray(moved, dtype=np.float32)

    def _window(self, side: int, low: Literal["left", "top"]) -> tuple[int, int]:
        """Start and length of the window along one side of the picture."""
        length = max(1, min(round(self.share * side), side - 1))
        if self.place == "centre":
            return (side - length) // 2, length
        return (0 if low in self.place.split("-") else side - length), length


def _check_known(where: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(f"must be one of {', '.join(known)}, got {value!r}", where=where)


def _check_share(share: float) -> None:
    if not 0 < share < 1:
        raise UsageError(f"must be above 0 and below 1, got {share}", where="share")
