"""Which synthetic face: a seed, a person's number, a picture's number."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from facebone.data.synthesis.identity import Identity
from facebone.data.synthesis.nuisance import Nuisance, draw_nuisance
from facebone.data.synthesis.people import draw_identity
from facebone.errors import DecodeError, UsageError
from facebone.seeding import check_seed

GENERATOR = "facebone-faces/1"
"""The generator and its version; a change that changes any picture raises the version."""

Namespace = Literal["public", "training"]
"""``public`` people are for data sets; ``training`` people taught the shipped networks and must
never stand in a data set, or an evaluation would be on people the networks have seen."""

View = Literal["crop", "scene"]
"""``crop`` is a (112, 112, 3) face near the ArcFace template, ``scene`` a (250, 250, 3) picture."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One picture of one person. Each picture depends on its own recipe alone.

    Args:
        seed: of the data set, 0 .. 2**32 - 1.
        person: number of the person, from 0.
        picture: number of the picture, from 0.
        view: rough crop or whole scene.
        namespace: whose people these are.

    Raises:
        UsageError: a number is out of range.
    """

    seed: int
    person: int
    picture: int
    view: View = "crop"
    namespace: Namespace = "public"

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if self.person < 0 or self.picture < 0:
            raise UsageError(
                f"numbers of people and pictures start at 0, got {self.person} and {self.picture}",
                where="recipe",
            )
        if self.view not in ("crop", "scene") or self.namespace not in ("public", "training"):
            raise UsageError(
                f"unknown view {self.view!r} or namespace {self.namespace!r}", where="recipe"
            )

    def to_bytes(self) -> bytes:
        """The recipe with the generator's version: equal bytes are the same picture."""
        return json.dumps({"generator": GENERATOR, **asdict(self)}, sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, content: bytes, *, location: str) -> Recipe:
        """The recipe that `to_bytes` wrote.

        Raises:
            DecodeError: the bytes are no recipe, or one for another version of the generator.
        """
        try:
            fields = json.loads(content)
            generator = fields.pop("generator")
            recipe = cls(**fields)
        except (ValueError, KeyError, TypeError, AttributeError, UsageError) as error:
            raise DecodeError("not the recipe of a synthetic face", where=location) from error
        if generator != GENERATOR:
            raise DecodeError(
                f"a recipe for {generator}, this is {GENERATOR}",
                where=location,
                hint="make the data set again",
            )
        return recipe

    def identity(self) -> Identity:
        """Who is on the picture."""
        return _identity(self.namespace, self.seed, self.person)

    def nuisance(self) -> Nuisance:
        """The circumstances of the picture."""
        return draw_nuisance(self.stream("nuisance", self.picture))

    def stream(self, *purpose: object) -> np.random.Generator:
        """Randomness for one purpose of this person's."""
        return stream(self.namespace, self.seed, self.person, *purpose)


def stream(*purpose: object) -> np.random.Generator:
    """A generator seeded by 128 bits.

    `facebone.seeding.derive_seed` gives 32 bits; among some ten thousand people two would then
    share a seed, be the same person, and break the promise that training people are nobody else.
    """
    text = repr((GENERATOR, *(str(part) for part in purpose)))
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))


@lru_cache(maxsize=1024)
def _identity(namespace: str, seed: int, person: int) -> Identity:
    return draw_identity(stream(namespace, seed, person, "identity"))
