"""What two copies of a picture have in common: digests of bytes, perceptual hashes, thumbnails."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from facebone.data.pictures import RGB, Picture
from facebone.errors import DecodeError
from facebone.scale.cores import available_cores

HASH_BITS = 64
THUMBNAIL = 64
"""Width and height of a thumbnail."""

Hash = npt.NDArray[np.bool_]
Thumbnail = npt.NDArray[np.uint8]

_DIGEST_BYTES = 16
_BLOCK = 2048

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprints:
    """Fingerprints of n pictures: 4.2 kB each.

    Args:
        digests: n digests of the pictures' bytes.
        decoded: (n,) bool, false where the bytes could not be decoded; such a picture has no hash
            and no thumbnail, the rows are zero.
        hashes: (n, 64) bool, perceptual hashes.
        thumbnails: (n, 64, 64) uint8, grey.
    """

    digests: tuple[bytes, ...]
    decoded: npt.NDArray[np.bool_]
    hashes: npt.NDArray[np.bool_]
    thumbnails: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.digests)


class FingerprintCache:
    """Keeps what was decoded once, by the digest of the picture's bytes."""

    def __init__(self) -> None:
        self._kept: dict[bytes, tuple[Hash, Thumbnail] | None] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def find_or_make(self, picture: Picture, content: bytes, digest: bytes) -> None:
        """Decode the picture unless its bytes were met before."""
        if digest not in self._kept:
            try:
                self._kept[digest] = hash_and_thumbnail(picture.source.decode(content))
            except DecodeError:
                self._kept[digest] = None

    def get(self, digest: bytes) -> tuple[Hash, Thumbnail] | None:
        """Hash and thumbnail of a picture met before, or None if it could not be decoded."""
        return self._kept[digest]


def fingerprint_pictures(
    pictures: Sequence[Picture],
    *,
    pixels: bool = True,
    cache: FingerprintCache | None = None,
) -> Fingerprints:
    """Fingerprints of pictures.

    Args:
        pictures: n pictures.
        pixels: whether to decode them; without it there are only digests.
        cache: pictures met before are not decoded again.

    Raises:
        DecodeError: a picture's bytes cannot be read. Bytes that cannot be decoded are no error:
            nothing can be trained on such a picture either.
    """
    keep = cache if cache is not None else FingerprintCache()

    def visit(picture: Picture) -> bytes:
        content = picture.source.read()
        digest = hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()
        if pixels:
            keep.find_or_make(picture, content, digest)
        return digest

    digests = tuple(in_threads(visit, pictures))
    count = len(digests) if pixels else 0
    decoded = np.zeros(len(digests), dtype=np.bool_)
    hashes = np.zeros((count, HASH_BITS), dtype=np.bool_)
    thumbnails = np.zeros((count, THUMBNAIL, THUMBNAIL), dtype=np.uint8)
    for row, digest in enumerate(digests[:count]):
        found = keep.get(digest)
        if found is not None:
            decoded[row] = True
            hashes[row], thumbnails[row] = found
    return Fingerprints(digests, decoded, hashes, thumbnails)


def hash_and_thumbnail(image: RGB) -> tuple[Hash, Thumbnail]:
    """The perceptual hash (64,) and grey thumbnail (64, 64) of an (h, w, 3) picture.

    The hash is the signs of the 64 slowest waves but the constant one in the cosine transform of a
    32x32 thumbnail, against their median.

    References:
        Christoph Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions",
        2010.
    """
    import cv2

    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    thumbnail = cv2.resize(grey, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    small = cv2.resize(thumbnail, (32, 32), interpolation=cv2.INTER_AREA)
    waves = cv2.dct(small.astype(np.float32))[_SLOWEST]
    return np.asarray(waves > np.median(waves)), np.asarray(thumbnail, dtype=np.uint8)


def in_threads(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Map in threads, in order, with a bounded number of calls under way."""
    source = iter(items)
    with ThreadPoolExecutor(min(8, available_cores()), "fingerprint") as pool:
        while block := list(islice(source, _BLOCK)):
            yield from pool.map(function, block)


def _slowest_waves() -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    waves = sorted((i * i + j * j, i, j) for i in range(32) for j in range(32))[1 : HASH_BITS + 1]
    _, rows, columns = np.array(waves, dtype=np.intp).T
    return rows, columns


_SLOWEST = _slowest_waves()
