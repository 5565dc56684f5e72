"""What a detector finds: a face with its box and landmarks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from facebone.data.pictures import RGB, Points


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One detected face.

    Args:
        box: x, y, width, height in pixels; may reach beyond the picture.
        confidence: the detector's own score, larger means surer; not comparable between detectors.
        landmarks: (5, 2) in the order of `facebone.data.pictures.Points`.
        dlib_landmarks: (5, 2) in dlib's own five-point order (image-right eye's outer and inner
            corner, image-left eye's outer and inner corner, base of the nose), where the detector
            has them; dlib's chips are cut by these.
    """

    box: tuple[float, float, float, float]
    confidence: float
    landmarks: Points
    dlib_landmarks: Points | None = None


class Detector(ABC):
    """Finds faces. An instance may be used by one thread at a time; each worker makes its own."""

    name: str
    """The name it is registered under."""

    @property
    @abstractmethod
    def key(self) -> str:
        """Identifies what the detector would find: name, settings and hash of its weights."""

    @abstractmethod
    def detect(self, image: RGB) -> list[Face]:
        """All faces in an (h, w, 3) uint8 RGB picture, surest first; empty if there is none."""
