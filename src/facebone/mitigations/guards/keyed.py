"""A guard that knows pairs again by a key that it keeps."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np

from facebone.mitigations.guards.codes import Floats
from facebone.mitigations.guards.guard import Answering, Guard
from facebone.mitigations.keys import KEPT, KEY_BYTES, derived_key, key_bytes
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads.base import Arrays


class KeyedGuard(Guard):
    """A guard with a key, and the mean of what it was trained on.

    The key is the user's, or derives from the seed, so that an audit can be repeated; whoever can
    guess the seed then knows it. Both are saved with the arrays, and the key is shown nowhere.

    The mean is taken of the training pairs' embeddings as they are. It is a number of many
    pictures, but no noise is in it: what a defence promises of the head, it does not promise of
    this.
    """

    learns = True
    _key: bytes
    _centre: Floats

    def __init__(self, settings: Any) -> None:
        if settings.key not in (None, KEPT):
            # As it comes back from what is saved.
            settings = replace(settings, key=key_bytes(settings.key).hex())
        super().__init__(settings)

    def learn(
        self, trained: EmbeddedPairs, aside: EmbeddedPairs, answer: Answering, *, seed: int
    ) -> None:
        """See `Guard.learn`."""
        del aside, answer
        key = self.settings.key
        self._key = derived_key(seed) if key is None else key_bytes(key)
        sides = zip(trained.left, trained.right, strict=True)
        self._centre = np.concatenate(
            [np.concatenate(both).mean(axis=0, dtype=np.float64) for both in sides]
        )
        self._open()

    @abstractmethod
    def _open(self) -> None:
        """Make what key and mean are for; they are there."""

    def arrays(self) -> Arrays:
        """See `Guard.arrays`."""
        return {"key": np.frombuffer(self._key, dtype=np.uint8), "centre": self._centre}

    def shapes(self, widths: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """See `Guard.shapes`."""
        return {"key": (KEY_BYTES,), "centre": (sum(widths),)}

    def _load(self, arrays: Arrays) -> None:
        self._key = arrays["key"].astype(np.uint8).tobytes()
        self._centre = arrays["centre"].astype(np.float64)
        if self.settings.key == KEPT:
            self.settings = replace(self.settings, key=self._key.hex())
        self._open()
