"""Random draws by name: a thin layer over numbers that a NumPy generator gave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from facebone.data.synthesis.palette import Colour

T = TypeVar("T")


class Dice:
    """Draws numbers, colours and options.

    All numbers are at hand before the first is used, so a later draw does not depend on which
    earlier ones were used.

    Args:
        normals: standard normal numbers, in the order in which they are used.
        uniforms: numbers in 0 .. 1, likewise.
    """

    def __init__(self, normals: Iterable[float], uniforms: Iterable[float]) -> None:
        self._normals: Iterator[float] = iter(normals)
        self._uniforms: Iterator[float] = iter(uniforms)

    @classmethod
    def thrown(cls, rng: np.random.Generator, size: int = 64) -> Dice:
        """With so many normal and so many uniform numbers of a generator.

        They are drawn at once: one call costs as much as a hundred numbers.
        """
        return cls(rng.standard_normal(size).tolist(), rng.random(size).tolist())

    def around(self, mean: float, deviation: float, cut: float = 2.0) -> float:
        """A normal draw, clipped at `cut` deviations."""
        return mean + deviation * max(-cut, min(cut, next(self._normals)))

    def within(self, low: float, high: float) -> float:
        """A uniform draw."""
        return low + (high - low) * next(self._uniforms)

    def integer(self) -> int:
        """A uniform draw from 0 .. 2**31 - 1, good as a seed."""
        return int(next(self._uniforms) * 2**31)

    def chance(self, probability: float) -> bool:
        """True as often as `probability` says."""
        return next(self._uniforms) < probability

    def jitter(self, colour: Colour, amount: float) -> Colour:
        """The colour with each channel moved by a normal draw."""
        red, green, blue = (
            min(255.0, max(0.0, channel + self.around(0.0, amount))) for channel in colour
        )
        return red, green, blue

    def choose(self, options: Sequence[T], weights: Sequence[float]) -> T:
        """One of the options, as often as its weight says."""
        place = next(self._uniforms) * sum(weights)
        for option, weight in zip(options, weights, strict=True):
            place -= weight
            if place < 0:
                return option
        return options[-1]
