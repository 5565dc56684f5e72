"""Views of a picture as backbones of their own: ``BACKBONE%60-mirror``.

A number is the share of the picture, in per cent of its sides, that the network is shown: its
middle. ``mirror`` embeds the picture and its mirror image, and takes the mean of both. Several
views of one network stand beside each other as several networks do: whatever learns how much to
believe each of them learns it of views too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from facebone.backbones.base import Backbone, BackboneSpec, Embeddings, Faces
from facebone.errors import UsageError

MARK = "%"
MIRROR = "mirror"
SMALLEST, WHOLE = 10, 100


@dataclass(frozen=True, slots=True)
class View:
    """What of a picture a network is shown.

    Args:
        share: of each side, in per cent, around the middle.
        mirrored: whether the mean with the mirror image is taken.
    """

    share: int = WHOLE
    mirrored: bool = False

    @property
    def words(self) -> str:
        """As it stands in a name."""
        share = [] if self.share == WHOLE else [str(self.share)]
        return "-".join([*share, *([MIRROR] if self.mirrored else [])])


def parse_view(name: str) -> tuple[str, View] | None:
    """The backbone and the view of ``BACKBONE%VIEW``; None for a name without a view.

    Raises:
        UsageError: what stands behind the mark is no view.
    """
    backbone, mark, words = name.rpartition(MARK)
    if not (backbone and mark):
        return None
    share, mirrored = WHOLE, False
    first, *others = words.split("-")
    if first.isascii() and first.isdecimal():
        share = int(first)
    else:
        others = [first, *others]
    if others == [MIRROR]:
        mirrored = True
    elif others:
        raise _no_view(name)
    view = View(share, mirrored)
    if not SMALLEST <= share <= WHOLE or view == View() or view.words != words:
        raise _no_view(name)
    return backbone, view


def seen(spec: BackboneSpec, view: View) -> BackboneSpec:
    """The facts of a backbone that is shown a view: larger pictures, of which it sees the middle.

    The middle is as large as the network wants it, so that nothing is enlarged that the picture
    has in detail.
    """
    height, width = spec.input_size
    # Templates are known for certain shapes, which the larger picture must have, too.
    common = math.gcd(height, width)
    larger = round(common * WHOLE / view.share)
    size = (height // common * larger, width // common * larger)
    family, dash, _ = spec.template.rpartition("-")
    return replace(
        spec,
        name=f"{spec.name}{MARK}{view.words}",
        input_size=size,
        template=f"{family}{dash}{size[0]}x{size[1]}",
    )


class ViewedBackbone(Backbone):
    """A backbone that is shown a view of each picture.

    Args:
        inner: the network.
        view: what it is shown.
    """

    def __init__(self, inner: Backbone, view: View) -> None:
        super().__init__(
            seen(inner.spec, view),
            weights_hash=f"{inner.weights_hash}{MARK}{view.words}",
            device=inner.device,
        )
        self._inner, self._view = inner, view

    @property
    def holds_lock(self) -> bool:  # type: ignore[override]
        """As the network does."""
        return self._inner.holds_lock

    def _forward(self, faces: Faces) -> Embeddings:
        (height, width), (inner_height, inner_width) = (
            self.spec.input_size,
            self._inner.spec.input_size,
        )
        top, left = (height - inner_height) // 2, (width - inner_width) // 2
        middle = np.ascontiguousarray(faces[:, top : top + inner_height, left : left + inner_width])
        embeddings = self._inner.embed(middle)
        if not self._view.mirrored:
            return embeddings
        mirrored = self._inner.embed(np.ascontiguousarray(middle[:, :, ::-1]))
        mean: Embeddings = (_unit(embeddings) + _unit(mirrored)) * np.float32(0.5)
        return mean


def _unit(rows: Embeddings) -> Embeddings:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Embeddings = rows / np.maximum(lengths, np.finfo(np.float32).tiny)
    return unit


def _no_view(name: str) -> UsageError:
    return UsageError(
        f"names no view: {name!r}",
        where="backbone",
        hint=f"write NAME{MARK}60 for the middle 60 % of the picture, NAME{MARK}{MIRROR} for the "
        f"mean with its mirror image, or NAME{MARK}60-{MIRROR}",
    )
