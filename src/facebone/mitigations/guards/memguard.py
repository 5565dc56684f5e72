"""MemGuard: scores are moved to where the defender's own attack cannot tell members from others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import ClassVar

import numpy as np

from facebone.mitigations.base import SECRET, MitigationSettings
from facebone.mitigations.choices import Choice, Number
from facebone.mitigations.guards.codes import Floats, PairNumbers
from facebone.mitigations.guards.guard import Answering, Guarding
from facebone.mitigations.guards.keyed import KeyedGuard
from facebone.mitigations.guards.membership import FEATURES, Membership
from facebone.mitigations.keys import check_key
from facebone.settings import check_number
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads.base import Arrays, Scores, sigmoid


@dataclass(frozen=True, slots=True)
class MemGuardSettings(MitigationSettings):
    """How far scores may be moved.

    Args:
        backbones: see `MitigationSettings`.
        budget: mean size by which each score may be changed (half the paper's epsilon, which counts
            the score and one less it); from one half on every score may go where it should.
        share: of the training pairs, or of the people where an adaptation learns from their
            pictures, that the head is not trained on, for the defender's attack to know what
            others score.
        key: of the coin; any text of 16 characters or more, best 32 random hexadecimal digits. None
            derives it from the seed, which a verifier that goes out into the world must not rely
            on. It is saved with the verifier's arrays and shown nowhere.
    """

    budget: float = 0.1
    share: float = 0.2
    key: str | None = field(default=None, repr=False, metadata=SECRET)

    def __post_init__(self) -> None:
        # slots=True makes another class of this one, which super() without arguments would miss.
        MitigationSettings.__post_init__(self)
        check_number("budget", self.budget, low=0, low_open=True)
        check_number("share", self.share, low=0, high=1, low_open=True)
        if self.key is not None:
            check_key(self.key)


class MemGuardGuard(KeyedGuard):
    """Shows, of some pairs, the nearest answer at which the defender's attack cannot tell.

    With d between the score and that of the nearest such answer on the same side of the decision,
    it is shown with probability min(1, budget / d), so that scores move by the budget on average at
    most. A coin that belongs to the pair decides: asked again, it falls the same way.
    """

    name = "memguard"
    _membership: Membership
    _untold: dict[int, Scores]
    """Side of the decision -> answers at which the attack cannot tell, or tells least."""

    @property
    def keeps_decisions(self) -> bool:
        """Always: answers stay on their side."""
        return True

    @property
    def share(self) -> float:
        """See `MemGuardSettings`."""
        return float(self.settings.share)

    def learn(
        self, trained: EmbeddedPairs, aside: EmbeddedPairs, answer: Answering, *, seed: int
    ) -> None:
        """See `Guard.learn`."""
        self._membership = Membership.fit(answer(trained), answer(aside))
        super().learn(trained, aside, answer, seed=seed)

    def _open(self) -> None:
        self._coins = PairNumbers(self._key, b"coin", self._centre)
        self._untold = {side: self._membership.untold(side) for side in (1, -1)}

    def show(self, log_odds: Scores, pairs: EmbeddedPairs, *, way: int | None = None) -> Scores:
        """See `Guard.show`."""
        moved = self.nearest(log_odds)
        tells = np.abs(self._membership.log_odds(log_odds))
        helps = tells > np.abs(self._membership.log_odds(moved))
        change = np.abs(sigmoid(moved) - sigmoid(log_odds))
        # budget / change without dividing by a change of 0.
        coin = self._coins.draw(pairs, 1, way=way)[:, 0]
        return np.where(helps & (coin * change < self.settings.budget), moved, log_odds)

    def nearest(self, log_odds: Scores) -> Scores:
        """The answer to be shown in the place of each of n, on the same side, (n,) log odds."""
        found = np.empty(len(log_odds))
        for side, rows in ((1, log_odds >= 0), (-1, log_odds < 0)):
            known = self._untold[side]
            distance = np.abs(sigmoid(log_odds[rows])[:, None] - sigmoid(known))
            found[rows] = known[distance.argmin(axis=1)]
        return found

    def arrays(self) -> Arrays:
        """See `Guard.arrays`."""
        own = self._membership
        return super().arrays() | {each.name: getattr(own, each.name) for each in fields(own)}

    def shapes(self, widths: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """See `Guard.shapes`."""
        each = (FEATURES,)
        own = {"weights": each, "offset": (1,), "mean": each, "deviation": each}
        return super().shapes(widths) | own | {"farthest": (1,)}

    def _load(self, arrays: Arrays) -> None:
        own: dict[str, Floats] = {
            each.name: arrays[each.name].astype(np.float64) for each in fields(Membership)
        }
        self._membership = Membership(**own)
        super()._load(arrays)


class MemGuard(Guarding):
    """Moves scores as little as it takes for an attack on scores to learn nothing from them.

    The defender trains an attack of its own, as an attacker would who knows who was trained on, and
    moves scores to where it is at a loss. Decisions stay. The paper finds its way there by descent
    in the scores of all classes; a verifier has one score, and the way can be looked up.

    What it cannot do: an attacker who looks at decisions, or has shadows under the same defence,
    looks at something else than the defender's attack does. Changed pictures meet other coins, and
    where the coin falls the other way the score is shown as it is. Pairs that were kept aside may
    show the people of the training pairs. And what was trained on decides what is shown: a
    guarantee of differential privacy that holds for the head does not hold for the guard.

    References:
        J. Jia, A. Salem, M. Backes, Y. Zhang, N. Z. Gong, "MemGuard: Defending against Black-Box
        Membership Inference Attacks via Adversarial Examples", CCS 2019.
        What it leaves: L. Song and P. Mittal, "Systematic Evaluation of Privacy Risks of Machine
        Learning Models", USENIX Security 2021.
    """

    name = "memguard"
    summary = "scores are moved to where the defender's own attack cannot tell members"
    settings_type = MemGuardSettings
    choices: ClassVar[Mapping[str, Choice]] = {
        "budget": Number(0.02, 0.6),
        "share": Number(0.1, 0.4),
    }
    guard_type = MemGuardGuard

    def effect(self) -> str:
        """How far scores may move, and what is kept aside."""
        settings: MemGuardSettings = self.settings
        return (
            f"{self.summary}, by {settings.budget:g} on average at most; a share of "
            f"{settings.share:g} is not trained on"
        )
