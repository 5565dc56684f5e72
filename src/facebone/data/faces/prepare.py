"""From a decoded picture to the crop that a backbone sees."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from facebone.data.faces.align import align, resize_whole
from facebone.data.faces.choose import RULES, choose_face, rank_faces
from facebone.data.faces.detectors import load_detector, resolve_detector
from facebone.data.faces.face import Detector, Face
from facebone.data.faces.templates import Template, get_template
from facebone.data.pictures import RGB, Points
from facebone.errors import NoFaceError, PictureError, UsageError

VERSION = 1
"""Part of every key: to be raised by whoever changes the pixels that come out of here."""

Alignment = Literal["five-point", "none"]
WhenMissing = Literal["error", "centre"]

# Where the landmarks of a face lie in a picture that is centred on it, as shares of the picture's
# side: the median over 963 pictures of LFW, which a Viola-Jones detector has centred.
_CENTRED_LANDMARKS = np.array(
    [[0.4195, 0.4544], [0.5899, 0.4527], [0.5069, 0.5512], [0.4323, 0.6289], [0.5804, 0.6274]]
)

_THREAD = threading.local()


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A crop and how it came about.

    Args:
        crop: (h, w, 3) uint8, of the template's size.
        face: what it shows; None where the whole picture was resized or landmarks were stated.
        guessed: whether no face was found and its place was guessed.
    """

    crop: RGB
    face: Face | None
    guessed: bool = False


@dataclass(frozen=True)
class Preparation:
    """How pictures are prepared. A value: it can be compared, hashed, pickled and sent to workers.

    Args:
        alignment: ``five-point``, or ``none`` to resize the whole picture, a common mistake kept
            for comparison.
        detector: name or path of a detector, as `resolve_detector` gives it; not used by ``none``.
        template: name of the template that the backbone asks for.
        choose: which face counts where there are several: ``centre``, ``largest`` or ``only``.
        missing: what to do about a picture without a face: ``error``, or ``centre`` to cut out
            where the face would be in a picture centred on it.

    Raises:
        UsageError: an option that does not exist.
        UnknownNameError: no such template.
    """

    alignment: str
    detector: str
    template: str
    choose: str = "centre"
    missing: str = "error"

    def __post_init__(self) -> None:
        get_template(self.template)
        for option, value, known in (
            ("alignment", self.alignment, get_args(Alignment)),
            ("choose", self.choose, RULES),
            ("missing", self.missing, get_args(WhenMissing)),
        ):
            if value not in known:
                raise UsageError(f"must be one of {', '.join(known)}, got {value!r}", where=option)

    @property
    def key(self) -> str:
        """Everything that changes the crop, for the key of a store.

        Raises:
            MissingPartError: the detector is not here.
        """
        if self.alignment == "none":
            return f"crop-{VERSION}|none|{self.template}"
        parts = [f"crop-{VERSION}", self.alignment, self.template, self._detector.key]
        if get_template(self.template).scheme == "dlib-five":
            parts.append("dlib-points" if _predictor_here() else "substitute-points")
        return "|".join([*parts, self.choose, self.missing])

    def faces(self, image: RGB) -> list[Face]:
        """All faces in an (h, w, 3) uint8 picture, the one that `prepare` takes first."""
        return rank_faces(self._detector.detect(image), _size(image), self.choose)

    def prepare(
        self, image: RGB, stated_landmarks: Points | None = None, *, location: str
    ) -> Prepared:
        """Cut out the face that counts.

        Args:
            image: (h, w, 3) uint8.
            stated_landmarks: (5, 2) pixels; where the data set knows them nothing is detected.
            location: what an error calls the picture.

        Raises:
            NoFaceError: there is none, and `missing` is ``error``.
            SeveralFacesError: there are several, and `choose` is ``only``.
            PictureError: the landmarks are no face.
            MissingPartError: the detector is not here.
        """
        template = get_template(self.template)
        if self.alignment == "none":
            return Prepared(resize_whole(image, template.size), None)
        if stated_landmarks is not None:
            return Prepared(_cut(image, stated_landmarks, None, template, location), None)
        found = self._detector.detect(image)
        if not found and self.missing == "centre":
            guess = centred_landmarks(_size(image))
            return Prepared(_cut(image, guess, None, template, location), None, guessed=True)
        if not found:
            raise NoFaceError(
                "no face was found",
                where=location,
                hint="use a picture that shows a face clearly, or no alignment (none)",
            )
        face = choose_face(found, _size(image), self.choose, location=location)
        return self._crop(image, face, location)

    def prepare_all(self, image: RGB, *, location: str) -> list[Prepared]:
        """Cut out every face, the one that `prepare` takes first; empty if there is none.

        Args:
            image: (h, w, 3) uint8.
            location: what an error calls the picture.

        Raises:
            MissingPartError: the detector is not here.
        """
        if self.alignment == "none":
            return [self.prepare(image, location=location)]
        return [self._crop(image, face, location) for face in self.faces(image)]

    def _crop(self, image: RGB, face: Face, location: str) -> Prepared:
        template = get_template(self.template)
        crop = _cut(image, face.landmarks, face.dlib_landmarks, template, location)
        return Prepared(crop, face)

    @property
    def _detector(self) -> Detector:
        """The detector of this thread: detectors keep state while they work."""
        mine: dict[str, Detector] = _THREAD.__dict__.setdefault("detectors", {})
        if self.detector not in mine:
            mine[self.detector] = load_detector(self.detector)
        return mine[self.detector]


def plan_preparation(
    template: str,
    *,
    alignment: str = "five-point",
    detector: str = "auto",
    choose: str = "centre",
    missing: str = "error",
) -> Preparation:
    """A preparation with its detector resolved; see `Preparation` and `resolve_detector`.

    Raises:
        UsageError: an option that does not exist, or a detector that is not here.
    """
    resolved = "none" if alignment == "none" else resolve_detector(detector, template)
    return Preparation(alignment, resolved, template, choose, missing)


def centred_landmarks(image_size: tuple[int, int]) -> Points:
    """Where the landmarks (5, 2) would be if a (height, width) picture were centred on a face."""
    height, width = image_size
    side = min(height, width)
    corner = np.array([(width - side) / 2, (height - side) / 2])
    return np.asarray(corner + _CENTRED_LANDMARKS * side - 0.5, dtype=np.float32)


def _cut(
    image: RGB,
    landmarks: Points,
    dlib_landmarks: Points | None,
    template: Template,
    location: str,
) -> RGB:
    try:
        if template.scheme == "five-point":
            return align(image, landmarks, template)
        if dlib_landmarks is None:
            dlib_landmarks = _dlib_landmarks(image, landmarks)
        if dlib_landmarks is not None:
            return align(image, dlib_landmarks, template)
        return align(image, landmarks, template.substitute or template)
    except PictureError as error:
        if error.where == location:
            raise
        raise PictureError(error.what, where=location, hint="correct or remove them") from error


def _dlib_landmarks(image: RGB, landmarks: npt.ArrayLike) -> Points | None:
    """What dlib's predictor makes of a face whose usual five are known, if dlib is here."""
    if not _predictor_here():
        return None
    from facebone.data.faces.dlib_detector import box_around, predict_dlib_landmarks

    return predict_dlib_landmarks(image, box_around(landmarks))


def _predictor_here() -> bool:
    from facebone.data.faces.dlib_detector import dlib_installed

    return dlib_installed()


def _size(image: RGB) -> tuple[int, int]:
    return image.shape[0], image.shape[1]
