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
from facebone.scale.executor import Executor

HASH_BITS = 64
THUMBNAIL = 64
"""Width and height of a thumbnail."""

Hash = npt.NDArray[np.bool_]
Thumbnail = npt.NDArray[np.uint8]

_DIGEST_BYTES = 16
_BLOCK = 2048
_IN_A_JOB = 512
"""Pictures: a second or two."""

_Look = tuple[bytes, tuple[Hash, Thumbnail] | None]
"""Digest of a picture's bytes, and what they look like."""

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
            self.keep(digest, _look(picture, content))

    def keep(self, digest: bytes, found: tuple[Hash, Thumbnail] | None) -> None:
        """Hash and thumbnail of bytes, or None if they could not be decoded."""
        self._kept[digest] = found

    def get(self, digest: bytes) -> tuple[Hash, Thumbnail] | None:
        """Hash and thumbnail of a picture met before, or None if it could not be decoded."""
        return self._kept[digest]


def fingerprint_pictures(
    pictures: Sequence[Picture],
    *,
    pixels: bool = True,
    cache: FingerprintCache | None = None,
    executor: Executor | None = None,
) -> Fingerprints:
    """Fingerprints of pictures.

    Args:
        pictures: n pictures.
        pixels: whether to decode them; without it there are only digests.
        cache: pictures met before are not decoded again.
        executor: reads and decodes them, some in a job; threads of this process by default. A
            picture that crashes whatever process decodes it counts as one that cannot be decoded.

    Raises:
        DecodeError: a picture's bytes cannot be read. Bytes that cannot be decoded are no error:
            nothing can be trained on such a picture either.
    """
    keep = cache if cache is not None else FingerprintCache()

    if executor is not None and pixels:
        digests = _in_jobs(pictures, keep, executor)
    else:
        digests = _in_this_process(pictures, keep, pixels=pixels)
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


def _in_this_process(
    pictures: Sequence[Picture], keep: FingerprintCache, *, pixels: bool
) -> tuple[bytes, ...]:
    """Digests of pictures, whose looks are kept."""

    def visit(picture: Picture) -> bytes:
        content, digest = _read(picture)
        if pixels:
            keep.find_or_make(picture, content, digest)
        return digest

    return tuple(in_threads(visit, pictures))


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some pictures in a row, and where the first of them stands."""

    first: int
    pictures: tuple[Picture, ...]


def _in_jobs(
    pictures: Sequence[Picture], keep: FingerprintCache, executor: Executor
) -> tuple[bytes, ...]:
    """The same, by an executor's jobs."""
    digests = [b""] * len(pictures)

    def on_result(piece: _Piece, looks: list[_Look]) -> Iterable[_Piece]:
        for row, (digest, found) in enumerate(looks, start=piece.first):
            digests[row] = digest
            keep.keep(digest, found)
        return ()

    def on_lost(piece: _Piece) -> Iterable[_Piece]:
        if len(piece.pictures) > 1:
            return [_Piece(piece.first + i, (picture,)) for i, picture in enumerate(piece.pictures)]
        _, digests[piece.first] = _read(piece.pictures[0])
        keep.keep(digests[piece.first], None)
        return ()

    pieces = (
        _Piece(first, tuple(pictures[first : first + _IN_A_JOB]))
        for first in range(0, len(pictures), _IN_A_JOB)
    )
    executor.run(_look_at, pieces, on_result=on_result, on_lost=on_lost)
    return tuple(digests)


def _look_at(piece: _Piece) -> list[_Look]:
    """What a job does."""
    found = []
    for picture in piece.pictures:
        content, digest = _read(picture)
        found.append((digest, _look(picture, content)))
    return found


def _read(picture: Picture) -> tuple[bytes, bytes]:
    """A picture's bytes, and their digest."""
    content = picture.source.read()
    return content, hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()


def _look(picture: Picture, content: bytes) -> tuple[Hash, Thumbnail] | None:
    """Hash and thumbnail, or None where the bytes cannot be decoded."""
    try:
        return hash_and_thumbnail(picture.source.decode(content))
    except DecodeError:
        return None


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
