"""Where somebody is, from how near they are to known places: templates from scores."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from facebone.attacks.inversion.linear_decoder import Templates
from facebone.attacks.inversion.own_space import OwnSpace

Floats = npt.NDArray[np.float64]

PENALTIES = np.logspace(-10, 2, 25)
"""Of the ridge, for each question: from answers without noise to answers that say nothing."""

FEWEST_TO_CENTRE = 10
"""People, of whom a mean says what a picture scores with anybody."""


def locate(space: OwnSpace, known: Templates, scores: Floats) -> Templates:
    """Templates of people, from what known pictures score against them.

    A score grows with the cosine of two templates, so to first order it is a weighted sum of the
    submitted embedding's numbers, and the weights are the enrolled template, but for one factor: as
    many answers as it has numbers give it away. Fewer, or noisy ones, leave it open in part: ridge
    regression expects it where faces are, and chooses how firmly by leaving answers out.

    Some pictures score higher than others whoever is enrolled, and heads differ in how much. Where
    enough people are asked about, what a picture scores on average is taken away first.

    Args:
        space: of the attacker's own faces: what is likely before anything is asked.
        known: (q, d) embeddings of the pictures that were submitted.
        scores: (q, n) of each against each person, growing with the likeness.

    Returns:
        (n, d) of length one; the mean face where all answers are the same.

    References:
        A. Hoerl, R. Kennard, "Ridge Regression: Biased Estimation for Nonorthogonal Problems",
        Technometrics 1970.
    """
    from sklearn.linear_model import RidgeCV

    # With a submitted x = c + A r z and a template t = c + A r y (centre, axes, reach, and numbers
    # of variance one) the product is x.t = (x - c).t + c.t. So t lies along the axes as the weights
    # of the features r A'(x - c) say, of which all are alike likely before anything is known.
    features = (known - space.centre) @ space.axes * space.reach
    features = features / np.mean(space.reach**2)
    several = scores.shape[1] >= FEWEST_TO_CENTRE
    if several:
        scores = scores - scores.mean(axis=1, keepdims=True)
    spread = scores.std(axis=0)
    told = spread > 1e-9 * np.maximum(1.0, np.abs(scores).max(axis=0))
    numbers = np.zeros((scores.shape[1], features.shape[1]))
    if told.any():
        model = RidgeCV(PENALTIES * len(features), alpha_per_target=True)
        model.fit(features, scores[:, told] / spread[told])
        numbers[told] = model.coef_
    moves = numbers * space.reach @ space.axes.T
    # What is left of scores without their mean tells of the template without the mean template.
    # With it, it tells of the whole; where nothing is told, the mean face is all there is.
    told_of = np.where(told & (not several), 0.0, 1.0)
    return _lengthened(told_of[:, None] * space.centre, moves)


def _lengthened(centres: Floats, moves: Floats) -> Templates:
    """Centres plus moves (n, d), each stretched so far that the sum has length one.

    That is the larger root a of |c + a m|^2 = 1.
    """
    squared = np.einsum("nd,nd->n", moves, moves)
    along = np.einsum("nd,nd->n", moves, centres)
    left = np.maximum(0.0, 1.0 - np.einsum("nd,nd->n", centres, centres))
    root = np.sqrt(along**2 + squared * left) - along
    factor = np.divide(root, squared, out=np.zeros_like(root), where=squared > 0)
    rows = centres + factor[:, None] * moves
    unit: Templates = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit
