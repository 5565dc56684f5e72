"""Random draws by name: a thin layer over a NumPy generator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

from facebone.data.synthesis.palette import Colour

T = TypeVar("T")


class Dice:
    """Draws numbers, colours and options.

    All numbers are drawn from the generator at once (one call costs as much as a hundred numbers),
    so a later draw does not depend on which earlier ones were used.

    Args:
        rng: where the numbers come from.
        size: how many normal and how many uniform numbers are at hand.
    """

    def __init__(self, rng: np.random.Generator, size: int = 64) -> None:
        self._normals: Iterator[float] = iter(rng.standard_normal(size).tolist())
        self._uniforms: Iterator[float] = iter(rng.random(size).tolist())

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
