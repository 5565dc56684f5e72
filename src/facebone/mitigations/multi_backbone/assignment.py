"""Which backbone a pair meets in which epoch, where it meets one at a time.

Each assignment gives a schedule, (E, n) integers in 0 .. K - 1, for `Views`: row e is epoch e, and
after the last row the first comes again. It is decided before training by the order of the pairs
and the seed; the head's own batches have no say in it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from facebone.seeding import make_rng

Schedule = npt.NDArray[np.intp]


def by_batch(count: int, backbones: int, *, epochs: int | None, block: int, seed: int) -> Schedule:
    """Blocks of pairs in the order given meet the backbones in list order, (1, n).

    The prototype's way: a pair meets the same backbone in every epoch.
    """
    del epochs, seed
    return (np.arange(count) // block % backbones).astype(np.intp)[None, :]


def by_pair(count: int, backbones: int, *, epochs: int | None, block: int, seed: int) -> Schedule:
    """Each pair meets a random backbone, drawn anew in each epoch, (epochs, n).

    A head that is fitted in one go, without epochs, would after endlessly many have met each pair
    through each backbone equally often: it gets that.
    """
    if epochs is None:
        return by_epoch(count, backbones, epochs=epochs, block=block, seed=seed)
    rng = make_rng(seed, "facebone", "assignment")
    return rng.integers(backbones, size=(epochs, count), dtype=np.intp)


def by_epoch(count: int, backbones: int, *, epochs: int | None, block: int, seed: int) -> Schedule:
    """All pairs meet the same backbone, the next one in the next epoch, (K, n)."""
    del epochs, block, seed
    return np.repeat(np.arange(backbones, dtype=np.intp)[:, None], count, axis=1)


ASSIGNMENTS: dict[str, Callable[..., Schedule]] = {
    "batch": by_batch,
    "pair": by_pair,
    "epoch": by_epoch,
}
"""The rotating assignments. Each takes the number of pairs n and of backbones K, the epochs that
the head trains for (None where it has none), the pairs in a block, and the seed."""


def assign(
    assignment: str, count: int, backbones: int, *, epochs: int | None, block: int, seed: int
) -> Schedule:
    """The schedule of a rotating assignment; see `ASSIGNMENTS`."""
    return ASSIGNMENTS[assignment](count, backbones, epochs=epochs, block=block, seed=seed)
