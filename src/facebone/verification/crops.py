"""Crops: pictures as a backbone sees them, and crops of one backbone shown to another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from facebone.backbones.base import Faces
from facebone.data.faces.align import fit_similarity
from facebone.data.faces.prepare import Preparation
from facebone.data.faces.templates import Template, get_template
from facebone.data.fingerprints import in_threads
from facebone.data.pictures import RGB, Picture
from facebone.progress import ProgressFactory, SilentProgress


def crop_faces(
    pictures: Sequence[Picture],
    preparation: Preparation,
    *,
    progress: ProgressFactory = SilentProgress,
) -> Faces:
    """The crops of n pictures, (n, h, w, 3) uint8.

    Raises:
        PictureError: one cannot be read, or shows no face.
    """

    def crop(picture: Picture) -> RGB:
        source = picture.source
        image = source.decode(source.read())
        return preparation.prepare(image, source.landmarks, location=source.location).crop

    height, width = get_template(preparation.template).size
    found = np.empty((len(pictures), height, width, 3), dtype=np.uint8)
    with progress("cutting out faces", len(pictures)) as bar:
        for i, one in enumerate(in_threads(crop, pictures)):
            found[i] = one
            bar.advance(1)
    return found


def recrop(faces: Faces, made: Preparation, wanted: Preparation) -> Faces:
    """Crops made by one preparation as another would make them, as far as they reach.

    What lies outside the crop is not known and repeats its edge.

    Args:
        faces: (n, h, w, 3).
        made: that made them.
        wanted: of the same alignment.

    Returns:
        (n, h', w', 3), of the other's template.
    """
    import cv2

    first, second = (get_template(each.template) for each in (made, wanted))
    if first.name == second.name:
        return faces
    height, width = second.size
    if wanted.alignment == "none":
        shown = [cv2.resize(face, (width, height)) for face in faces]
    else:
        matrix = fit_similarity(_five_points(first), _five_points(second))
        shown = [
            cv2.warpAffine(face, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
            for face in faces
        ]
    if not shown:
        return np.empty((0, height, width, 3), dtype=np.uint8)
    return np.stack(shown)


def _five_points(template: Template) -> npt.NDArray[np.float64]:
    return (template.substitute or template).points
