"""Where somebody is, from where a verifier changes its mind: templates from a boundary."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from facebone.attacks.inversion.linear_decoder import Templates
from facebone.attacks.inversion.multilateration import PENALTIES
from facebone.attacks.inversion.own_space import OwnSpace

Floats = npt.NDArray[np.float64]


def inwards(
    space: OwnSpace, inside: Templates, boundary: Templates, *, roughly: Templates
) -> Templates:
    """The direction from the boundary of what is accepted for a person to the person.

    A score grows with the cosine of two templates, so to first order the boundary is a plane across
    the enrolled template t: all points e on it have the same product e.t, and a point a that lies
    inside has a larger one. So (a - e).t is the same for all of them, and its sign is known. As
    many points as a template has numbers give t away, but for its length, which is one. Fewer, or
    such as were found roughly, leave it open in part: ridge regression expects it near where the
    person is thought to be, and chooses how firmly by leaving points out.

    Args:
        space: of the attacker's own faces: what is likely before anything is asked.
        inside: (d,) embedding of a picture that is accepted.
        boundary: (q, d) embeddings of pictures between accepted and rejected ones, q at least 2.
        roughly: (d,) where the person is thought to be.

    Returns:
        (d,) of length one.

    References:
        D. Lowd, C. Meek, "Adversarial Learning", KDD 2005: a linear classifier from its decisions,
        by searches along lines.
    """
    from sklearn.linear_model import RidgeCV

    moves = (inside - boundary).astype(np.float64)
    # All are as far from the boundary as the accepted one is; how far that is, is the unit.
    along = moves @ roughly
    factor = max(0.0, float(along.sum() / max(float(along @ along), 1e-12)))
    usual = space.reach / np.sqrt(np.mean(space.reach**2))
    features = moves @ space.axes * usual
    model = RidgeCV(PENALTIES * len(features), fit_intercept=False)
    model.fit(features, 1.0 - factor * along)
    found: Floats = factor * roughly + (model.coef_ * usual) @ space.axes.T
    length = float(np.linalg.norm(found))
    # Points that all lie at the accepted one say nothing.
    direction: Templates = (found / length if length > 0 else roughly).astype(np.float32)
    return direction
