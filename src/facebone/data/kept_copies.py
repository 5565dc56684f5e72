"""Which pictures are copies of one another, kept for the next command that asks the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from facebone.config import home_folder
from facebone.errors import StorageError
from facebone.files import new_file

Rows = npt.NDArray[np.intp]
Found = list[tuple[int, int]]


class KeptCopies:
    """The answer to one question about copies, in the user's folder: to look anew decodes all.

    Args:
        digests: of the bytes of all pictures in question.
        left: rows of these on one side.
        right: rows on the other.
        method: by which copies are told; another one is another question.
    """

    def __init__(self, digests: Sequence[bytes], left: Rows, right: Rows, *, method: str) -> None:
        question = hashlib.blake2b(method.encode(), digest_size=16)
        question.update(b"".join(digests))
        for side in (left, right):
            question.update(len(side).to_bytes(8, "little"))
            question.update(side.astype("<i8").tobytes())
        self._count = len(digests)
        self._path = home_folder() / "copies" / f"{question.hexdigest()}.json"

    def recall(self) -> Found | None:
        """Rows of copies, one of the left side and one of the right; None if nothing is kept."""
        try:
            kept = json.loads(self._path.read_text("ascii"))
            found = [(int(i), int(j)) for i, j in kept]
        except (OSError, ValueError, TypeError):
            return None
        return found if all(0 <= row < self._count for pair in found for row in pair) else None

    def keep(self, found: Found) -> None:
        """Keep what was found, if the folder can be written: who cannot looks again."""
        try:
            with new_file(self._path) as part:
                part.write_text(json.dumps([[int(i), int(j)] for i, j in found]), "ascii")
        except StorageError:
            return
