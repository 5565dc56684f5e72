"""Alignment: the similarity that puts five landmarks where a template wants them, and its warp."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.data.faces.templates import Template
from facebone.data.pictures import RGB
from facebone.errors import PictureError

Matrix = npt.NDArray[np.float64]

_SMALLEST_SCALE = 1e-4
"""Less means that the landmarks are nonsense, not that the face is larger than any picture."""

_FARTHEST = 1e6
"""Coordinates of landmarks in pixels are smaller, inside a picture or beside it."""


def fit_similarity(source: npt.ArrayLike, target: npt.ArrayLike) -> Matrix:
    """The rotation, scale and shift that bring points closest to others in the mean square.

    Args:
        source: (n, 2) points, at least two of them different.
        target: (n, 2) points.

    Returns:
        (2, 3) float64 matrix M; M[:, :2] @ p + M[:, 2] is where p goes. Never a reflection.

    Raises:
        PictureError: points that are beyond any picture, not numbers, or coincide.

    References:
        Umeyama: Least-squares estimation of transformation parameters between two point patterns,
        1991; in two dimensions it has the closed form below.
    """
    src, dst = np.asarray(source, dtype=np.float64), np.asarray(target, dtype=np.float64)
    # Not a number compares false, too.
    if not ((np.abs(src) < _FARTHEST).all() and (np.abs(dst) < _FARTHEST).all()):
        raise PictureError("the landmarks are not in any picture", where="landmarks")
    # With points as complex numbers z and w a similarity is z -> a z + b. For given a the best b
    # takes mean to mean, so let both be centred: sum |a z - w|^2 is then least where its
    # derivative by conj(a), sum conj(z) (a z - w), is zero: a = sum conj(z) w / sum |z|^2.
    z, w = src @ [1, 1j], dst @ [1, 1j]
    z_mean, w_mean = z.mean(), w.mean()
    z = z - z_mean
    spread = np.vdot(z, z).real
    if spread < 1e-12 * len(z):
        raise PictureError("the landmarks coincide", where="landmarks")
    a = np.vdot(z, w - w_mean) / spread
    b = w_mean - a * z_mean
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def fit_robustly(source: npt.ArrayLike, target: npt.ArrayLike) -> Matrix:
    """The similarity that suits most points, at the expense of any that do not fit.

    A head that is turned moves the nose against eyes and mouth, which no similarity can follow;
    the least squares would let that one point tilt and shrink the crop.

    Args:
        source: (n, 2) points, at least two of them different.
        target: (n, 2) points.

    Returns:
        (2, 3) float64, as of `fit_similarity`. The same points always give the same matrix.

    Raises:
        PictureError: points that are beyond any picture, not numbers, coincide, or do not
            resemble the target.

    References:
        Rousseeuw: Least median of squares regression, 1984.
    """
    import cv2

    rough = fit_similarity(source, target)
    if np.hypot(rough[0, 0], rough[1, 0]) < _SMALLEST_SCALE:
        raise PictureError("the landmarks do not form a face", where="landmarks")
    # OpenCV draws its pairs of points by a fixed sequence and counts in single precision. Close
    # to the target it sees the same numbers wherever, and however large, the face is.
    near = apply_similarity(rough, source)
    fine: Any = cv2.estimateAffinePartial2D(
        near, np.asarray(target, dtype=np.float64), method=cv2.LMEDS
    )[0]  # None where it finds nothing
    if fine is None or not np.hypot(fine[0, 0], fine[1, 0]) > _SMALLEST_SCALE:
        return rough
    return np.hstack(
        [fine[:, :2] @ rough[:, :2], (fine[:, :2] @ rough[:, 2] + fine[:, 2])[:, None]]
    )


def invert_similarity(matrix: Matrix) -> Matrix:
    """The way back of a (2, 3) similarity.

    Raises:
        PictureError: it shrinks everything to a point.
    """
    a = complex(matrix[0, 0], matrix[1, 0])
    if abs(a) < _SMALLEST_SCALE:
        raise PictureError("the landmarks do not form a face", where="landmarks")
    b = complex(matrix[0, 2], matrix[1, 2])
    # w = a z + b  =>  z = w / a - b / a
    c, d = 1 / a, -b / a
    return np.array([[c.real, -c.imag, d.real], [c.imag, c.real, d.imag]])


def apply_similarity(matrix: Matrix, points: npt.ArrayLike) -> Matrix:
    """Where (n, 2) points go."""
    moved: Matrix = np.asarray(points, dtype=np.float64) @ matrix[:, :2].T + matrix[:, 2]
    return moved


def alignment_matrix(landmarks: npt.ArrayLike, template: Template) -> Matrix:
    """The (2, 3) similarity from a picture's pixels to the template's.

    Raises:
        PictureError: the landmarks are no face.
    """
    if template.scheme == "dlib-five":
        # dlib fits the way from its chip to the picture. As landmarks never fit exactly, that is
        # not the way back of the other fit: it crops a little tighter.
        return invert_similarity(fit_similarity(template.points, landmarks))
    return fit_robustly(landmarks, template.points)


def align(image: RGB, landmarks: npt.ArrayLike, template: Template) -> RGB:
    """Cut a face out so that its landmarks lie where the template wants them.

    Args:
        image: (h, w, 3) uint8.
        landmarks: (5, 2) pixels, of the template's scheme.
        template: size and points of the crop.

    Returns:
        (template height, template width, 3) uint8; what lies outside the picture is black.

    Raises:
        PictureError: the landmarks are no face.
    """
    import cv2

    matrix = alignment_matrix(landmarks, template)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    height, width = template.size
    # A bilinear warp looks at 2x2 pixels; from half size downwards it would skip some, and fine
    # patterns would turn into coarse ones. Averaging whole blocks first leaves it 0.5 at most.
    if scale <= 0.5:
        image, matrix = _shrink(image, matrix, int(1 / scale), (height, width))
    return np.asarray(cv2.warpAffine(image, matrix, (width, height)), dtype=np.uint8)


def _shrink(image: RGB, matrix: Matrix, factor: int, size: tuple[int, int]) -> tuple[RGB, Matrix]:
    """Average blocks of factor x factor pixels of the part of a picture that a warp will see."""
    import cv2

    height, width = size
    corners = [(-1, -1), (width, -1), (-1, height), (width, height)]
    seen = apply_similarity(invert_similarity(matrix), corners)
    limit = np.array(image.shape[1::-1])
    low = np.clip(np.floor(seen.min(axis=0)) - factor, 0, limit).astype(int)
    high = np.clip(np.ceil(seen.max(axis=0)) + factor, 0, limit).astype(int)
    # Whole blocks only. The last pixels of a picture that do not fill one are repeated to do so.
    left, top = low
    part = image[top : high[1], left : high[0]]
    if part.size == 0:
        return np.zeros((1, 1, 3), dtype=np.uint8), matrix
    pad_y, pad_x = -part.shape[0] % factor, -part.shape[1] % factor
    whole = cv2.copyMakeBorder(part, 0, pad_y, 0, pad_x, cv2.BORDER_REPLICATE)
    blocks = (whole.shape[1] // factor, whole.shape[0] // factor)
    small = cv2.resize(whole, blocks, interpolation=cv2.INTER_AREA)
    # The centre u of a small pixel lies at factor (u + 1/2) - 1/2 + offset of the picture.
    shift = factor / 2 - 0.5 + np.array([left, top])
    shrunk = np.hstack([matrix[:, :2] * factor, (apply_similarity(matrix, shift[None]).T)])
    return np.asarray(small, dtype=np.uint8), shrunk


def resize_whole(image: RGB, size: tuple[int, int]) -> RGB:
    """The whole picture in (height, width) pixels, bilinear, its proportions given up.

    This is what is done where a network is asked without alignment; it repeats a common mistake.
    """
    import cv2

    height, width = size
    return np.asarray(cv2.resize(image, (width, height)), dtype=np.uint8)
