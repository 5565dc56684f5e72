"""The verifier that has learnt from nobody here: the mean cosine of public backbones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from facebone.audit.gallery import Gallery
from facebone.audit.names import listed
from facebone.backbones.cut_name import parse_cut
from facebone.data.pairs import Pairs
from facebone.verification.embedded_pairs import Matrix, normalise
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


def as_published(gallery: Gallery, columns: tuple[int, ...]) -> Gallery:
    """The same pictures, and their changed versions, under the whole backbones at `columns`.

    The gallery itself where none of these is cut.

    Raises:
        FaceBoneError: the weights of a cut backbone are not at hand; see `backbones.cut.open_cut`.
    """
    cut = [column for column in columns if parse_cut(gallery.backbones[column])]
    if not cut:
        return gallery

    def mended(matrices: tuple[Matrix, ...]) -> tuple[Matrix, ...]:
        return tuple(
            normalise(whole(name, rows)) if column in cut else rows
            for column, (name, rows) in enumerate(zip(gallery.backbones, matrices, strict=True))
        )

    return replace(
        gallery,
        backbones=tuple(
            published(name) if column in cut else name
            for column, name in enumerate(gallery.backbones)
        ),
        matrices=mended(gallery.matrices),
        changed=tuple(mended(matrices) for matrices in gallery.changed),
    )


def published(name: str) -> str:
    """The backbone itself, of a cut one."""
    parsed = parse_cut(name)
    return parsed[0] if parsed else name


def describe_unadapted(backbones: Sequence[str]) -> str:
    """That verifier in words."""
    names = [published(name) for name in backbones]
    return f"{'cosine' if len(names) == 1 else 'mean cosine'} of {listed(names)}"
