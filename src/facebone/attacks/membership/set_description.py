"""A picture or a person described by all answers about it, for a classifier."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from facebone.attacks.membership.lira import log_ratio
from facebone.attacks.membership.set_attack import means, sizes
from facebone.attacks.membership.shadow_attack import Compared
from facebone.attacks.membership.shadow_posterior import expect
from facebone.attacks.observations import Floats, Mask
from facebone.attacks.probe_answers import Positions


def describe_set(pairs: Compared, first: Positions) -> Floats:
    """Each candidate as (n, f) numbers, NaN where it has no pair of a kind; f is less if alone.

    How many pairs it has, and for matched pairs, mismatched and all of them, `spread` of the
    margins. Beside shadows also how much likelier each pair was answered so after training on the
    candidate, by `log_ratio` and by `expect`, which does better with few shadows: mean, sum and
    largest, for the same kinds; and both for the mean of all margins.
    """
    candidate = np.repeat(np.arange(len(first)), sizes(pairs, first))
    kinds = (pairs.same, ~pairs.same, np.ones_like(pairs.same))
    columns: list[Floats] = [sizes(pairs, first)[:, None].astype(np.float64)]
    columns += [spread(pairs.margin, candidate, len(first), kind) for kind in kinds]
    if len(pairs.margins):
        for ratios in _ratios(pairs):
            for kind in kinds:
                found = spread(ratios, candidate, len(first), kind)[:, [0, 3]]
                total = np.bincount(candidate[kind], weights=ratios[kind], minlength=len(first))
                columns += [found, total[:, None].astype(np.float64)]
        columns += [ratio[:, None] for ratio in _ratios(means(pairs, first))]
    return np.concatenate(columns, axis=1)


def _ratios(seen: Compared) -> tuple[Floats, Floats]:
    usual = expect(seen.margins, seen.trained, seen.same)
    return log_ratio(seen, "online", "shrunk"), usual.log_ratio(seen.margin)


def spread(values: Floats, group: npt.NDArray[np.intp], size: int, chosen: Mask) -> Floats:
    """Mean, deviation, least, largest and median of the chosen of each group, (size, 5).

    Args:
        values: (r,).
        group: (r,) 0 .. size - 1.
        size: of groups.
        chosen: (r,) bool. A group with none gets NaN.
    """
    values, group = values[chosen], group[chosen]
    order = np.lexsort((values, group))
    values, group = values[order], group[order]
    begin, end = (np.searchsorted(group, np.arange(size), side) for side in ("left", "right"))
    found = np.full((size, 5), np.nan)
    some = end > begin
    if not some.any():
        return found
    begin, end = begin[some], end[some]
    count = end - begin
    mean = np.add.reduceat(values, begin) / count
    squares = np.add.reduceat((values - np.repeat(mean, count)) ** 2, begin)
    median = (values[begin + (count - 1) // 2] + values[begin + count // 2]) / 2
    found[some] = np.column_stack(
        [mean, np.sqrt(squares / count), values[begin], values[end - 1], median]
    )
    return found
