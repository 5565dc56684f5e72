"""How many synthetic faces, landmarks and scenes a second one core renders.

    python benchmarks/bench_synthesis.py [--seconds 5]

Each face is of another person in other circumstances, drawn from its recipe. Times are of the
process, so that other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import cv2

from facebone.data.synthesis.recipe import Recipe
from facebone.data.synthetic import SyntheticSource


def rate(work: Callable[[int], object], seconds: float) -> float:
    """Calls a second, from at least `seconds` of processor time, after a warm-up."""
    for number in range(20):
        work(number)
    done, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        work(20 + done)
        done += 1
    return done / (time.process_time() - start)


def crop(number: int) -> object:
    source = SyntheticSource(Recipe(1, number, number % 8))
    return source.decode(source.read())


def landmarks(number: int) -> object:
    return SyntheticSource(Recipe(2, number, number % 8)).landmarks


def scene(number: int) -> object:
    source = SyntheticSource(Recipe(3, number, number % 8, "scene"))
    return source.decode(source.read())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="a measurement")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    for name, work in (
        ("faces of 112x112", crop),
        ("landmarks without pixels", landmarks),
        ("scenes of 250x250", scene),
    ):
        print(f"{name:26s} {rate(work, options.seconds):7.0f} a second on one core")


if __name__ == "__main__":
    main()
