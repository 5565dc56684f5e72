"""Checkpoints of fine-tuning: written whole after each epoch, read back to the same bits."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from facebone.errors import StorageError, UsageError
from facebone.files import new_file
from facebone.verification.labelled_pictures import LabelledPictures

VERSION = 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where one run of training is kept.

    Args:
        path: the file; it need not be there yet.
        recipe: `fingerprint` of all that decides the run.
    """

    path: Path
    recipe: str

    def write(self, state: Mapping[str, Any]) -> None:
        """Replace what is kept, whole or not at all.

        Args:
            state: tensors, numbers, words, and lists and dictionaries of these.

        Raises:
            StorageError: the disk is full or read-only.
        """
        with new_file(self.path) as part:
            torch.save({"version": VERSION, "recipe": self.recipe, **state}, part)

    def read(self) -> dict[str, Any] | None:
        """What is kept, or None if there is nothing yet.

        Raises:
            StorageError: the file is damaged or no checkpoint.
            UsageError: it is of another run: other settings, pictures or seed.
        """
        if not self.path.exists():
            return None
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            version, recipe = state["version"], state["recipe"]
        except (
            RuntimeError,
            EOFError,
            OSError,
            ValueError,
            LookupError,
            TypeError,
            pickle.UnpicklingError,
        ) as error:
            raise StorageError(
                "is not a readable checkpoint",
                where=self.path,
                hint="remove it, and training starts afresh",
            ) from error
        if version != VERSION or recipe != self.recipe:
            raise UsageError(
                "is the checkpoint of a training with other settings, pictures, seed or weights",
                where=self.path,
                hint="name another file, or remove it to start afresh",
            )
        found: dict[str, Any] = state
        return found


def fingerprint(
    settings: object, seed: int, start: Mapping[str, Any], pictures: Sequence[LabelledPictures]
) -> str:
    """Hex digits that change with anything that decides what training comes to.

    Args:
        settings: a dataclass whose text says all of it.
        seed: of the run.
        start: arrays by name that training starts from.
        pictures: what is learnt from, and what early stopping looks at.
    """
    digest = hashlib.blake2b(repr((settings, seed)).encode(), digest_size=16)
    for name, array in start.items():
        digest.update(name.encode())
        digest.update(array.tobytes())
    for part in pictures:
        digest.update(part.person.astype("<i8").tobytes())
        for matrix in part.embeddings:
            digest.update(repr(matrix.shape).encode())
            digest.update(np.ascontiguousarray(matrix).data)
    return digest.hexdigest()
