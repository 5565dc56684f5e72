"""A game: who tells better what was trained on, a visitor or an attacker?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from facebone.demo.candidates import Candidate
from facebone.errors import UsageError

ROUNDS = 10


@dataclass(frozen=True, slots=True)
class Round:
    """What was said in one round.

    Args:
        candidate: that was asked about.
        visitor: what the visitor said.
        attackers: mitigation -> what the attacker on that verifier said.
    """

    candidate: Candidate
    visitor: bool
    attackers: dict[str, bool]


@dataclass(slots=True)
class Game:
    """Ten candidates, as many members as not but for chance, one a round.

    Args:
        candidates: of the rounds.
        attacks: mitigation -> name of the attack that plays.
        rounds: those that were played.
    """

    candidates: tuple[Candidate, ...]
    attacks: dict[str, str]
    rounds: list[Round] = field(default_factory=list)

    @classmethod
    def deal(
        cls, candidates: Sequence[Candidate], attacks: dict[str, str], *, rng: np.random.Generator
    ) -> Game:
        """A new game: each round's candidate is a member by the toss of a coin.

        Args:
            candidates: members and others, ten of each at least.
            attacks: mitigation -> name of the attack that plays.
            rng: tosses and draws.

        Raises:
            UsageError: too few candidates.
        """
        sides = [[one for one in candidates if one.member is side] for side in (False, True)]
        if min(len(side) for side in sides) < ROUNDS:
            raise UsageError(
                f"needs {ROUNDS} that were trained on and {ROUNDS} that were not", where="game"
            )
        orders = [rng.permutation(len(side)) for side in sides]
        coins = rng.integers(2, size=ROUNDS)
        drawn = tuple(sides[coin][orders[coin][i]] for i, coin in enumerate(coins.tolist()))
        return cls(drawn, dict(attacks))

    @property
    def over(self) -> bool:
        """Whether all rounds were played."""
        return len(self.rounds) == len(self.candidates)

    @property
    def current(self) -> Candidate | None:
        """Who is asked about now; None where the game is over."""
        return None if self.over else self.candidates[len(self.rounds)]

    def guess(self, member: bool) -> Round:
        """Play a round.

        Raises:
            UsageError: the game is over.
        """
        candidate = self.current
        if candidate is None:
            raise UsageError("is over", where="game", hint="begin another")
        said = {
            mitigation: next(
                claim.member for claim in candidate.claims[mitigation] if claim.attack == attack
            )
            for mitigation, attack in self.attacks.items()
        }
        played = Round(candidate, member, said)
        self.rounds.append(played)
        return played

    def right(self) -> tuple[int, dict[str, int]]:
        """Rounds in which the visitor was right, and each attacker."""
        visitor = sum(one.visitor == one.candidate.member for one in self.rounds)
        return visitor, {
            mitigation: sum(
                one.attackers[mitigation] == one.candidate.member for one in self.rounds
            )
            for mitigation in self.attacks
        }
