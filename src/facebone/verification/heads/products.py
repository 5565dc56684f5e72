"""Logistic regression on element-wise products: a weighted cosine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads.logistic import FeatureLogisticHead, LogisticSettings


@dataclass(frozen=True, slots=True)
class ProductsSettings(LogisticSettings):
    """How the regression on products is fitted; a hundredth of the data's weight by default.

    Args:
        C: see `LogisticSettings`.
        max_iterations: see `LogisticSettings`.
    """

    C: float = 0.01


class ProductsHead(FeatureLogisticHead):
    """Logistic regression on the element-wise products of all backbones side by side.

    The sum of the products is the cosine; this head learns how much each dimension counts.
    """

    name = "products"
    settings_type = ProductsSettings

    def features(self, pairs: EmbeddedPairs) -> npt.NDArray[np.float32]:
        """The products, (n, sum of d_k)."""
        return pairs.products()

    def _width(self, dimensions: tuple[int, ...]) -> int:
        return sum(dimensions)
