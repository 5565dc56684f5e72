"""The verifier that has learnt from nobody here: the mean cosine of public backbones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from facebone.audit.gallery import Gallery
from facebone.audit.names import listed
from facebone.backbones.cut_name import parse_cut
from facebone.data.pairs import Pairs
from facebone.verification.embedded_pairs import normalise
from facebone.verification.unadapted import whole


def unadapted_scores(
    gallery: Gallery, pairs: Pairs, columns: tuple[int, ...]
) -> npt.NDArray[np.float64]:
    """Mean cosine of pairs under the whole backbones at `columns`, as published, (n,).

    A backbone that is cut, for its last units to be trained, embeds pictures as feature maps. Its
    cosine is that of the embeddings which the published units behind the cut make of them.

    Args:
        gallery: the pictures.
        pairs: n pairs.
        columns: the backbones.

    Raises:
        FaceBoneError: the weights of a cut backbone are not at hand; see `backbones.cut.open_cut`.
    """
    pictures, left, right = pairs.placed()
    total = np.zeros(len(pairs))
    for column in columns:
        unit = normalise(whole(gallery.backbones[column], gallery.matrices[column][pictures]))
        total += np.einsum("nd,nd->n", unit[left], unit[right], dtype=np.float64)
    mean: npt.NDArray[np.float64] = total / len(columns)
    return mean


def describe_unadapted(backbones: Sequence[str]) -> str:
    """That verifier in words."""
    names = [parsed[0] if (parsed := parse_cut(name)) else name for name in backbones]
    return f"{'cosine' if len(names) == 1 else 'mean cosine'} of {listed(names)}"
