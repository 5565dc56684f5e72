"""Where the landmarks of a face lie in the crop that a backbone was trained on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from facebone.errors import UnknownNameError

Scheme = Literal["five-point", "dlib-five"]


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A crop and the landmarks in it.

    Args:
        name: such as ``arcface-112x112``, height first.
        size: (height, width) of the crop in pixels.
        points: (5, 2) float64, x then y, where the landmarks of `scheme` belong; whole numbers are
            centres of pixels.
        scheme: which five landmarks: ``five-point`` in the order of
            `facebone.data.pictures.Points`, ``dlib-five`` in dlib's own.
        substitute: for ``dlib-five``: the same crop by the usual five points, less exact.
    """

    name: str
    size: tuple[int, int]
    points: npt.NDArray[np.float64]
    scheme: Scheme = "five-point"
    substitute: Template | None = None


# The reference points of ArcFace (Deng, Guo, Xue, Zafeiriou: ArcFace, 2019), as InsightFace
# publishes them for 112x112.
ARCFACE = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)

# The mean face of dlib's five-point chips as shares of the unpadded chip (King: Dlib-ml, 2009).
_DLIB_MEAN_FACE = np.array(
    [
        [0.8595674595992, 0.2134981538014],
        [0.6460604764104, 0.2289674387677],
        [0.1205750620789, 0.2137274526848],
        [0.3340850613712, 0.2290642403242],
        [0.4901123135679, 0.6277975316475],
    ]
)
_DLIB_PADDING = 0.25

# Where YuNet's five points lie in dlib's chips of 150 pixels: the median over 963 pictures of LFW.
_FIVE_POINTS_IN_DLIB_CHIP = np.array(
    [[46.31, 45.44], [101.83, 45.72], [74.09, 78.03], [49.62, 103.02], [98.20, 103.23]]
)

_NAME = re.compile(r"(arcface|dlib)-([1-9]\d{1,3})x([1-9]\d{1,3})")
_EXAMPLES = ("arcface-112x112", "arcface-112x96", "dlib-150x150")


@lru_cache(maxsize=64)
def get_template(name: str) -> Template:
    """The template called `name`.

    ``arcface-HxW`` is known for squares and for H:W = 7:6, the narrower crop of SphereFace and
    CosFace; ``dlib-HxH`` for squares. Others are scaled from 112 and 150.

    Raises:
        UnknownNameError: there is no such template.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise UnknownNameError("alignment template", name, _EXAMPLES)
    family, height, width = match[1], int(match[2]), int(match[3])
    if family == "dlib" and height == width:
        return _dlib(name, height)
    if family == "arcface" and height == width:
        return Template(name, (height, width), ARCFACE * (height / 112))
    if family == "arcface" and height * 6 == width * 7:
        return Template(name, (height, width), (ARCFACE - [8, 0]) * (height / 112))
    raise UnknownNameError("alignment template", name, _EXAMPLES)


def _dlib(name: str, side: int) -> Template:
    # dlib pads the unit square on each side and scales it to the chip. It counts from the corner
    # of the first pixel, OpenCV from its centre, half a pixel further.
    share = (_DLIB_MEAN_FACE + _DLIB_PADDING) / (1 + 2 * _DLIB_PADDING)
    substitute = Template(
        f"{name}/five-point", (side, side), (_FIVE_POINTS_IN_DLIB_CHIP + 0.5) * (side / 150) - 0.5
    )
    return Template(name, (side, side), share * side - 0.5, "dlib-five", substitute)
