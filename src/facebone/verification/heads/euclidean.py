"""The distance of two embeddings: nothing is learnt, nothing can leak."""

from __future__ import annotations

import numpy as np

from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads.base import Head, Scores


class EuclideanHead(Head):
    """Minus the mean over the backbones of the distance of the normalised embeddings, in -2 .. 0.

    Under one backbone it orders pairs exactly as the cosine does, since the distance of two rows
    of length one is sqrt(2 - 2 cosine); under several the two means differ.
    """

    name = "euclidean"

    def _score(self, pairs: EmbeddedPairs) -> Scores:
        distances = [
            np.linalg.norm(left.astype(np.float64) - right, axis=1)
            for left, right in zip(pairs.left, pairs.right, strict=True)
        ]
        nearness: Scores = -np.mean(distances, axis=0)
        return nearness
