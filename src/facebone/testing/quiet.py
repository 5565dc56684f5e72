"""What no part may do beside its work: print, change what it was given, or touch global state."""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.testing.contract import expect


@contextmanager
def silent() -> Iterator[None]:
    """Expect that nothing is printed inside, by Python or below it.

    Raises:
        AssertionError: something is; the message shows it.
    """
    with tempfile.TemporaryFile() as caught:
        kept = {number: os.dup(number) for number in (1, 2)}
        streams = sys.stdout, sys.stderr
        try:
            for number in kept:
                os.dup2(caught.fileno(), number)
            # Python's own streams may be somebody's capture, which file descriptors do not reach.
            with os.fdopen(os.dup(1), "w") as out, os.fdopen(os.dup(2), "w") as err:
                sys.stdout, sys.stderr = out, err
                yield
        finally:
            sys.stdout, sys.stderr = streams
            for number, copy in kept.items():
                os.dup2(copy, number)
                os.close(copy)
        caught.seek(0)
        printed = caught.read().decode(errors="replace").strip()
    expect(not printed, f"prints: {printed[:200]}")


@contextmanager
def unchanged(*arrays: npt.NDArray[Any]) -> Iterator[None]:
    """Expect that arrays are the same after as before.

    Raises:
        AssertionError: one is not.
    """
    before = [array.copy() for array in arrays]
    yield
    for array, copy in zip(arrays, before, strict=True):
        expect(np.array_equal(array, copy, equal_nan=True), "changes an array that it was given")


def touches_no_global_state(work: Callable[[], npt.NDArray[Any]]) -> None:
    """Expect that global seeds neither matter to `work` nor are changed by it, nor are threads.

    Args:
        work: the same work at every call.

    Raises:
        AssertionError: one matters or is changed.
    """
    import torch

    wanted = work()
    kept = _state()
    try:
        torch.manual_seed(99)
        random.seed(99)
        np.random.seed(99)  # noqa: NPY002
        before = _state()
        again = work()
        after = _state()
    finally:
        torch.set_rng_state(kept["torch"])
        random.setstate(kept["random"])
        np.random.set_state(kept["numpy"])  # noqa: NPY002
    expect(np.array_equal(again, wanted), "depends on a global seed")
    for name, value in before.items():
        expect(_same(value, after[name]), f"changes the global state of {name}")


def same_arrays(one: Sequence[npt.NDArray[Any]], other: Sequence[npt.NDArray[Any]]) -> bool:
    """Whether two rows of arrays hold the same."""
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def _state() -> dict[str, Any]:
    import torch

    return {
        "torch": torch.get_rng_state(),
        "torch's threads": torch.get_num_threads(),
        "random": random.getstate(),
        "numpy": np.random.get_state(),  # noqa: NPY002
    }


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, tuple):
        return all(_same(a, b) for a, b in zip(one, other, strict=True))
    return bool(np.array_equal(np.asarray(one), np.asarray(other)))
