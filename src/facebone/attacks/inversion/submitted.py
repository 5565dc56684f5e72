"""Own pictures submitted for everybody, until the time is used up."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from facebone.attacks.inversion.asked_leak import AskedLeak, Floats, Rows

AT_ONCE = 64
"""Pictures between two looks at the clock."""


def submit(
    leak: AskedLeak, ask: Callable[[Rows, Rows], npt.NDArray[np.generic]], rows: Rows
) -> Floats:
    """Answers (s, n) to the first s of q own pictures, each submitted for n enrolled people.

    All are asked about the same pictures, so that what is left undone is so for everybody.

    Args:
        leak: that answers.
        ask: of its methods the one for own pictures.
        rows: (q,) positions of the pictures.
    """
    people = np.arange(len(leak))
    told = [np.zeros((0, len(people)))]
    for begin in range(0, len(rows), AT_ONCE):
        if leak.late:
            break
        some = rows[begin : begin + AT_ONCE]
        answers = ask(np.tile(people, len(some)), np.repeat(some, len(people)))
        told.append(answers.reshape(len(some), len(people)).astype(np.float64))
    return np.concatenate(told)
