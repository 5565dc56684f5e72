"""From what a system stores back to what the public networks say."""

from __future__ import annotations

import numpy as np

from facebone.attacks.inversion.linear_decoder import Templates
from facebone.verification.embedded_pairs import normalise

RIDGE = 1e-3
"""Of the mean square of a template's numbers: fewer faces than numbers leave directions open, and
along these nothing is claimed."""


def undo(leaked: Templates, stored: Templates, public: Templates) -> Templates:
    """Leaked templates as the public networks would have given them, as far as it can be told.

    What the system does to embeddings is taken for one linear map, and its way back is learnt by
    ridge regression. Of a rotation each enrolled face gives away one direction: as many as a
    template has numbers give away all of it.

    Args:
        leaked: (n, t) of length one.
        stored: (m, t) of the attacker's enrolled faces.
        public: (m, d) what the public networks say of these.

    Returns:
        (n, d) of length one.
    """
    gram = (stored.T @ stored).astype(np.float64)
    gram += RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
    back = np.linalg.solve(gram, (stored.T @ public).astype(np.float64))
    return normalise((leaked @ back).astype(np.float32))
