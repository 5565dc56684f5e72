"""Which way scores point: larger must mean the same person."""

from __future__ import annotations

import math

from facebone.attacks.observations import Floats, Mask
from facebone.errors import UsageError
from facebone.verification.metrics import auc

LOWEST_AUC = 0.4
"""Of telling matched from mismatched pairs: below it, scores are taken to mean the opposite."""


def check_direction(scores: Floats, same: Mask, *, where: object = "scores") -> None:
    """Refuse scores that are larger for different people than for the same person.

    Ask it about pairs that the verifier was not trained on: those it was trained on might be
    memorised. A verifier that knows nothing passes: its AUC lies around a half, and is below 0.4
    by chance where pairs are few; only what chance does not explain is refused.

    Args:
        scores: (n,).
        same: (n,) bool.
        where: what the scores are of.

    Raises:
        UsageError: the area under their ROC curve is below 0.4, and by two standard errors below
            a half; or one kind of pairs only.
    """
    area = auc(scores, same)
    matched = int(same.sum())
    mismatched = len(same) - matched
    # The standard error of Mann-Whitney's U over its maximum, for scores that know nothing.
    error = math.sqrt((len(same) + 1) / (12 * matched * mismatched))
    if area < min(LOWEST_AUC, 0.5 - 2 * error):
        raise UsageError(
            f"matched pairs score lower than mismatched ones (AUC {area:.2f} on pairs that are no "
            "members), but larger must mean the same person",
            where=where,
            hint="where smaller means the same person, give sign=-1, or --smaller-is-same",
        )
