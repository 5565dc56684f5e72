"""The verifier that an adaptation is held against: the public backbones as they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from facebone.backbones.cut_name import parse_cut
from facebone.verification.embedded_pairs import EmbeddedPairs, Matrix, normalise
from facebone.verification.heads.base import Scores


def unadapted_scores(
    backbones: Sequence[str], pairs: EmbeddedPairs, *, device: str = "cpu"
) -> Scores:
    """Mean cosine of pairs under the whole backbones, as published, (n,).

    Args:
        backbones: names of the routes.
        pairs: n pairs under these.
        device: where what lies behind a cut runs.

    Raises:
        FaceBoneError: the weights of a cut backbone are not at hand; see `backbones.cut.open_cut`.
    """
    total = np.zeros(len(pairs))
    for name, *sides in zip(backbones, pairs.left, pairs.right, strict=True):
        left, right = (normalise(whole(name, side, device=device)) for side in sides)
        total += np.einsum("nd,nd->n", left, right, dtype=np.float64)
    mean: Scores = total / len(backbones)
    return mean


def whole(backbone: str, rows: Matrix, *, device: str = "cpu") -> Matrix:
    """Embeddings by a whole backbone, (n, d), from what it made of pictures.

    A backbone that is cut, for its last units to be trained, makes feature maps of pictures; the
    published units behind the cut go on from there.

    Args:
        backbone: name of the route.
        rows: (n, d_k) of n pictures.
        device: where these units run.

    Raises:
        FaceBoneError: the weights of a cut backbone are not at hand; see `backbones.cut.open_cut`.
    """
    if parse_cut(backbone) is None:
        return rows
    from facebone.verification.adaptation.tails import Tails

    return Tails.open([backbone], "frozen").place(device).embed([rows], device)
