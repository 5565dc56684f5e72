"""What a head tells those who can hand it templates of their own making."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt

import numpy as np
import numpy.typing as npt

from facebone.settings import check_integer, check_number
from facebone.verification.embedded_pairs import EmbeddedPairs, Matrix, normalise
from facebone.verification.heads.base import LearningHead
from facebone.verification.heads.checks import check_labels
from facebone.verification.heads.inside import Floats, Labels

SCALES = (0.05, 0.2)
"""Lengths of the noise in parts of a template's length: one that hardly changes whom a template
shows, and one that leaves a trained pair's surroundings."""
DRAWS = 8
"""How often noise is drawn for each pair."""
PROBE_QUERIES = 2 + DRAWS * len(SCALES)
"""Questions about each pair: as it is, turned, and under noise."""
NUMBERS_AT_ONCE = 2**20
"""Random numbers held at once, 4 MB."""

_OF_DRAWS = ("mean", "deviation")


def probe_names(scales: Sequence[float] = SCALES) -> tuple[str, ...]:
    """What each column of `probe` is."""
    noisy = (f"margin at noise {scale:g}, {what}" for scale in scales for what in _OF_DRAWS)
    return ("margin", "cosine", *noisy, "margin turned")


def probe(
    head: LearningHead,
    pairs: EmbeddedPairs,
    same: Labels,
    *,
    rng: np.random.Generator,
    draws: int = DRAWS,
    scales: Sequence[float] = SCALES,
) -> Floats:
    """How a head answers about pairs and about pairs near them.

    A head that has learnt a pair by heart is surer of it than of its surroundings, where one that
    has learnt what faces are answers alike. The margin is the log odds of the right answer.

    The noise depends on `rng`, the pairs' number and widths, and on `draws`, but not on the head:
    heads that are probed with generators of one seed meet the same templates.

    Args:
        head: fitted. Where its answers vary, each question is asked once.
        pairs: n pairs.
        same: (n,) bool.
        rng: draws the noise.
        draws: how often noise is drawn for each pair; all scales share it, so that they differ in
            its length alone.
        scales: about how long the Gaussian noise on both templates of a pair is, in parts of the
            template's length. Noisy templates are scaled back to length one.

    Returns:
        (n, f): the margin; the mean over backbones of the cosine; for each scale the mean and the
        standard deviation over draws of the margin under noise; the margin with left and right
        exchanged. `probe_names` names them.

    Raises:
        UsageError: as `LearningHead.score`, labels that do not fit the pairs, fewer than two
            draws, or a scale that is not above zero.
    """
    check_labels(pairs, same, where=f"head {head.name}, probing")
    check_integer("draws", draws, low=2)
    for scale in scales:
        check_number("scales", scale, low=0, low_open=True)
    sign = np.where(same, 1.0, -1.0)
    noisy = np.empty((len(pairs), len(scales), len(_OF_DRAWS)))
    for rows, noise in _noise(pairs, draws, rng):
        near = pairs.take(rows)
        for k, scale in enumerate(scales):
            answers = head.quick_logit(_moved(near, noise, scale))
            margins = answers.reshape(-1, draws).astype(np.float64) * sign[rows, None]
            noisy[rows, k] = np.stack([margins.mean(axis=1), margins.std(axis=1)], axis=1)
    columns = [
        head.quick_logit(pairs) * sign,
        pairs.cosines().mean(axis=1, dtype=np.float64),
        *noisy.reshape(len(pairs), len(scales) * len(_OF_DRAWS)).T,
        head.quick_logit(pairs.turned()) * sign,
    ]
    return np.stack(columns, axis=1)


def _noise(
    pairs: EmbeddedPairs, draws: int, rng: np.random.Generator
) -> Iterator[tuple[npt.NDArray[np.intp], Matrix]]:
    """Positions of some pairs after others, and standard noise (rows, draws, 2, sum of d_k).

    Numbers are drawn pair by pair, so a pair's noise does not depend on the size of blocks.
    """
    shape = draws, 2, sum(pairs.dimensions)
    size = max(1, NUMBERS_AT_ONCE // (shape[0] * shape[1] * max(1, shape[2])))
    for begin in range(0, len(pairs), size):
        rows = np.arange(begin, min(begin + size, len(pairs)))
        yield rows, rng.standard_normal((len(rows), *shape), dtype=np.float32)


def _moved(pairs: EmbeddedPairs, noise: Matrix, scale: float) -> EmbeddedPairs:
    """Each pair as often as noise was drawn for it, with that noise."""
    ends = np.cumsum(pairs.dimensions)[:-1]
    parts = np.split(noise, ends, axis=-1)

    def side(matrices: tuple[Matrix, ...], which: int) -> tuple[Matrix, ...]:
        moved = []
        for matrix, part in zip(matrices, parts, strict=True):
            width = matrix.shape[1]
            # Squares of d numbers add up to about d times their variance: that makes the length.
            step = np.float32(scale / sqrt(width))
            moved.append(normalise((matrix[:, None] + step * part[:, :, which]).reshape(-1, width)))
        return tuple(moved)

    # Whoever makes templates gives them what length they please: that of the pair itself.
    lengths = None if pairs.lengths is None else np.repeat(pairs.lengths, noise.shape[1], axis=0)
    return EmbeddedPairs(side(pairs.left, 0), side(pairs.right, 1), None, lengths)
