"""Pictures of a candidate compared with the centre of the others, from cosines of pairs alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from facebone.attacks.access import Channel
from facebone.attacks.observations import Observations
from facebone.attacks.probe_answers import ProbeAnswers
from facebone.data.pairs import Pairs
from facebone.verification.heads.base import sigmoid

Floats = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]

LEAST_SLOPE = 1e-6
"""Of log odds on cosines: larger means the same person, whatever a fit to noise says."""


@dataclass(frozen=True, slots=True, eq=False)
class Album:
    """The pictures that are used to ask about one unit.

    Args:
        own: (m,) those that are compared with the centre of the others.
        question: (p, p) which question shows two of the pictures; -1 where none does, and for a
            picture and itself.
    """

    own: Positions
    question: Positions


def albums(
    questions: Pairs, asked: Positions, unit: Positions, candidates: Sequence[int | None]
) -> list[Album]:
    """The pictures of each unit.

    Args:
        questions: all that were answered.
        asked: (r,) matched ones that are asked about units.
        unit: (r,) about which, 0 .. u - 1, not falling.
        candidates: (u,) of each unit that is a picture, which one; None where it is a person, of
            whom every picture asked with is compared.
    """
    both = np.sort([questions.left, questions.right], axis=0)
    known = {(int(both[0, q]), int(both[1, q])): int(q) for q in np.flatnonzero(questions.same)}
    begins = np.searchsorted(unit, np.arange(len(candidates) + 1))
    found = []
    for number, candidate in enumerate(candidates):
        pictures = np.unique(both[:, asked[begins[number] : begins[number + 1]]]).tolist()
        table = [[known.get((min(a, b), max(a, b)), -1) for b in pictures] for a in pictures]
        own = range(len(pictures)) if candidate is None else [pictures.index(candidate)]
        question = np.array(table, dtype=np.intp)
        np.fill_diagonal(question, -1)
        found.append(Album(np.array(own, dtype=np.intp), question))
    return found


def to_centres(album: Album, cosine: npt.NDArray[np.floating]) -> Floats:
    """Cosine of each own picture's template with the mean of the others', (S, m).

    Templates have length one, so with g the cosines of pairs the sum of all but i has the length
    root of the sum of g_jk over all j, k but i, and its product with i is the sum of g_ij. A pair
    that no question shows is taken to be as alike as those that are shown; where the others' sum
    vanishes they have no centre, and the cosine counts as 0.

    Args:
        album: of one unit, with two pictures or more.
        cosine: (S, q) of the templates of each question, of S verifiers.
    """
    shown = album.question >= 0
    gram = np.where(shown, cosine[:, album.question], 0.0).astype(np.float64)
    usual = gram.sum(axis=(1, 2)) / shown.sum()
    gram = np.where(shown, gram, usual[:, None, None])
    places = np.arange(len(album.question))
    gram[:, places, places] = 1.0
    # Of everybody, less the row and the column of picture i, which share one element.
    with_others = gram.sum(axis=2) - 1.0
    square = gram.sum(axis=(1, 2))[:, None] - 2 * with_others - 1.0
    length = np.sqrt(np.maximum(square, 0.0))
    some = length > 1e-6
    found = np.where(some, with_others / np.where(some, length, 1.0), 0.0)
    return np.clip(found[:, album.own], -1.0, 1.0)


def with_centres(units: Observations, asked: Observations, chosen: Sequence[Album]) -> Observations:
    """Observations of units with the mean likeness to centres in place of the mean margin.

    It is shown on the scale of the target's log odds: on the line that fits these best to cosines
    of templates. Shadows are put on the same one.

    Args:
        units: u units beside their shadows.
        asked: about all questions, with `Channel.COSINE`, of shadows too.
        chosen: u albums.
    """
    cosines: list[npt.NDArray[np.floating]] = [asked.channels[Channel.COSINE][None, :, 0]]
    if asked.shadows is not None and units.shadows is not None:
        cosines.append(asked.shadows.channels[Channel.COSINE][..., 0])
    slope, offset = _line(cosines[0][0], asked.log_odds[:, 0])
    all_cosines = np.concatenate(cosines)
    every = [slope * to_centres(album, all_cosines) + offset for album in chosen]
    candidate = np.repeat(np.arange(len(every)), [one.shape[1] for one in every])
    values = np.concatenate(every, axis=1)
    means = np.stack([one.mean(axis=1) for one in every], axis=1)
    own, shadows = means[0, :, None], units.shadows
    if shadows is not None:
        shadows = replace(shadows, log_odds=means[1:].astype(np.float32))
    return replace(
        units,
        score=sigmoid(own),
        log_odds=own,
        shadows=shadows,
        probes=ProbeAnswers(
            candidate=candidate,
            margin=values[0],
            same=np.ones(len(candidate), dtype=np.bool_),
            margins=values[1:].astype(np.float32),
            size=len(every),
        ),
    )


def _line(cosine: npt.NDArray[np.floating], log_odds: Floats) -> tuple[float, float]:
    """Slope, above zero, and offset of log odds on cosines, by least squares."""
    x = cosine.astype(np.float64) - cosine.mean(dtype=np.float64)
    spread = float(x @ x)
    slope = max(float(x @ log_odds) / spread, LEAST_SLOPE) if spread > 0 else 1.0
    return slope, float(log_odds.mean() - slope * cosine.mean(dtype=np.float64))
