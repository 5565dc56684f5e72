"""Boosting on shadows that learns from more than margins: from a channel with many columns."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from facebone.attacks.membership.shadow_attack import Compared
from facebone.attacks.membership.shadow_boosting import ShadowBoosting, describe
from facebone.attacks.observations import Floats


class ChannelBoosting(ShadowBoosting):
    """Boosting on shadows with every column of the channel that a subclass names.

    A candidate is described as in `ShadowBoosting`, and by what the channel shows of it: every
    column, and how far it lies from its mean over the shadows that were not trained on the
    candidate, which is missing where all were. Eight shadows play the target: each column costs
    time, and the candidates of eight are enough to learn which columns tell anything.
    """

    most_in_turn = 8

    def _describe(self, seen: Compared) -> npt.NDArray[np.floating]:
        (channel,) = self.channels
        shown = seen.channel[channel]
        columns = [describe(seen), shown]
        if len(seen.margins):
            columns.append(shown - mean_of(seen.channels[channel], ~seen.trained))
        return np.concatenate(columns, axis=1, dtype=np.float32)


def mean_of(values: Floats, chosen: npt.NDArray[np.bool_]) -> Floats:
    """Means over the chosen of values (S, n, f), chosen by a mask (S, n); NaN where none is."""
    weights = chosen.astype(np.float64)
    sums = np.einsum("snf,sn->nf", values, weights)
    counts = weights.sum(axis=0)
    known = counts > 0
    return np.where(known[:, None], sums / np.where(known, counts, 1.0)[:, None], np.nan)
