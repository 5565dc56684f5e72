"""How alike two pictures look: distances of hashes, correlations of thumbnails."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from facebone.data.fingerprints import HASH_BITS, THUMBNAIL, Hash, Thumbnail

# The map may move what lies at the border by an eighth of the picture, and stretch by a fifth.
_MARGIN = THUMBNAIL // 8
_MAX_STRETCH = 0.2
_ITERATIONS = 8
# Deviation, in pixels of a thumbnail, of the blur that is taken away: silhouettes, light from one
# side and backgrounds are alike on many pictures; what is finer is not.
_SLOW = 4.0


def hash_distances(left: Hash, right: Hash) -> npt.NDArray[np.float32]:
    """In how many bits each of (n, 64) hashes differs from each of (m, 64), as (n, m)."""
    # With bits as -1 and +1 the inner product is 64 minus twice the distance, and a matrix
    # product is the quickest way to have them all; small integers are exact in float32.
    a, b = (side.astype(np.float32) * 2 - 1 for side in (left, right))
    distances: npt.NDArray[np.float32] = np.float32(0.5) * (HASH_BITS - a @ b.T)
    return distances


def unit_rows(thumbnails: Thumbnail) -> npt.NDArray[np.float32]:
    """Thumbnails (n, 64, 64) at half size as (n, 1024) rows of mean 0 and length 1.

    Their inner products are correlations. A blank thumbnail is a row of zeros.
    """
    half = THUMBNAIL // 2
    small = thumbnails.reshape(-1, half, 2, half, 2).mean(axis=(2, 4), dtype=np.float32)
    rows = small.reshape(len(small), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: npt.NDArray[np.float32] = rows / np.maximum(lengths, np.float32(1e-6))
    return unit


def detail_correlation(first: Thumbnail, second: Thumbnail) -> float:
    """Correlation of the details of two thumbnails, the middle of the first laid on the second.

    Args:
        first: (64, 64).
        second: (64, 64).

    Returns:
        Between -1 and 1; -1 where no map within bounds was found, as for blank pictures.

    References:
        Georgios D. Evangelidis and Emmanouil Z. Psarakis, "Parametric Image Alignment Using
        Enhanced Correlation Coefficient Maximization", 2008.
    """
    import cv2

    inside = slice(_MARGIN, -_MARGIN)
    middle = np.ascontiguousarray(first[inside, inside])
    start = np.array([[1, 0, _MARGIN], [0, 1, _MARGIN]], dtype=np.float32)
    everywhere = np.full_like(second, 255)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _ITERATIONS, 1e-4)
    try:
        _, place = cv2.findTransformECC(
            middle, second, start, cv2.MOTION_AFFINE, stop, everywhere, 3
        )
    except cv2.error:  # it diverged
        return -1.0
    if not np.abs(place[:, :2] - np.eye(2)).max() <= _MAX_STRETCH:
        return -1.0
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = middle.shape[::-1]
    covered = cv2.warpAffine(everywhere, place, size, flags=how) == 255
    a = _detail(first)[inside, inside][covered]
    b = cv2.warpAffine(_detail(second), place, size, flags=how)[covered]
    if len(a) < middle.size // 2:
        return -1.0
    a, b = a - a.mean(), b - b.mean()
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / lengths if lengths > 0 else -1.0


def _detail(thumbnail: Thumbnail) -> npt.NDArray[np.float32]:
    import cv2

    grey = thumbnail.astype(np.float32)
    detail: npt.NDArray[np.float32] = grey - cv2.GaussianBlur(grey, (0, 0), _SLOW)
    return detail
