"""Shifted domains: whole pictures, coarse, blurred or covered faces, as other cameras give them.

What a model learnt from the pictures of one place may fail on those of another. Each shift is a way
to prepare pictures, so that embeddings under it are kept in the store like any others. The face is
found in the picture as it is, and its crop is changed: how well a detector copes decides nothing.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from facebone.data.faces.prepare import Preparation, Prepared, centred_landmarks
from facebone.data.faces.templates import ARCFACE, get_template
from facebone.data.pictures import RGB, Points
from facebone.errors import UsageError

VERSION = 1
"""Part of every key: to be raised by whoever changes the pixels that come out."""

_THREAD = threading.local()
"""Holds the last crop of this thread before it was changed."""

# ArcFace's crop takes in the face from the brows' upper edge to the chin. Its side, in distances of
# the eyes, says how large the face is in any other crop.
_FACE_IN_EYES = 112 / float(np.hypot(*(ARCFACE[1] - ARCFACE[0])))


class Shift(ABC):
    """One way in which a domain may differ. A value: it can be compared, hashed and pickled."""

    @property
    @abstractmethod
    def kind(self) -> str:
        """What results call it."""

    @property
    def name(self) -> str:
        """The kind and all its numbers: shifts with equal names make the same pixels."""
        return self.kind

    @abstractmethod
    def shifted(self, plain: Preparation) -> Preparation | None:
        """How pictures are prepared under it; None where they are prepared so anyway."""


@dataclass(frozen=True, slots=True)
class Unaligned(Shift):
    """The whole picture, resized: nobody looks for the face."""

    @property
    def kind(self) -> str:
        """See `Shift`."""
        return "unaligned"

    def shifted(self, plain: Preparation) -> Preparation | None:
        """See `Shift`."""
        if plain.alignment == "none":
            return None
        return Preparation("none", "none", plain.template, plain.choose, plain.missing)


class CropShift(Shift):
    """A shift that changes what a backbone would see."""

    @abstractmethod
    def apply(self, crop: RGB, landmarks: Points) -> RGB:
        """The changed crop, of the same shape; the given one stays as it is.

        Args:
            crop: (h, w, 3) uint8.
            landmarks: (5, 2) pixels of the crop, where those of the face lie, about.
        """

    def shifted(self, plain: Preparation) -> Preparation | None:
        """See `Shift`."""
        return ShiftedPreparation(
            plain.alignment, plain.detector, plain.template, plain.choose, plain.missing, shift=self
        )


@dataclass(frozen=True, slots=True)
class LowResolution(CropShift):
    """The face as if it had been a few pixels wide, scaled up again.

    Args:
        side: of the face in pixels, at least 4; a face that is smaller stays as it is.

    Raises:
        UsageError: a side below 4.
    """

    side: int = 24

    def __post_init__(self) -> None:
        if self.side < 4:
            raise UsageError(f"must be at least 4, got {self.side}", where="side")

    @property
    def kind(self) -> str:
        """See `Shift`."""
        return "low_resolution"

    @property
    def name(self) -> str:
        """See `Shift`."""
        return f"{self.kind}-{self.side}"

    def apply(self, crop: RGB, landmarks: Points) -> RGB:
        """See `CropShift`."""
        import cv2

        height, width = crop.shape[:2]
        scale = self.side / face_side(landmarks)
        if scale >= 1:
            return crop.copy()
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
        large = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        return np.asarray(large, dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Blurred(CropShift):
    """Out of focus: a Gaussian blur.

    Args:
        deviation: as a share of the face's side, above 0.

    Raises:
        UsageError: the deviation is not above 0.
    """

    deviation: float = 0.03

    def __post_init__(self) -> None:
        if not 0 < self.deviation < float("inf"):
            raise UsageError(f"must be above 0, got {self.deviation}", where="deviation")

    @property
    def kind(self) -> str:
        """See `Shift`."""
        return "blurred"

    @property
    def name(self) -> str:
        """See `Shift`."""
        return f"{self.kind}-{float(self.deviation)!r}"

    def apply(self, crop: RGB, landmarks: Points) -> RGB:
        """See `CropShift`."""
        import cv2

        deviation = self.deviation * face_side(landmarks)
        blurred = cv2.GaussianBlur(crop, (0, 0), deviation, borderType=cv2.BORDER_REPLICATE)
        return np.asarray(blurred, dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Occluded(CropShift):
    """A plain mask over nose, mouth and chin."""

    @property
    def kind(self) -> str:
        """See `Shift`."""
        return "occluded"

    def apply(self, crop: RGB, landmarks: Points) -> RGB:
        """See `CropShift`."""
        import cv2

        covered: Any = crop.copy()
        cv2.fillConvexPoly(covered, _mask(landmarks), _MASK_COLOUR, lineType=cv2.LINE_AA)
        return np.asarray(covered, dtype=np.uint8)


_MASK_COLOUR = (150, 178, 196)
"""The pale blue of a surgical mask."""

# Corners in distances of the eyes, to the right of and below the middle of the eyes: the upper edge
# over the bridge of the nose and the cheeks, the lower one around the chin.
_MASK = np.array(
    [[0, 0.25], [0.85, 0.42], [0.95, 1.1], [0.55, 1.95], [-0.55, 1.95], [-0.95, 1.1], [-0.85, 0.42]]
)


def _mask(landmarks: Points) -> Any:
    """Corners of the mask, (7, 2) whole pixels; it turns with the eyes."""
    eyes = np.asarray(landmarks[:2], dtype=np.float64)
    right = eyes[1] - eyes[0]
    down = np.array([-right[1], right[0]])
    corners = eyes.mean(axis=0) + _MASK @ np.stack([right, down])
    return np.rint(corners).astype(np.int32)


def face_side(landmarks: Points) -> float:
    """The side of the square that ArcFace would cut out around a face, in pixels."""
    return _FACE_IN_EYES * float(np.hypot(*(landmarks[1] - landmarks[0])))


@dataclass(frozen=True)
class ShiftedPreparation(Preparation):
    """A preparation whose crop is changed.

    Args:
        shift: the change.
    """

    shift: CropShift = field(kw_only=True)

    @property
    def plain(self) -> Preparation:
        """The same without the change."""
        return Preparation(self.alignment, self.detector, self.template, self.choose, self.missing)

    @property
    def key(self) -> str:
        """See `Preparation`."""
        return f"{self.plain.key}|shift-{VERSION}|{self.shift.name}"

    def prepare(
        self, image: RGB, stated_landmarks: Points | None = None, *, location: str
    ) -> Prepared:
        """See `Preparation`."""
        # Several shifts of one picture follow each other: its face is looked for once.
        asked = self.plain, None if stated_landmarks is None else stated_landmarks.tobytes()
        last: tuple[RGB, Any, Prepared] | None = getattr(_THREAD, "last", None)
        if last is None or last[0] is not image or last[1] != asked:
            last = image, asked, self.plain.prepare(image, stated_landmarks, location=location)
            _THREAD.last = last
        return self._change(last[2])

    def prepare_all(self, image: RGB, *, location: str) -> list[Prepared]:
        """See `Preparation`."""
        return [self._change(one) for one in self.plain.prepare_all(image, location=location)]

    def _change(self, prepared: Prepared) -> Prepared:
        return replace(prepared, crop=self.shift.apply(prepared.crop, self._landmarks()))

    def _landmarks(self) -> Points:
        """Where the face's landmarks lie in a crop; in a whole picture, if it were centred."""
        template = get_template(self.template)
        if self.alignment == "none":
            return centred_landmarks(template.size)
        usual = template.substitute or template
        return usual.points.astype(np.float32)


SHIFTS: tuple[Shift, ...] = (Unaligned(), LowResolution(), Blurred(), Occluded())
"""The domains that an audit looks at."""
