"""Views: pairs of which each is seen through one of several backbones at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError
from facebone.verification.embedded_pairs import EmbeddedPairs, Matrix


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """n pairs under K backbones of one width, and which backbone shows a pair in which epoch.

    The schedule alone decides what is seen; how a head cuts the pairs into batches does not.

    Args:
        pairs: n pairs under K backbones of one width.
        schedule: (E, n) integers in 0 .. K - 1. In epoch e, counted from 0, pair i is seen through
            backbone ``schedule[e % E, i]``.

    Raises:
        UsageError: widths that differ, or a schedule that does not fit the pairs.
    """

    pairs: EmbeddedPairs
    schedule: npt.NDArray[np.intp]

    def __post_init__(self) -> None:
        widths = self.pairs.dimensions
        if len(set(widths)) != 1:
            raise UsageError(
                f"backbones of one width are needed, got {widths}",
                where="views",
                hint="bring them into one space first",
            )
        shape = self.schedule.shape
        if len(shape) != 2 or shape[0] < 1 or shape[1] != len(self.pairs):
            raise UsageError(
                f"must have shape (epochs, {len(self.pairs)}), got {shape}", where="schedule"
            )
        if self.schedule.dtype.kind not in "iu":
            raise UsageError(f"must hold integers, got {self.schedule.dtype}", where="schedule")
        if self.schedule.size and not 0 <= self.schedule.min() <= self.schedule.max() < len(widths):
            raise UsageError(
                f"names backbones {self.schedule.min()} .. {self.schedule.max()}, they are "
                f"counted from 0 to {len(widths) - 1}",
                where="schedule",
            )

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def width(self) -> int:
        """Width of the embeddings."""
        return self.pairs.dimensions[0]

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Views:
        """The pairs at `rows`, as positions or as a mask; each keeps its schedule."""
        return Views(self.pairs.take(rows), self.schedule[:, rows])

    def at(self, epoch: int) -> EmbeddedPairs:
        """What epoch `epoch`, counted from 0, shows: n pairs under one backbone of that width."""
        shown = self.schedule[epoch % len(self.schedule)]
        left, right = np.empty_like(self.pairs.left[0]), np.empty_like(self.pairs.right[0])
        for backbone, (a, b) in enumerate(zip(self.pairs.left, self.pairs.right, strict=True)):
            rows = shown == backbone
            left[rows], right[rows] = a[rows], b[rows]
        lengths = self.pairs.lengths
        if lengths is not None:
            lengths = np.take_along_axis(lengths, shown[:, None, None], axis=2)
        return EmbeddedPairs((left,), (right,), lengths=lengths)

    def distinct(self, same: npt.NDArray[np.bool_]) -> tuple[EmbeddedPairs, npt.NDArray[np.bool_]]:
        """Each pair once through every backbone that ever shows it, with its label.

        Args:
            same: (n,) bool.

        Returns:
            Pairs under one backbone of that width, ordered by backbone and then as given, and
            their labels.
        """
        ever = self._ever()
        seen = [self.pairs.choose([column]).take(rows) for column, rows in enumerate(ever)]
        pairs = EmbeddedPairs(
            (np.concatenate([part.left[0] for part in seen]),),
            (np.concatenate([part.right[0] for part in seen]),),
            lengths=self._lengths(seen),
        )
        return pairs, np.concatenate([same[rows] for rows in ever])

    def places(self) -> npt.NDArray[np.intp]:
        """Where `distinct` has what each epoch of the schedule shows, (E, n)."""
        found = np.empty(self.schedule.shape, dtype=np.intp)
        begin = 0
        for column, rows in enumerate(self._ever()):
            numbers = begin + np.cumsum(rows) - 1
            np.copyto(found, numbers, where=self.schedule == column)
            begin += int(rows.sum())
        return found

    def _lengths(self, seen: list[EmbeddedPairs]) -> Matrix | None:
        """Those of some of the pairs after others; None where nobody knows them."""
        known = [part.lengths for part in seen if part.lengths is not None]
        return np.concatenate(known) if known else None

    def _ever(self) -> list[npt.NDArray[np.bool_]]:
        """Which pairs each backbone ever shows, K masks (n,)."""
        return [(self.schedule == column).any(axis=0) for column in range(len(self.pairs.left))]
