"""What the templates of an adapted model tell those who hold them, as in a stolen database."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from facebone.verification.embedded_pairs import Matrix, normalise

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]

PEOPLE_PROBES = (
    "margin",
    "cosine of templates",
    "cosine under the backbones",
    "likeness of left to others",
    "likeness of right to others",
)
"""What each column of `probe_people` is."""


def probe_people(
    log_odds: npt.NDArray[np.floating],
    templates: Matrix,
    left: Rows,
    right: Rows,
    person: Rows,
    unadapted: npt.NDArray[np.floating],
    same: Labels,
) -> Floats:
    """Pairs described by what is known of their templates and of all others.

    Training drives people apart who are trained on, and leaves strangers where they fall: the
    templates of a member resemble those of other people less, whichever way they point.

    Args:
        log_odds: (m,) that each pair shows one person.
        templates: (n, t) of n pictures.
        left: (m,) rows of `templates`.
        right: (m,) rows of `templates`.
        person: (n,) whom each picture shows.
        unadapted: (m,) mean cosine of each pair under the backbones.
        same: (m,) bool, whether a pair shows one person.

    Returns:
        (m, 5), see `PEOPLE_PROBES`: margin and cosines are larger the more they speak for the
        right answer, the likeness is that of `likeness_to_others`.
    """
    unit = normalise(templates)
    sign = np.where(same, 1.0, -1.0)
    crowd = likeness_to_others(unit, person)
    cosine = np.einsum("nd,nd->n", unit[left], unit[right], dtype=np.float64)
    columns = [log_odds * sign, cosine * sign, unadapted * sign, crowd[left], crowd[right]]
    return np.stack(columns, axis=1)


def likeness_to_others(templates: Matrix, person: Rows) -> Floats:
    """Root mean square of the cosines of each template with those of other people, (n,).

    Args:
        templates: (n, t) rows of length one.
        person: (n,) whom each shows. Who stands alone, with nobody else, gets 0.
    """
    wide = templates.astype(np.float64)
    # The squares of a template's cosines with all add up to z' (Z' Z) z: no n x n matrix is made.
    total = np.einsum("nt,nt->n", wide @ (wide.T @ wide), wide)
    own, others = np.empty(len(wide)), np.empty(len(wide))
    order = np.argsort(person, kind="stable")
    begins = np.flatnonzero(np.diff(person[order])) + 1
    for rows in np.split(order, begins):
        own[rows] = ((wide[rows] @ wide[rows].T) ** 2).sum(axis=1)
        others[rows] = len(wide) - len(rows)
    mean: Floats = np.maximum(total - own, 0.0) / np.maximum(others, 1)
    return np.where(others > 0, np.sqrt(mean), 0.0)
