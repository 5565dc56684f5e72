"""Changed versions of a picture: flips, shifts, noise and crops, as an attacker submits them.

A verifier that was trained on a picture answers alike for its changed versions, one that was not
wavers. Whoever sees only decisions reads confidence from how often they hold; whoever sees scores
averages them.

References:
    Christopher A. Choquette-Choo, Florian Tramer, Nicholas Carlini and Nicolas Papernot,
    "Label-Only Membership Inference Attacks", 2021.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from facebone.data.pictures import RGB, Picture, Points, Source
from facebone.data.variant_kinds import VERSION, Crop, Flip, Noise, Shift, Variant
from facebone.errors import DecodeError
from facebone.seeding import make_rng

__all__ = ["VARIANTS", "Variant", "VariantSource", "changed"]

VARIANTS: tuple[Variant, ...] = (
    Flip(),
    Shift("left", 0.04),
    Shift("right", 0.04),
    Shift("up", 0.04),
    Shift("down", 0.04),
    Noise(8.0),
    Noise(16.0),
    Crop("centre", 0.92),
    Crop("top-left", 0.92),
)
"""The changes an attacker makes unless told otherwise: each keeps a face recognisable."""


@dataclass(frozen=True, slots=True)
class VariantSource:
    """A picture that is changed when it is decoded.

    Args:
        source: of the picture as it was.
        variant: the change.
    """

    source: Source
    variant: Variant

    @property
    def location(self) -> str:
        """What an error message calls this picture: the original and the change."""
        return f"{self.source.location}@{self.variant.name}"

    @property
    def landmarks(self) -> Points | None:
        """Where the stated landmarks of the original lie in the changed picture, or None.

        Raises:
            DecodeError: landmarks are stated, but the picture's size cannot be found out.
        """
        stated = self.source.landmarks
        return None if stated is None else self.variant.move(stated, _size(self.source))

    def read(self) -> bytes:
        """The bytes of the original behind a mark that states the change."""
        return self._mark() + self.source.read()

    def decode(self, content: bytes) -> RGB:
        """The original as changed; the same bytes always give the same pixels, noise included.

        Raises:
            DecodeError: the bytes are not of this variant, or the original cannot be decoded.
        """
        mark = self._mark()
        if not content.startswith(mark):
            raise DecodeError("not the bytes of this variant", where=self.location)
        image = self.source.decode(content[len(mark) :])
        digest = hashlib.blake2b(content, digest_size=16).hexdigest()
        return self.variant.apply(image, rng=make_rng(0, "variant", digest))

    def _mark(self) -> bytes:
        # In front, where no picture has it: a file that ended in it would still be the picture it
        # is, but bear the key of the variant.
        return f"facebone-variant/{VERSION} {self.variant.name}\n".encode()


def changed(picture: Picture, variant: Variant) -> Picture:
    """A picture of the same person, changed. Nothing is read before the new picture is.

    Args:
        picture: from any source, a variant included.
        variant: the change.

    Returns:
        A picture with the id ``{id}@{variant's name}``.
    """
    return Picture(
        f"{picture.id}@{variant.name}", picture.person, VariantSource(picture.source, variant)
    )


def _size(source: Source) -> tuple[int, int]:
    """Height and width of a picture."""
    while isinstance(source, VariantSource):  # no variant changes them
        source = source.source
    try:
        hash(source)
    except TypeError:  # a plug-in's may be of a kind that cannot be remembered
        return _decoded_size(source)
    return _remembered_size(cast("Hashable", source))


def _decoded_size(source: Source) -> tuple[int, int]:
    height, width = source.decode(source.read()).shape[:2]
    return height, width


# Only a decoded picture tells its size, and every key of a store asks for the landmarks: nine
# variants of a picture would decode it nine times more, and again where all embeddings are stored.
_remembered_size = lru_cache(maxsize=2**16)(_decoded_size)
