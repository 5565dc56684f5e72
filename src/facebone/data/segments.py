"""Segments of a store of embeddings: digests of pictures and a row for each, in one file."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt

from facebone.data.digest_index import KEY_BYTES, Keys
from facebone.scale.shelves import Shelf

Matrix = npt.NDArray[np.float32]

# The safetensors format: the length of a header, the header in JSON, then the tensors.
_LENGTH_BYTES = 8
_LONGEST_HEADER = 100_000


def pack_segment(keys: Keys, embeddings: Matrix) -> bytes:
    """A file of (n, 16) digests and (n, d) rows."""
    from safetensors.numpy import save

    tensors: dict[str, npt.NDArray[Any]] = {
        "keys": np.ascontiguousarray(keys, dtype=np.uint8),
        "embeddings": np.ascontiguousarray(embeddings, dtype=np.float32),
    }
    return save(tensors)


def read_keys(shelf: Shelf, name: str) -> Keys | None:
    """The digests of a segment without reading its rows; None if it is damaged or gone."""
    try:
        length = int.from_bytes(shelf.read(name, 0, _LENGTH_BYTES), "little")
        if not 0 < length <= _LONGEST_HEADER:
            return None
        header = json.loads(shelf.read(name, _LENGTH_BYTES, length))
        first = _LENGTH_BYTES + length
        begin, end = header["keys"]["data_offsets"]
        # As the library does, which looks at files of this machine alone.
        whole = max(part["data_offsets"][1] for key, part in header.items() if key[:2] != "__")
        if shelf.size(name) != first + whole:
            return None
        content = shelf.read(name, first + begin, end - begin)
        return np.frombuffer(content, dtype=np.uint8).reshape(-1, KEY_BYTES)
    except (OSError, ValueError, LookupError, TypeError):
        return None


def read_segment(shelf: Shelf, name: str) -> tuple[Keys, Matrix] | None:
    """Digests and rows of a segment; None if it is damaged.

    Raises:
        FileNotFoundError: it is gone.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(shelf.read(name))
    except SafetensorError:
        return None
    return tensors["keys"], tensors["embeddings"]
