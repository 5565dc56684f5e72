"""What a verifier remembers of questions: which pictures were shown, and what it said of pairs."""

from __future__ import annotations

from math import acos, floor, pi
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.verification.heads.base import Scores

Sides = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]

BLOCK = 512
"""Pictures that are compared with all known ones at a time: 20 MB for 10,000 of these."""


class Album:
    """Pictures by their codes; one that resembles a known one counts as that one.

    Of several that it resembles it is the one that was shown first, so it does not matter in how
    many calls pictures are shown.

    Args:
        bits: of a code.
        most: bits in which codes of pictures that count as one may differ.
    """

    def __init__(self, *, bits: int, most: int) -> None:
        # Of numbers +1 and -1 the products of two codes add up to bits - 2 * (bits that differ).
        self._least = bits - 2 * most
        self._known = np.empty((0, bits), dtype=np.float32)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def recognise(self, sides: Sides) -> Rows:
        """The number of the picture that each of n codes counts as, (n,); new ones are kept.

        Args:
            sides: (n, bits), in the order in which pictures are shown.
        """
        found = np.empty(len(sides), dtype=np.intp)
        for begin in range(0, len(sides), BLOCK):
            block = np.where(sides[begin : begin + BLOCK], 1, -1).astype(np.float32)
            found[begin : begin + BLOCK] = self._recognise(block)
        return found

    def _recognise(self, block: npt.NDArray[np.float32]) -> Rows:
        found = np.full(len(block), -1, dtype=np.intp)
        if self._count:
            alike = block @ self._known[: self._count].T >= self._least
            known = alike.any(axis=1)
            found[known] = alike[known].argmax(axis=1)
        rest = np.flatnonzero(found < 0)
        alike = block[rest] @ block[rest].T >= self._least
        for place, row in enumerate(rest):
            if found[row] < 0:  # it is new: it, and those behind it that resemble it, are one
                followers = rest[place:][alike[place, place:]]
                followers = followers[found[followers] < 0]
                found[followers] = self._keep(block[row])
        return found

    def _keep(self, code: npt.NDArray[np.float32]) -> int:
        if self._count == len(self._known):
            larger = np.empty((max(64, 2 * self._count), self._known.shape[1]), dtype=np.float32)
            larger[: self._count] = self._known[: self._count]
            self._known = larger
        self._known[self._count] = code
        self._count += 1
        return self._count - 1


class Memory:
    """The first few answers about each pair of pictures.

    Args:
        exact: how many different questions about a pair are answered as they should be.
        bits: see `Album`.
        most: see `Album`.
    """

    def __init__(self, *, exact: int, bits: int, most: int) -> None:
        self._exact = exact
        self._album = Album(bits=bits, most=most)
        self._said: dict[Any, dict[Any, float]] = {}

    def answer(self, left: Sides, right: Sides, log_odds: Scores, *, way: int | None) -> Scores:
        """What is said of n pairs, in the order in which they are asked about, (n,).

        A question is known by the codes of its pictures, in either order. Those of the first
        `exact` questions about a pair keep their answers; all others get the first of these.

        Args:
            left: (n, bits) codes of the left pictures.
            right: (n, bits) of the right ones.
            log_odds: (n,) what should be said.
            way: kept apart from other ways.
        """
        both = np.stack([left, right], axis=1)
        pictures = self._album.recognise(both.reshape(-1, left.shape[1])).reshape(-1, 2)
        codes = np.packbits(both, axis=2)
        said = np.empty(len(log_odds))
        for row, ((a, b), (one, other)) in enumerate(zip(pictures.tolist(), codes, strict=True)):
            pair = (a, b, way) if a <= b else (b, a, way)
            question = tuple(sorted((one.tobytes(), other.tobytes())))
            answers = self._said.setdefault(pair, {})
            if question not in answers:
                if len(answers) >= self._exact:
                    said[row] = next(iter(answers.values()))
                    continue
                answers[question] = float(log_odds[row])
            said[row] = answers[question]
        return said


def bits_that_differ(likeness: float, bits: int) -> int:
    """How many of `bits` differ on average in the codes of pictures of this cosine, rounded down.

    A plane parts two pictures with a probability of the angle between them over pi.
    """
    return floor(bits * acos(likeness) / pi)
