"""HAMP: the head is taught to be unsure, and its scores are replaced by random ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from facebone.mitigations.base import SECRET, MitigationSettings
from facebone.mitigations.choices import Choice, Number, Words
from facebone.mitigations.guards.codes import Floats, PairNumbers
from facebone.mitigations.guards.guard import Answering, Guarding
from facebone.mitigations.guards.keyed import KeyedGuard
from facebone.mitigations.keys import check_key
from facebone.mitigations.recipes.base import Recipe
from facebone.seeding import make_rng
from facebone.settings import check_flag, check_number, format_spec
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise
from facebone.verification.heads import Head
from facebone.verification.heads.base import Arrays, Scores

RANDOM_PAIRS = 1000
"""Pairs of random embeddings whose scores are shown in the place of others."""

LEAST = 1e-6
"""Log odds that are shown are at least that far from zero, so that decisions stay."""


@dataclass(frozen=True, slots=True)
class HampSettings(MitigationSettings):
    """How unsure the head is taught to be, and what is shown.

    Args:
        backbones: see `MitigationSettings`.
        share: entropy of the labels it is taught, as a share of the most that there can be (the
            paper's gamma).
        strength: weight of the entropy of its answers, in nats, that is taken off the loss (the
            paper's alpha).
        random_scores: whether scores are replaced; without, the head is trained and no more.
        key: decides which pair gets which score. Any text of 16 characters or more, best 32 random
            hexadecimal digits. None derives it from the seed, which a verifier that goes out into
            the world must not rely on. It is saved with the verifier's arrays and shown nowhere.
    """

    share: float = 0.95
    strength: float = 0.01
    random_scores: bool = True
    key: str | None = field(default=None, repr=False, metadata=SECRET)

    def __post_init__(self) -> None:
        MitigationSettings.__post_init__(self)
        check_number("share", self.share, low=0, high=1)
        check_number("strength", self.strength, low=0)
        check_flag("random_scores", self.random_scores)
        if self.key is not None:
            check_key(self.key)


class HampGuard(KeyedGuard):
    """Shows the score of a random pair instead, on the side of one half where the decision is.

    How sure the head is of pairs of random embeddings is remembered once; a key decides which of
    these a pair gets, see `PairNumbers`. So nothing but the decision is shown of the pair, and
    asking again changes nothing.
    """

    name = "hamp"
    _sure: Floats
    _numbers: PairNumbers

    @property
    def keeps_decisions(self) -> bool:
        """Always."""
        return True

    def learn(
        self, trained: EmbeddedPairs, aside: EmbeddedPairs, answer: Answering, *, seed: int
    ) -> None:
        """Ask the head about pairs of random embeddings; see `Guard.learn`."""
        rng = make_rng(seed, "hamp")
        left, right = (
            tuple(
                normalise(rng.normal(size=(RANDOM_PAIRS, width)).astype(np.float32))
                for width in trained.dimensions
            )
            for _ in range(2)
        )
        lengths = trained.lengths
        if lengths is not None:
            # Nobody's own: as long as some pair's are, under random embeddings.
            lengths = lengths[rng.integers(len(trained), size=RANDOM_PAIRS)]
        asked = EmbeddedPairs(left, right, lengths=lengths)
        self._sure = np.maximum(np.abs(answer(asked)), LEAST)
        super().learn(trained, aside, answer, seed=seed)

    def _open(self) -> None:
        self._numbers = PairNumbers(self._key, b"hamp", self._centre)

    def show(self, log_odds: Scores, pairs: EmbeddedPairs, *, way: int | None = None) -> Scores:
        """See `Guard.show`."""
        drawn = self._numbers.draw(pairs, 1, way=way)[:, 0]
        shown: Scores = self._sure[(drawn * RANDOM_PAIRS).astype(np.intp)]
        return np.where(log_odds >= 0, shown, -shown)

    def arrays(self) -> Arrays:
        """See `Guard.arrays`."""
        return super().arrays() | {"sure": self._sure}

    def shapes(self, widths: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """See `Guard.shapes`."""
        return super().shapes(widths) | {"sure": (RANDOM_PAIRS,)}

    def _load(self, arrays: Arrays) -> None:
        self._sure = arrays["sure"].astype(np.float64)
        super()._load(arrays)


class Hamp(Recipe, Guarding):
    """Trains on soft labels of high entropy, rewards unsure answers, and shows decisions alone.

    The paper replaces the scores of a picture's classes by those of a random picture, in the same
    order. A verifier has two classes, so the order is the decision at one half, and nothing else
    is left: pairs can no longer be ranked, and a threshold of a low false accept rate cannot be
    set afterwards.

    The random scores are what defends. One soft label for all puts members in one narrow place,
    where an attacker with shadows finds them.

    References:
        Z. Chen and K. Pattabiraman, "Overconfidence is a Dangerous Thing: Mitigating Membership
        Inference Attacks by Enforcing Less Confident Prediction", NDSS 2024.
    """

    name = "hamp"
    summary = "the head learns to be unsure, and random scores are shown of the same decisions"
    settings_type = HampSettings
    choices: ClassVar[Mapping[str, Choice]] = {
        "share": Number(0.2, 0.98),
        "strength": Number(0.001, 1.0, log=True),
        "random_scores": Words((None, False)),
    }
    guard_type = HampGuard
    needs = "objective to choose"

    def changes(self) -> dict[str, Any]:
        """The objective."""
        told = {"share": self.settings.share, "strength": self.settings.strength}
        return {"objective": format_spec("high_entropy", told)}

    def guard(self, head: Head) -> Head:
        """The head behind the guard, or as it is."""
        return super().guard(head) if self.settings.random_scores else head
