"""One space for the embeddings of all backbones, so that one head can take any of them.

A map is a (w, d_k) float64 matrix M that takes an embedding x to M x; rows are scaled back to
length one afterwards. Maps are found from the training pictures' embeddings, without labels. A
picture counts as often as it stands in a pair.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError
from facebone.seeding import make_rng
from facebone.verification.embedded_pairs import EmbeddedPairs, Matrix, normalise

Map = npt.NDArray[np.float64]
Maps = dict[int, Map]
"""Backbone, counted from 0 -> its map. A backbone that has none stays as it is."""


class Space(ABC):
    """How the backbones' own spaces become one.

    Args:
        width: of the random space; None for that of the narrowest backbone.
        regularisation: of the learned space.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    """What it does, in a few words for people."""

    def __init__(self, *, width: int | None = None, regularisation: float = 1e-3) -> None:
        self._width = width
        self.regularisation = regularisation

    @abstractmethod
    def width(self, dimensions: tuple[int, ...]) -> int:
        """Width of the common space of backbones of these widths.

        Raises:
            UsageError: they cannot meet in this space.
        """

    @abstractmethod
    def shapes(self, dimensions: tuple[int, ...]) -> dict[int, tuple[int, int]]:
        """Backbone that has a map -> its shape.

        Raises:
            UsageError: as `width`.
        """

    @abstractmethod
    def fit(self, pairs: EmbeddedPairs, *, seed: int) -> Maps:
        """The maps, from the pictures of training pairs.

        Raises:
            UsageError: as `width`.
        """


class Onto(Space):
    """All backbones but one are mapped onto that one, the first of the widest."""

    def width(self, dimensions: tuple[int, ...]) -> int:
        """The widest."""
        return max(dimensions)

    def shapes(self, dimensions: tuple[int, ...]) -> dict[int, tuple[int, int]]:
        """A map for each but the reference."""
        widest = max(dimensions)
        reference = dimensions.index(widest)
        return {k: (widest, d) for k, d in enumerate(dimensions) if k != reference}

    def fit(self, pairs: EmbeddedPairs, *, seed: int) -> Maps:
        """The maps; nothing is drawn."""
        dimensions = pairs.dimensions
        pictures = [
            np.concatenate(sides).astype(np.float64)
            for sides in zip(pairs.left, pairs.right, strict=True)
        ]
        reference = pictures[dimensions.index(max(dimensions))]
        # In rows, as they come back from disk: the order of numbers in memory is the order in which
        # they are added up, and a saved map must give the same embeddings to the last bit.
        return {
            k: np.ascontiguousarray(self._map(pictures[k], reference))
            for k in self.shapes(dimensions)
        }

    @abstractmethod
    def _map(self, pictures: Map, reference: Map) -> Map:
        """The map (w, d_k) from a backbone's (N, d_k) embeddings of N pictures to (N, w) others."""


class Procrustes(Onto):
    """The rotation nearest the widest backbone; a narrower one is padded with zeros first.

    Angles, and so cosines, stay what they were.

    References:
        P. Schoenemann, "A generalized solution of the orthogonal Procrustes problem", 1966.
    """

    name = "procrustes"
    summary = "each backbone rotated onto the widest"

    def _map(self, pictures: Map, reference: Map) -> Map:
        # Of padded X, Y: the R with orthonormal columns that minimises |X R - Y| is U V' for the
        # singular value decomposition X'Y = U S V'. Rows of R that meet the padding count for
        # nothing, so the decomposition of the unpadded X'Y gives all that is needed.
        u, _, vt = np.linalg.svd(pictures.T @ reference, full_matrices=False)
        rotation: Map = (u @ vt).T
        return rotation


class Learned(Onto):
    """The linear map that predicts the widest backbone best, by ridge regression.

    Minimises the mean over pictures of |M x - y|^2, plus `regularisation` times |M|^2.
    """

    name = "learned"
    summary = "each backbone mapped onto the widest by ridge regression"

    def _map(self, pictures: Map, reference: Map) -> Map:
        count, width = pictures.shape
        gram = pictures.T @ pictures / count + self.regularisation * np.eye(width)
        learnt: Map = np.linalg.solve(gram, pictures.T @ reference / count).T
        return learnt


class Random(Space):
    """Gaussian projections, one a backbone, drawn from the seed: nothing is learnt.

    Cosines stay what they were up to noise that falls with the width, but a picture lies elsewhere
    under each backbone.

    References:
        W. Johnson, J. Lindenstrauss, "Extensions of Lipschitz mappings into a Hilbert space", 1984.
    """

    name = "random"
    summary = "each backbone projected at random"

    def width(self, dimensions: tuple[int, ...]) -> int:
        """The setting, or the narrowest."""
        return min(dimensions) if self._width is None else self._width

    def shapes(self, dimensions: tuple[int, ...]) -> dict[int, tuple[int, int]]:
        """A map for each."""
        width = self.width(dimensions)
        return {k: (width, d) for k, d in enumerate(dimensions)}

    def fit(self, pairs: EmbeddedPairs, *, seed: int) -> Maps:
        """The maps; the pictures have no say in them."""
        maps = {}
        for k, shape in self.shapes(pairs.dimensions).items():
            rng = make_rng(seed, "facebone", "space", k)
            maps[k] = rng.standard_normal(shape) / np.sqrt(shape[0])
        return maps


class Raw(Space):
    """The embeddings as they are, as the prototype took them; only backbones of one width."""

    name = "raw"
    summary = "the backbones' own spaces, as if they were one"

    def width(self, dimensions: tuple[int, ...]) -> int:
        """The one width."""
        if len(set(dimensions)) != 1:
            raise UsageError(
                f"needs backbones of one width, got {', '.join(map(str, dimensions))}",
                where="facebone space=raw",
                hint="take space=procrustes",
            )
        return dimensions[0]

    def shapes(self, dimensions: tuple[int, ...]) -> dict[int, tuple[int, int]]:
        """No maps."""
        self.width(dimensions)
        return {}

    def fit(self, pairs: EmbeddedPairs, *, seed: int) -> Maps:
        """No maps."""
        del seed
        self.width(pairs.dimensions)
        return {}


SPACES: dict[str, type[Space]] = {kind.name: kind for kind in (Procrustes, Learned, Random, Raw)}


def meet(pairs: EmbeddedPairs, maps: Maps, columns: Sequence[int] | None = None) -> EmbeddedPairs:
    """Pairs in the common space, under the backbones at `columns`; all by default."""
    chosen = range(len(pairs.left)) if columns is None else columns
    shown = pairs.choose(chosen)
    return EmbeddedPairs(
        tuple(_apply(rows, maps.get(k)) for k, rows in zip(chosen, shown.left, strict=True)),
        tuple(_apply(rows, maps.get(k)) for k, rows in zip(chosen, shown.right, strict=True)),
        lengths=shown.lengths,
    )


def _apply(rows: Matrix, taken: Map | None) -> Matrix:
    if taken is None:
        return rows
    # einsum adds up every row alike, however many there are; a blocked product does not promise it.
    moved = np.einsum("nd,wd->nw", rows.astype(np.float64), taken)
    return normalise(moved.astype(np.float32))
