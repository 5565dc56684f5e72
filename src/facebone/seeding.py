"""Independent random streams from one seed: no global state, no order dependence."""

from __future__ import annotations

import hashlib

import numpy as np

from facebone.errors import UsageError

MAX_SEED = 2**32 - 1


def check_seed(seed: int) -> int:
    """Return `seed` if it is in 0 .. 2**32 - 1, the range every library used here accepts.

    Raises:
        UsageError: it is not.
    """
    if not 0 <= seed <= MAX_SEED:
        raise UsageError(f"must be in 0 .. {MAX_SEED}, got {seed}", where="seed")
    return seed


def derive_seed(seed: int, *purpose: object) -> int:
    """A seed for one purpose, so that adding a use of randomness changes no other.

    The same arguments give the same result on every machine (unlike ``hash``).

    Args:
        seed: the seed the user gave.
        purpose: what the stream is for, such as ``"split", 3``.

    Returns:
        An integer in 0 .. 2**32 - 1.
    """
    text = repr((check_seed(seed), *(str(part) for part in purpose)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big")


def make_rng(seed: int, *purpose: object) -> np.random.Generator:
    """A NumPy generator for one purpose; see `derive_seed`."""
    return np.random.default_rng(derive_seed(seed, *purpose))
