"""The space of public embeddings, as an attacker's own faces fill it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.attacks.inversion.linear_decoder import Templates

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class OwnSpace:
    """Principal axes of faces' embeddings, and how far faces reach along them.

    Args:
        centre: (d,) mean embedding.
        axes: (d, k) of length one, the longest first.
        reach: (k,) standard deviations along them.
    """

    centre: Floats
    axes: Floats
    reach: Floats

    @classmethod
    def of(cls, templates: Templates, *, most: int | None = None) -> OwnSpace:
        """Of m embeddings (m, d); `most` keeps the first so many axes."""
        centre = templates.mean(axis=0, dtype=np.float64)
        moved = templates - centre
        values, vectors = np.linalg.eigh(moved.T @ moved / len(moved))
        # Axes along which faces do not differ cannot be walked along.
        kept = np.flatnonzero(values > 1e-6 * values[-1])[::-1][:most]
        return cls(centre, vectors[:, kept], np.sqrt(values[kept]))

    def numbers(self, templates: Templates | Floats) -> Floats:
        """Where embeddings (n, d) lie, (n, k), in standard deviations."""
        numbers: Floats = (templates - self.centre) @ self.axes / self.reach
        return numbers

    def templates(self, numbers: Floats) -> Templates:
        """Embeddings (n, d) of length one at numbers (n, k)."""
        rows = self.centre + (numbers * self.reach) @ self.axes.T
        unit: Templates = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return unit
