"""Where the row of a picture lies: an index of digests that stays small for millions of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

KEY_BYTES = 16

LARGE_SEGMENT = 8_192
"""Rows from which a segment counts as large and is left as it is."""

Keys = npt.NDArray[np.uint8]
"""Digests of pictures, (n, 16) uint8."""

Positions = npt.NDArray[np.intp]

# Recent digests wait in a dict until there are this many; then they are sorted into the arrays.
# A dict takes about 200 bytes a digest and the arrays 24, but the arrays are slow to add to.
_RECENT = 8_192


class DigestIndex:
    """Maps digests to (segment number, row). Not safe for threads; its owner holds a lock."""

    def __init__(self) -> None:
        self.segments: dict[str, int] = {}
        """Name -> number of rows, in the order of their numbers."""
        self._recent: dict[bytes, tuple[int, int]] = {}
        # Digests as two integers, sorted by both, with segment and row of each beside them.
        self._high = np.empty(0, dtype=np.uint64)
        self._low = np.empty(0, dtype=np.uint64)
        self._segment = np.empty(0, dtype=np.uint32)
        self._row = np.empty(0, dtype=np.uint32)

    def __len__(self) -> int:
        return len(self._high) + len(self._recent)

    def add(self, name: str, keys: Keys | None) -> None:
        """List a segment and its digests; None for a segment that cannot be read."""
        number = len(self.segments)
        self.segments[name] = 0 if keys is None else len(keys)
        if keys is None:
            return
        for row, key in enumerate(keys):
            self._recent[key.tobytes()] = (number, row)
        if len(self._recent) >= _RECENT:
            self._sort_in()

    def small_segments(self) -> int:
        """How many segments are worth merging."""
        return sum(0 < size < LARGE_SEGMENT for size in self.segments.values())

    def find(self, keys: Keys) -> tuple[Positions, Positions]:
        """Segment number and row of each of (n, 16) keys; -1 and -1 for one that is not there."""
        segment = np.full(len(keys), -1, dtype=np.intp)
        row = np.full(len(keys), -1, dtype=np.intp)
        if len(self._high) and len(keys):
            halves = np.ascontiguousarray(keys).view("<u8")
            at = self._search(halves[:, 0], halves[:, 1])
            held = at >= 0
            segment[held], row[held] = self._segment[at[held]], self._row[at[held]]
        if self._recent:
            for i in np.flatnonzero(segment < 0):
                segment[i], row[i] = self._recent.get(keys[i].tobytes(), (-1, -1))
        return segment, row

    def _search(self, high: npt.NDArray[np.uint64], low: npt.NDArray[np.uint64]) -> Positions:
        start = np.searchsorted(self._high, high, side="left")
        at = np.minimum(start, len(self._high) - 1)
        same_high = self._high[at] == high
        exact = same_high & (self._low[at] == low)
        result = np.where(exact, at, -1)
        # Two digests share their first half by chance once in 10**19 pairs: a loop will do.
        for i in np.flatnonzero(same_high & ~exact):
            j = int(at[i]) + 1
            while j < len(self._high) and self._high[j] == high[i]:
                if self._low[j] == low[i]:
                    result[i] = j
                    break
                j += 1
        return result

    def _sort_in(self) -> None:
        keys = np.frombuffer(b"".join(self._recent), dtype="<u8").reshape(-1, 2)
        places = np.array(list(self._recent.values()), dtype=np.uint32)
        high = np.concatenate([self._high, keys[:, 0]])
        low = np.concatenate([self._low, keys[:, 1]])
        order = np.lexsort((low, high))
        self._high, self._low = high[order], low[order]
        self._segment = np.concatenate([self._segment, places[:, 0]])[order]
        self._row = np.concatenate([self._row, places[:, 1]])[order]
        self._recent = {}
