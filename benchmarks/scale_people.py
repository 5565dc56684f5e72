"""Simulated embeddings of people, as many as are wanted: a centre each, pictures scattered around.

There are no pictures: what is measured is what an audit does with embeddings.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from facebone.data.digest_index import KEY_BYTES, Keys
from facebone.seeding import make_rng

DIMENSION = 128
PICTURES = 10
"""Of each person."""

SHARD = 1000
"""People that one job makes, or asks about."""

SCATTER = 0.8
"""Of pictures around their person's centre, relative to its length: cosines of 0.61 in the mean."""

Matrix = npt.NDArray[np.float32]


def shard_size(people: int, shard: int) -> int:
    """People in a shard of a set of so many."""
    return min(SHARD, people - shard * SHARD)


def embeddings_of(people: int, shard: int) -> Matrix:
    """Embeddings of a shard's pictures, person after person, (10 n, 128)."""
    rng = make_rng(0, "people", shard)
    count = shard_size(people, shard)
    centres = rng.normal(size=(count, 1, DIMENSION)) / np.sqrt(DIMENSION)
    noise = rng.normal(size=(count, PICTURES, DIMENSION)) / np.sqrt(DIMENSION)
    made = (centres + SCATTER * noise).reshape(-1, DIMENSION)
    unit: Matrix = (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)
    return unit


def keys_of(person: npt.NDArray[np.intp], picture: npt.NDArray[np.intp]) -> Keys:
    """Digests of pictures by number of the person and of the picture, (n, 16)."""
    found = b"".join(
        hashlib.blake2b(f"{p}/{i}".encode(), digest_size=KEY_BYTES).digest()
        for p, i in zip(person.tolist(), picture.tolist(), strict=True)
    )
    return np.frombuffer(found, dtype=np.uint8).reshape(-1, KEY_BYTES)


def keys_of_shard(people: int, shard: int) -> Keys:
    """Digests of all pictures of a shard, in the order of `embeddings_of`."""
    count = shard_size(people, shard)
    person = shard * SHARD + np.repeat(np.arange(count), PICTURES)
    return keys_of(person, np.tile(np.arange(PICTURES), count))
