"""How a verifier that was trained by rotation answers: through which of its backbones."""

from __future__ import annotations

import hashlib
import hmac
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from facebone.verification.embedded_pairs import EmbeddedPairs, Matrix
from facebone.verification.heads.base import Scores

Through = Callable[[EmbeddedPairs, int], Scores]
"""Log odds of pairs, seen through one backbone."""
Chosen = npt.NDArray[np.intp]

CODE_BITS = 8
"""Bits of a picture's code. With 8, noise of a thousandth in each of 128 numbers left the backbone
of 95 % of LFW's pairs as it was (with 16: 90 %), and each of three backbones answered for 31 % to
36 % of them (with 4: 28 % to 41 %)."""


class QueryPolicy(ABC):
    """Answers through one or several of K backbones.

    Args:
        backbones: their number K.
    """

    summary: ClassVar[str]
    """Who answers, in a few words for people."""
    varies: ClassVar[bool] = False
    """Whether the same question may get another answer the next time."""

    def __init__(self, backbones: int) -> None:
        self.backbones = backbones

    @abstractmethod
    def answer(self, pairs: EmbeddedPairs, through: Through) -> Scores:
        """Log odds of n pairs, (n,)."""


class Mean(QueryPolicy):
    """The mean of the K log odds."""

    summary = "the mean of all answers"

    def answer(self, pairs: EmbeddedPairs, through: Through) -> Scores:
        """Log odds of n pairs, (n,)."""
        mean: Scores = np.mean([through(pairs, k) for k in range(self.backbones)], axis=0)
        return mean


class OneAnswers(QueryPolicy):
    """A policy under which one backbone answers for a pair."""

    def answer(self, pairs: EmbeddedPairs, through: Through) -> Scores:
        """Log odds of n pairs, (n,)."""
        chosen = self.choose(pairs)
        logit = np.empty(len(pairs))
        for backbone in np.unique(chosen):
            rows = chosen == backbone
            logit[rows] = through(pairs.take(rows), int(backbone))
        return logit

    @abstractmethod
    def choose(self, pairs: EmbeddedPairs) -> Chosen:
        """The backbone that answers for each of n pairs, (n,)."""


class Fixed(OneAnswers):
    """Always the same backbone."""

    summary = "one backbone answers"

    def __init__(self, backbones: int, *, answering: int) -> None:
        super().__init__(backbones)
        self.answering = answering

    def choose(self, pairs: EmbeddedPairs) -> Chosen:
        """That backbone, (n,)."""
        return np.full(len(pairs), self.answering, dtype=np.intp)


class Random(OneAnswers):
    """Another backbone for each query; repeats of a query average out to the mean policy."""

    summary = "a random backbone answers each query"
    varies = True

    def __init__(self, backbones: int, *, rng: np.random.Generator) -> None:
        super().__init__(backbones)
        self.rng = rng

    def choose(self, pairs: EmbeddedPairs) -> Chosen:
        """Random backbones, (n,); the next call draws others."""
        return self.rng.integers(self.backbones, size=len(pairs), dtype=np.intp)


class Secret(OneAnswers):
    """A backbone for each pair that only the key tells: repeats of a query change nothing.

    A picture's code is on which sides of a few secret planes through the mean its embedding under
    the first backbone lies. The codes of both pictures, sorted, and the key decide the backbone, by
    HMAC-SHA256. So (A, B) and (B, A) meet the same one, and so do pictures that were changed too
    little to move their embedding across a plane. It is a hindrance, not a proof: who can change
    pictures so that embeddings move by a tenth of their length meets other backbones for a third
    of the pairs and more, and may average after all.

    Args:
        backbones: their number K.
        key: 32 bytes.
        centre: (d,) mean of the first backbone's embeddings, so that planes halve the pictures.

    References:
        M. Charikar, "Similarity estimation techniques from rounding algorithms", 2002.
    """

    summary = "a secret backbone answers for each pair"

    def __init__(self, backbones: int, *, key: bytes, centre: npt.NDArray[np.float64]) -> None:
        super().__init__(backbones)
        self._key = key
        self._centre = centre
        # Normals of +1 and -1 straight from the key's digest: no generator that could change
        # between versions stands between a saved key and its planes.
        planes = hashlib.shake_256(hmac.digest(key, b"facebone planes", "sha256"))
        bits = np.frombuffer(planes.digest(CODE_BITS * len(centre)), dtype=np.uint8) & 1
        self._planes = bits.reshape(CODE_BITS, len(centre)) * 2.0 - 1.0

    def choose(self, pairs: EmbeddedPairs) -> Chosen:
        """The secret backbones, (n,)."""
        codes = np.stack([self._code(pairs.left[0]), self._code(pairs.right[0])], axis=1)
        distinct, place = np.unique(np.sort(codes, axis=1), axis=0, return_inverse=True)
        backbone = np.array([self._backbone(row.tobytes()) for row in distinct], dtype=np.intp)
        return backbone[place.reshape(-1)]

    def _code(self, rows: Matrix) -> npt.NDArray[np.uint8]:
        # einsum: a code must not depend on how many pairs are asked about at once.
        sides = np.einsum("nd,bd->nb", rows.astype(np.float64) - self._centre, self._planes) >= 0
        return np.packbits(sides, axis=1)[:, 0]

    def _backbone(self, codes: bytes) -> int:
        digest = hmac.digest(self._key, b"facebone pair" + codes, "sha256")
        return int.from_bytes(digest[:8], "big") % self.backbones


POLICIES: dict[str, type[QueryPolicy]] = {
    "mean": Mean,
    "fixed": Fixed,
    "random": Random,
    "secret": Secret,
}
