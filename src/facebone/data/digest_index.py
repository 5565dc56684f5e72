"""Where the row of a picture lies: an index of digests that stays small for millions of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

KEY_BYTES = 16

LARGE_SEGMENT = 8_192
"""Rows from which a segment counts as large and is left as it is."""

Keys = npt.NDArray[np.uint8]
"""Digests of pictures, (n, 16) uint8."""

Positions = npt.NDArray[np.intp]
Halves = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.uint32]

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

    @classmethod
    def of(cls, keys: Keys) -> DigestIndex:
        """An index of one segment of (n, 16) keys, sorted at once."""
        index = cls()
        index.add_many([("", keys)], at_once=True)
        return index

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

    def add_many(self, found: Sequence[tuple[str, Keys | None]], *, at_once: bool = False) -> None:
        """List segments with their digests; many at a time are sorted once, not again and again.

        Args:
            found: names with (n, 16) keys.
            at_once: sort them however few they are.
        """
        known = [(name, keys) for name, keys in found if keys is not None]
        if not known or (sum(len(keys) for _, keys in known) < _RECENT and not at_once):
            for name, keys in found:
                self.add(name, keys)
            return
        self._sort_in()
        first = len(self.segments)
        self.segments |= {name: 0 if keys is None else len(keys) for name, keys in found}
        number = {name: first + i for i, (name, _) in enumerate(found)}
        halves = np.concatenate(
            [np.ascontiguousarray(keys).view("<u8").reshape(-1, 2) for _, keys in known]
        )
        segment = np.concatenate(
            [np.full(len(keys), number[name], dtype=np.uint32) for name, keys in known]
        )
        row = np.concatenate([np.arange(len(keys), dtype=np.uint32) for _, keys in known])
        self._merge(halves[:, 0], halves[:, 1], segment, row)

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
        if self._recent:
            keys = np.frombuffer(b"".join(self._recent), dtype="<u8").reshape(-1, 2)
            places = np.array(list(self._recent.values()), dtype=np.uint32)
            self._merge(keys[:, 0], keys[:, 1], places[:, 0], places[:, 1])
            self._recent = {}

    def _merge(self, high: Halves, low: Halves, segment: Numbers, row: Numbers) -> None:
        """Sort further digests, with the segment and row of each, in among those there are."""
        high, low = np.concatenate([self._high, high]), np.concatenate([self._low, low])
        order = np.lexsort((low, high))
        self._high, self._low = high[order], low[order]
        self._segment = np.concatenate([self._segment, segment])[order]
        self._row = np.concatenate([self._row, row])[order]
