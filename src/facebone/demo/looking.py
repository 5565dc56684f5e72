"""Looking at a picture: decode it safely, find every face, cut each out for every backbone.

Nothing is written or logged here. What comes back keeps no more of a picture than is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from facebone.backbones.base import Embeddings
from facebone.data.faces.decode import decode_bytes
from facebone.data.faces.face import Face
from facebone.data.faces.prepare import Preparation, Prepared
from facebone.data.pictures import RGB, Picture, Points
from facebone.errors import DecodeError, PictureError
from facebone.verification.routes import Route

MAX_BYTES = 20 * 2**20
"""Largest file that is taken: above what phones write."""

MAX_PIXELS = 50_000_000
"""Largest width times height: above what phones write, and a tenth of a gigabyte when decoded."""

MOST_FACES = 12
"""Faces of a picture that can be chosen from, those nearest its middle."""

SHOWN_SIDE = 900
"""Longest side in pixels of the picture that is kept to be shown."""

_AT_ONCE = 2
"""Pictures that are looked at at the same time, whoever asks: what bounds the memory."""


@dataclass(frozen=True, slots=True, eq=False)
class SeenFace:
    """One face of a picture.

    Args:
        box: x, y, width, height in pixels of the shown picture.
        landmarks: (5, 2) in pixels of the shown picture.
        crops: (h, w, 3) as each route wants it; None where a route's own detector does not find
            this face.
    """

    box: tuple[float, float, float, float]
    landmarks: Points
    crops: tuple[RGB | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What was seen of a picture.

    Args:
        image: the picture, made small enough to be shown.
        faces: the one nearest the middle first; none where none was found.
    """

    image: RGB
    faces: tuple[SeenFace, ...]


class Eyes:
    """Looks at pictures with the detectors and templates of some routes.

    May be asked from any thread. Detectors are kept by the few threads that do the looking, so that
    there are as many of them with a hundred visitors as with one.

    Args:
        routes: at least one.
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = tuple(routes)
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="eyes")

    def look(self, content: bytes, *, location: str) -> Look:
        """Look at the bytes of a file that nobody vouches for.

        Args:
            content: of the file.
            location: what an error calls the picture.

        Raises:
            DecodeError: it is too large, no picture, or a damaged one.
        """
        if len(content) > MAX_BYTES:
            raise DecodeError(
                f"the file is larger than {MAX_BYTES // 2**20} MiB",
                where=location,
                hint="scale the picture down",
            )
        if not content:
            raise DecodeError("the file is empty", where=location)
        return self._threads.submit(self._look, content, location).result()

    def look_at(self, picture: Picture) -> Look:
        """Look at a picture of a data set.

        Raises:
            DecodeError: it cannot be read.
        """
        return self._threads.submit(self._look_at, picture).result()

    def embed(self, face: SeenFace) -> list[Embeddings | None]:
        """A face under each route, (1, d) each; None where the route did not find it."""
        return [
            None if crop is None else route.backbone.embed(crop[None])
            for route, crop in zip(self.routes, face.crops, strict=True)
        ]

    def _look(self, content: bytes, location: str) -> Look:
        image = decode_bytes(content, location=location, max_pixels=MAX_PIXELS)
        return self._see(image, None, location)

    def _look_at(self, picture: Picture) -> Look:
        source = picture.source
        return self._see(source.decode(source.read()), source.landmarks, source.location)

    def _see(self, image: RGB, stated: Points | None, location: str) -> Look:
        """All faces; those of a data set that says where its face is are not looked for."""
        found: dict[Preparation, list[Prepared]] = {}
        for route in self.routes:
            preparation = route.preparation
            if preparation not in found:
                found[preparation] = _prepare(preparation, image, stated, location)
        first = found[self.routes[0].preparation]
        shown, scale = _shrunk(image)
        faces = []
        for prepared in first[:MOST_FACES]:
            face = prepared.face or _stated_face(image, stated)
            crops = [_same_face(found[route.preparation], prepared) for route in self.routes]
            box = tuple(scale * side for side in face.box)
            faces.append(
                SeenFace(
                    (box[0], box[1], box[2], box[3]),
                    face.landmarks * np.float32(scale),
                    tuple(crops),
                )
            )
        return Look(shown, tuple(faces))


def _prepare(
    preparation: Preparation, image: RGB, stated: Points | None, location: str
) -> list[Prepared]:
    """Every face that can be cut out; a damaged one is left out, as if it were not there."""
    try:
        if stated is not None and preparation.alignment != "none":
            return [preparation.prepare(image, stated, location=location)]
        return preparation.prepare_all(image, location=location)
    except DecodeError:
        raise
    except PictureError:
        return []


def _same_face(found: Sequence[Prepared], wanted: Prepared) -> RGB | None:
    """The crop of the face that another preparation found where `wanted` is, if it did."""
    if wanted.face is None:
        return found[0].crop if found else None
    x, y, width, height = wanted.face.box
    middle = np.array([x + width / 2, y + height / 2])
    for prepared in found:
        if prepared.face is None:
            return prepared.crop
        a, b, w, h = prepared.face.box
        if np.hypot(*(middle - [a + w / 2, b + h / 2])) < max(width, height) / 2:
            return prepared.crop
    return None


def _stated_face(image: RGB, stated: Points | None) -> Face:
    """The face of a picture whose landmarks the data set states, or the whole picture."""
    height, width = image.shape[:2]
    if stated is None:
        nowhere = np.full((5, 2), np.nan, dtype=np.float32)
        return Face((0.0, 0.0, float(width), float(height)), 1.0, nowhere)
    low, high = stated.min(axis=0), stated.max(axis=0)
    # Eyes and mouth span about half of a face in either direction.
    middle, reach = (low + high) / 2, 1.05 * float((high - low).max())
    x, y = (float(value) for value in middle - reach)
    return Face((x, y, 2 * reach, 2 * reach), 1.0, stated)


def _shrunk(image: RGB) -> tuple[RGB, float]:
    """A picture with no side longer than `SHOWN_SIDE`, and its scale."""
    import cv2

    height, width = image.shape[:2]
    scale = min(1.0, SHOWN_SIDE / max(height, width))
    if scale == 1.0:
        return image, scale
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8), scale
