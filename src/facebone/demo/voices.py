"""Voices: verifiers that give their opinion of two faces, each with its score and threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from facebone.backbones.base import Embeddings
from facebone.errors import UsageError
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads import Head, LearningHead
from facebone.verification.verifier import Verifier


@dataclass(frozen=True, slots=True, eq=False)
class Voice:
    """A verifier among others that look at the same faces.

    Args:
        name: for people.
        kind: ``undefended``, ``hardened``, ``backbone`` or ``fused``.
        head: fitted.
        columns: the routes that it uses, of all that there are.
        threshold: from which it says "same person"; None where no threshold is known.
        far: false accept rate at which that was set; None where it was set otherwise.
    """

    name: str
    kind: str
    head: Head
    columns: tuple[int, ...]
    threshold: float | None
    far: float | None

    @classmethod
    def of(cls, name: str, kind: str, verifier: Verifier, routes: Sequence[str]) -> Voice:
        """The voice of a verifier.

        Args:
            name: for people.
            kind: see above.
            verifier: it decides.
            routes: names of the backbones of all routes, in order.

        Raises:
            UsageError: it uses a backbone that is not among them.
        """
        missing = [one for one in verifier.backbones if one not in routes]
        if missing:
            raise UsageError(f"uses {missing[0]}, which is not opened", where=name)
        columns = tuple(routes.index(one) for one in verifier.backbones)
        return cls(name, kind, verifier.head, columns, verifier.threshold, verifier.target_far)

    @property
    def is_probability(self) -> bool:
        """Whether its scores are probabilities, and not cosines."""
        return isinstance(self.head, LearningHead)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a voice says of two faces.

    Args:
        voice: whose it is.
        score: larger for the same person; None where a backbone did not find a face.
        same: its decision; None where there is no score or no threshold.
    """

    voice: Voice
    score: float | None
    same: bool | None


def opinions(
    voices: Sequence[Voice],
    first: Sequence[Embeddings | None],
    second: Sequence[Embeddings | None],
) -> list[Opinion]:
    """What each voice says of two faces.

    Args:
        voices: whoever is asked.
        first: (1, d_k) a route, None where a route did not find the face.
        second: the same of the other face.
    """
    said = []
    for voice in voices:
        left = [first[column] for column in voice.columns]
        right = [second[column] for column in voice.columns]
        known_left = [one for one in left if one is not None]
        known_right = [one for one in right if one is not None]
        if len(known_left) < len(left) or len(known_right) < len(right):
            said.append(Opinion(voice, None, None))
            continue
        score = float(voice.head.score(EmbeddedPairs.scale(known_left, known_right))[0])
        same = None if voice.threshold is None else score >= voice.threshold
        said.append(Opinion(voice, score, same))
    return said
