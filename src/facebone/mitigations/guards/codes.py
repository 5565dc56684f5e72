"""Codes by which a guard knows pictures again, and random numbers that belong to pairs."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from facebone.mitigations.multi_backbone.query import CODE_BITS
from facebone.verification.embedded_pairs import EmbeddedPairs, Matrix

Floats = npt.NDArray[np.float64]


class Planes:
    """Secret planes through the mean of pictures; on which sides one lies is its code.

    Two pictures whose embeddings, less the mean, stand at an angle of w differ in about w / pi of
    the bits, whichever key drew the planes.

    Args:
        key: 32 bytes.
        label: of the use, so that another use of the same key has other planes.
        centre: (D,) mean of the embeddings of all backbones side by side, so that planes halve the
            pictures.
        bits: number of planes.

    References:
        M. Charikar, "Similarity Estimation Techniques from Rounding Algorithms", STOC 2002.
    """

    def __init__(self, key: bytes, label: bytes, centre: Floats, *, bits: int) -> None:
        self._centre = centre
        # Normals of +1 and -1 straight from a digest of the key: no generator that could change
        # between versions stands between a saved key and its planes.
        seed = hmac.digest(key, b"guard planes, " + label, "sha256")
        drawn = hashlib.shake_256(seed).digest(bits * len(centre))
        odd = np.frombuffer(drawn, dtype=np.uint8) & 1
        self._normals = odd.reshape(bits, len(centre)) * 2.0 - 1.0

    def sides(self, matrices: Sequence[Matrix], *, quick: bool = False) -> npt.NDArray[np.bool_]:
        """On which side of each plane n pictures lie, (n, bits).

        Args:
            matrices: K matrices (n, d_k) float32.
            quick: several times as fast; a picture that lies in a plane but for rounding may be
                told otherwise where others are asked about beside it.
        """
        height = np.zeros((len(matrices[0]), len(self._normals)))
        begin = 0
        for rows in matrices:
            part = slice(begin, begin := begin + rows.shape[1])
            moved = rows.astype(np.float64) - self._centre[part]
            normals = self._normals[:, part]
            # einsum adds up each row alike, wherever it stands; a blocked product promises no such.
            height += moved @ normals.T if quick else np.einsum("nd,bd->nb", moved, normals)
        return height >= 0


class PairNumbers:
    """Numbers that look random and belong to pairs: who asks again meets the same.

    Each picture's code has `CODE_BITS` bits. The codes of both pictures, sorted, make the numbers
    by HMAC-SHA256, so (A, B) and (B, A) have the same, and so have pictures that were changed too
    little to cross a plane. Pairs that are not alike have the same at times, too.

    Args:
        key: 32 bytes.
        label: of the use.
        centre: see `Planes`.
    """

    def __init__(self, key: bytes, label: bytes, centre: Floats) -> None:
        self._key, self._label = key, b"guard pair, " + label
        self._planes = Planes(key, label, centre, bits=CODE_BITS)

    def draw(self, pairs: EmbeddedPairs, count: int, *, way: int | None = None) -> Floats:
        """Numbers of n pairs, uniform between 0 and 1, both left out, (n, count).

        Args:
            pairs: n pairs.
            count: of numbers a pair, 1 .. 4.
            way: see `Guard.show`.
        """
        codes = np.stack([self._code(pairs.left), self._code(pairs.right)], axis=1)
        distinct, place = np.unique(np.sort(codes, axis=1), axis=0, return_inverse=True)
        asked = b"" if way is None else b" way %d" % way
        digests = b"".join(
            hmac.digest(self._key, self._label + row.tobytes() + asked, "sha256")
            for row in distinct
        )
        words = np.frombuffer(digests, dtype=">u8").reshape(len(distinct), -1)[:, :count]
        # The first 52 bits and a half: a float64 holds them exactly, and they are neither 0 nor 1.
        drawn: Floats = ((words >> np.uint64(12)).astype(np.float64) + 0.5) / 2.0**52
        return drawn[place.reshape(-1)]

    def _code(self, matrices: Sequence[Matrix]) -> npt.NDArray[np.uint8]:
        return np.packbits(self._planes.sides(matrices), axis=1)[:, 0]
