"""The head of a target, asked about pictures of whoever claims to be an enrolled person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.attacks.inversion.asked_leak import Rows
from facebone.backbones.base import Faces
from facebone.verification.crops import recrop
from facebone.verification.embedded_pairs import EmbeddedPairs, Matrix
from facebone.verification.heads import Head, LearningHead
from facebone.verification.routes import Route

Floats = npt.NDArray[np.float64]

AT_ONCE = 65_536
"""Pairs whose embeddings are held together."""


@dataclass(frozen=True, slots=True, eq=False)
class AskedHead:
    """A door to a head: see `Door`, and `LogOdds`.

    Embeddings are as long as the backbones give them, for some heads look at it.

    Args:
        head: fitted, or one that learns nothing.
        enrolled: K matrices (n, d_k) of the picture of each person that is enrolled.
        owned: K matrices (m, d_k) of the attacker's own pictures.
        routes: the K backbones, where pictures that the attacker makes are asked about.
        first: the route as whose preparation cuts faces out the pictures are made.
    """

    head: Head
    enrolled: tuple[Matrix, ...]
    owned: tuple[Matrix, ...]
    routes: Sequence[Route] = ()
    first: Route | None = None

    def own(self, people: Rows, positions: Rows) -> Floats:
        """See `Door.own`."""
        return self._ask(people, self.owned, positions)

    def made(self, people: Rows, pictures: Faces) -> Floats:
        """See `Door.made`."""
        if self.first is None:  # whoever plans the job knows
            raise ValueError("no backbones to look at pictures with")
        rows = look_at(pictures, self.first, self.routes)
        return self._ask(people, rows, np.arange(len(pictures)))

    def log_odds(self, people: Rows, rows: Matrix) -> Floats:
        """See `LogOdds`: embeddings side by side are (q, sum of d_k), usually of length one."""
        widths = [matrix.shape[1] for matrix in self.enrolled]
        parts = np.split(rows * np.float32(np.sqrt(len(widths))), np.cumsum(widths)[:-1], axis=1)
        # Whoever moves an embedding moves its direction: it stays as long as pictures' usually are.
        usual = [np.median(np.linalg.norm(matrix, axis=1)) for matrix in self.owned]
        enrolled = tuple(matrix[people] for matrix in self.enrolled)
        scaled = EmbeddedPairs.scale([p * u for p, u in zip(parts, usual, strict=True)], enrolled)
        # Moved as far as it is, not brought back to length one.
        pairs = EmbeddedPairs(tuple(parts), scaled.right, None, scaled.lengths)
        return _answers(self.head, pairs)

    def _ask(self, people: Rows, rows: tuple[Matrix, ...], places: Rows) -> Floats:
        found = np.empty(len(people))
        for begin in range(0, len(people), AT_ONCE):
            some = slice(begin, begin + AT_ONCE)
            left = [matrix[places[some]] for matrix in rows]
            right = [matrix[people[some]] for matrix in self.enrolled]
            found[some] = _answers(self.head, EmbeddedPairs.scale(left, right))
        return found


def look_at(pictures: Faces, first: Route, routes: Sequence[Route]) -> tuple[Matrix, ...]:
    """What K backbones say of pictures (n, h, w, 3), K matrices (n, d_k) as long as they give them.

    Args:
        pictures: made as the preparation of a first route would cut them out.
        first: that route.
        routes: the K.
    """
    return tuple(
        route.backbone.embed(recrop(pictures, first.preparation, route.preparation))
        for route in routes
    )


def _answers(head: Head, pairs: EmbeddedPairs) -> Floats:
    """Log odds, which keep what probabilities lose; of a head that learns nothing its scores."""
    return head.logit(pairs) if isinstance(head, LearningHead) else head.score(pairs)
