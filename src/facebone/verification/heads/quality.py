"""Logistic regression on cosines that believes good pictures more."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from facebone.errors import UsageError
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads.logistic import FeatureLogisticHead


class QualityHead(FeatureLogisticHead):
    """Logistic regression on cosines and how much each network saw: 3 K + 1 numbers are learnt.

    Of a blurred, dark or turned face most networks give a short embedding. So the length of the
    shorter embedding of a pair says how far the cosine beside it can be believed; it is a feature
    by itself and as the cosine's weight.

    References:
        Q. Meng, S. Zhao, Z. Huang, F. Zhou, "MagFace: A Universal Representation for Face
        Recognition and Quality Assessment", CVPR 2021.
        M. Kim, A. Jain, X. Liu, "AdaFace: Quality Adaptive Margin for Face Recognition", CVPR 2022.
    """

    name = "quality"

    def features(self, pairs: EmbeddedPairs) -> npt.NDArray[np.float32]:
        """Cosines, lengths of the shorter embeddings, and their products, (n, 3 K).

        Raises:
            UsageError: it learnt from lengths, and these pairs do not tell theirs.
        """
        if pairs.lengths is None and self._knows_lengths():
            raise UsageError(
                "needs to know how long embeddings were before they were scaled",
                where=f"head {self.name}",
                hint="gather the pairs from embeddings as the backbones give them",
            )
        cosines, shorter = pairs.cosines(), pairs.shorter()
        return np.concatenate([cosines, shorter, cosines * shorter], axis=1)

    def _knows_lengths(self) -> bool:
        """Whether it was fitted to pairs that told their lengths: others count as one."""
        if self.dimensions is None:
            return False
        count = len(self.dimensions)
        return bool((self._mean[count : 2 * count] != 1).any())

    def _width(self, dimensions: tuple[int, ...]) -> int:
        return 3 * len(dimensions)
