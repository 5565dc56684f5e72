"""The store of embeddings: nothing is computed twice, by any process, and a kill loses one batch.

A *space* holds what one network made of pictures prepared in one way. It is a folder of segments,
small immutable files that appear whole or not at all; a row is found by the digest of its picture.
The folder may be one of an object store. Processes share a space without locks: each adds segments
of its own and looks for those of others.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from threading import Lock
from typing import Protocol

import numpy as np
import numpy.typing as npt

from facebone.data.digest_index import KEY_BYTES, DigestIndex, Keys, Positions
from facebone.data.digest_index import LARGE_SEGMENT as _LARGE_SEGMENT
from facebone.data.pictures import Picture
from facebone.data.segments import pack_segment, read_keys, read_segment
from facebone.errors import StorageError
from facebone.scale.shelves import Place, open_shelf

Matrix = npt.NDArray[np.float32]

# This many small segments are merged into one: few enough files to list and open quickly. Large
# ones are left alone: small enough to hold one in memory, whatever the space as a whole holds.
_MANY_SEGMENTS = 256
_SECONDS_BETWEEN_LOOKS = 1.0
_SUFFIX = ".safetensors"
_ABOUT = "space.json"


def picture_key(picture: Picture, content: bytes) -> bytes:
    """The digest of a picture: its bytes, and the landmarks stated for it, which move its crop."""
    digest = hashlib.blake2b(content, digest_size=KEY_BYTES)
    landmarks = picture.source.landmarks
    if landmarks is not None:
        digest.update(landmarks.astype("<f4").tobytes())
    return digest.digest()


class Space(Protocol):
    """Embeddings of one kind by digest of their picture. May be used from several threads."""

    def missing(self, keys: Keys) -> npt.NDArray[np.bool_]:
        """Which of (n, 16) keys the space does not hold, (n,)."""
        ...

    def append(self, keys: Keys, embeddings: Matrix) -> None:
        """Add rows, all or none. Rows that are already there do no harm."""
        ...

    def gather(self, keys: Keys) -> Matrix:
        """Rows (n, d) for (n, 16) keys; a key that is not there gives a row of NaN."""
        ...


class MemorySpace:
    """A space that lives as long as the process, for those who want nothing on disk."""

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._rows: dict[bytes, Matrix] = {}

    def missing(self, keys: Keys) -> npt.NDArray[np.bool_]:
        """See `Space`."""
        return np.array([key.tobytes() not in self._rows for key in keys], dtype=np.bool_)

    def append(self, keys: Keys, embeddings: Matrix) -> None:
        """See `Space`."""
        for key, row in zip(keys, embeddings, strict=True):
            self._rows[key.tobytes()] = row

    def gather(self, keys: Keys) -> Matrix:
        """See `Space`."""
        absent = np.full(self._dimension, np.nan, dtype=np.float32)
        rows = [self._rows.get(key.tobytes(), absent) for key in keys]
        return np.stack(rows) if rows else np.empty((0, self._dimension), dtype=np.float32)


class DiskSpace:
    """A space in a folder, or wherever a shelf can be.

    Args:
        place: where the segments lie; made when the first is written.
        dimension: length d of a row.

    Raises:
        MissingPartError, UsageError: see `open_shelf`.
    """

    def __init__(self, place: Place, dimension: int) -> None:
        self._shelf = open_shelf(place)
        self._dimension = dimension
        self._lock = Lock()
        # Read when it is first asked: who only adds to a large space, or scans it, needs none.
        self._index = DigestIndex()
        self._looked = float("-inf")
        self._added = 0

    def __len__(self) -> int:
        self._look()
        return len(self._index)

    @property
    def _known(self) -> bool:
        """Whether the segments were read."""
        return self._looked > float("-inf")

    def _look(self) -> None:
        if not self._known:
            self.refresh()

    @property
    def place(self) -> Place:
        """Where the segments lie."""
        return self._shelf.place

    def refresh(self) -> None:
        """Read the digests of segments that have come or gone since the last look."""
        with self._lock:
            present = set(self._shelf.names(_SUFFIX))
            if any(name not in present for name in self._index.segments):
                self._index = DigestIndex()
            # A damaged segment is listed, so that it is not read again, but offers no rows: its
            # pictures are embedded anew.
            fresh = sorted(present.difference(self._index.segments))
            self._index.add_many([(name, read_keys(self._shelf, name)) for name in fresh])
            self._looked = time.monotonic()

    def missing(self, keys: Keys) -> npt.NDArray[np.bool_]:
        """See `Space`. Where something seems missing, looks for what other processes added."""
        self._look()
        absent = self._find(keys)[0] < 0
        if absent.any() and time.monotonic() - self._looked > _SECONDS_BETWEEN_LOOKS:
            self.refresh()
            absent = self._find(keys)[0] < 0
        return absent

    def scan(self, keys: Keys) -> Matrix:
        """What `gather` gives, by a look through all segments, one in memory at a time.

        Right for a job that asks a large space once: an index of it would take 24 bytes a picture.
        """
        first, place = _distinct(keys)
        asked = DigestIndex.of(keys[first])
        result = np.full((len(first), self._dimension), np.nan, dtype=np.float32)
        wanted = len(first)
        seen: set[str] = set()
        # Again until nothing new is there: segments that another process merges move.
        while fresh := [name for name in self._shelf.names(_SUFFIX) if name not in seen]:
            for name in fresh:
                if not wanted:
                    return result[place]
                seen.add(name)
                held = read_keys(self._shelf, name)
                at = np.empty(0) if held is None else asked.find(held)[1]
                if (at >= 0).any():
                    with suppress(FileNotFoundError):
                        part = read_segment(self._shelf, name)
                        if part is not None:
                            there = at[at >= 0]
                            wanted -= int(np.isnan(result[np.unique(there), 0]).sum())
                            result[there] = part[1][at >= 0]
        return result[place]

    def append(self, keys: Keys, embeddings: Matrix) -> None:
        """See `Space`.

        Raises:
            StorageError: the disk is full or read-only; nothing half-written is left.
        """
        if len(keys) == 0:
            return
        if keys.shape != (len(embeddings), KEY_BYTES) or embeddings.shape[1] != self._dimension:
            raise StorageError(
                f"rows of shape {embeddings.shape} and keys of shape {keys.shape} do not fit a "
                f"space of dimension {self._dimension}",
                where=self._shelf.place,
            )
        name = self._write(keys, embeddings)
        with self._lock:
            if self._known:
                if name not in self._index.segments:
                    self._index.add(name, keys)
                many = self._index.small_segments() >= _MANY_SEGMENTS
            else:
                self._added += len(keys) < _LARGE_SEGMENT
                many = self._added >= _MANY_SEGMENTS
        if many:
            self.merge()

    def gather(self, keys: Keys) -> Matrix:
        """See `Space`. Opens each segment once and holds one at a time."""
        self._look()
        if (self._find(keys)[0] < 0).any():
            self.refresh()
        try:
            return self._gather(keys)
        except FileNotFoundError:
            # Another process has merged segments since the last look; theirs hold the same rows.
            self.refresh()
            return self._gather(keys)

    def merge(self) -> None:
        """Replace small segments by large ones, of less than twice the size that counts as large.

        A process that dies in between leaves rows twice, which does no harm.
        """
        self._look()
        with self._lock:
            small = [name for name, size in self._index.segments.items() if size < _LARGE_SEGMENT]
            group: list[str] = []
            rows = 0
            for name in small:
                group.append(name)
                rows += self._index.segments[name]
                if rows >= _LARGE_SEGMENT or name == small[-1]:
                    self._merge(group)
                    group, rows = [], 0
        self.refresh()

    def _merge(self, names: list[str]) -> None:
        """Replace some segments by one."""
        parts = []
        for name in names:
            try:
                part = read_segment(self._shelf, name)
            except FileNotFoundError:  # merged by another process
                continue
            if part is not None:
                parts.append(part)
        if len(parts) > 1:
            keys = np.concatenate([keys for keys, _ in parts])
            rows = np.concatenate([rows for _, rows in parts])
            first, _ = _distinct(keys)
            self._write(keys[first], rows[first])
            for name in names:
                self._shelf.remove(name)

    def _write(self, keys: Keys, embeddings: Matrix) -> str:
        name = f"{uuid.uuid4().hex}{_SUFFIX}"
        self._shelf.write(name, pack_segment(keys, embeddings))
        return name

    def _find(self, keys: Keys) -> tuple[Positions, Positions]:
        with self._lock:
            return self._index.find(keys)

    def _gather(self, keys: Keys) -> Matrix:
        with self._lock:
            numbers, rows = self._index.find(keys)
            segments = list(self._index.segments)
        result = np.full((len(keys), self._dimension), np.nan, dtype=np.float32)
        for number in np.unique(numbers[numbers >= 0]):
            part = read_segment(self._shelf, segments[number])
            if part is not None:
                wanted = numbers == number
                result[wanted] = part[1][rows[wanted]]
        return result


def _distinct(keys: Keys) -> tuple[Positions, Positions]:
    """Positions of each digest's first row among (n, 16) keys, and which of them each row is."""
    halves = np.ascontiguousarray(keys).view([("high", "<u8"), ("low", "<u8")]).ravel()
    _, first, place = np.unique(halves, return_index=True, return_inverse=True)
    return first.astype(np.intp), place.astype(np.intp)


class EmbeddingStore:
    """All spaces below one place.

    Args:
        root: a folder, or the URL of one; made when something is stored.

    Raises:
        MissingPartError, UsageError: see `open_shelf`.
    """

    def __init__(self, root: Place) -> None:
        self.root = root
        self._shelf = open_shelf(root)

    def space(self, *, preparation: str, weights_hash: str, dimension: int, note: str) -> DiskSpace:
        """The space of one network and one way to prepare pictures.

        Args:
            preparation: everything that changes the pixels a network sees, as one string.
            weights_hash: sha256 of the network's weights.
            dimension: length of an embedding.
            note: words for people who look into the folder, such as the backbone's name.
        """
        facts = {"preparation": preparation, "weights": weights_hash, "dimension": dimension}
        text = json.dumps(facts, sort_keys=True)
        shelf = self._shelf.sub(hashlib.blake2b(text.encode(), digest_size=12).hexdigest())
        if not shelf.has(_ABOUT):
            about = json.dumps({**facts, "note": note}, indent=2) + "\n"
            shelf.write(_ABOUT, about.encode("utf-8"))
        return DiskSpace(shelf.place, dimension)

    def spaces(self) -> Iterator[dict[str, object]]:
        """The facts and the size of each space, for listing."""
        for folder in self._shelf.below():
            shelf = self._shelf.sub(folder)
            if shelf.has(_ABOUT):
                facts: dict[str, object] = json.loads(shelf.read(_ABOUT))
                size = sum(shelf.size(name) for name in shelf.names(_SUFFIX))
                yield {**facts, "folder": str(shelf.place), "bytes": size}
