"""The cosine of two embeddings: nothing is learnt, nothing can leak."""

from __future__ import annotations

import numpy as np

from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads.base import Head, Scores


class CosineHead(Head):
    """Mean over the backbones of the cosine similarity, in -1 .. 1."""

    name = "cosine"

    def _score(self, pairs: EmbeddedPairs) -> Scores:
        mean: Scores = pairs.cosines().mean(axis=1, dtype=np.float64)
        return mean
