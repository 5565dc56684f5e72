"""Which pairs are kept so that nobody stands in too many."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from facebone.seeding import make_rng

Rows = npt.NDArray[np.intp]


def bound(units: Rows, most: int, *, seed: int) -> Rows:
    """Positions of pairs of which no unit stands in more than `most`, in ascending order.

    Pairs are looked at in random order, and each is kept if none of its units has `most` already.
    So none that was left out could be added.

    Args:
        units: (n, u) of each pair; one that a pair names twice stands in it once.
        most: pairs of one unit.
        seed: of the order.

    References:
        A. Ganesh, R. McKenna, B. McMahan, A. Smith, F. Wu: It's my data too: private ML for
        datasets with multi-user training examples. ICML, 2025.
    """
    count = np.zeros(int(units.max(initial=-1)) + 1, dtype=np.intp)
    kept = []
    for row in make_rng(seed, "dp_sgd", "bounding").permutation(len(units)):
        touched = np.unique(units[row])
        if (count[touched] < most).all():
            count[touched] += 1
            kept.append(row)
    return np.sort(np.array(kept, dtype=np.intp))
