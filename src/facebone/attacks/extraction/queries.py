"""Which pairs of their own pictures an attacker asks about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facebone.attacks.extraction.known import KnownPictures, Positions
from facebone.errors import UsageError
from facebone.seeding import make_rng

BLOCK = 256
"""Pairs drawn at a time: each block has random numbers of its own, so that more pairs asked for
change none of those before."""

LOOKALIKES_OF = 8
"""Strangers' pairs among which the most alike is taken for one of lookalikes."""

MOST_OF_ONE = 50
"""Matched pairs of one person: the many of who has many pictures would be about that person."""

TRIES = 50
"""Blocks without a new pair after which there is none to be found."""

Columns = tuple[Positions, Positions]


@dataclass(frozen=True, slots=True)
class Mix:
    """What an attacker asks about; the rest is pairs of strangers.

    Args:
        matched: share of pairs of one person, as long as there are any.
        lookalikes: share of pairs of strangers whom the attacker's own backbones find alike: a
            victim decides about most strangers at once, and what it weighs shows on these.
        turned: share of pairs that were asked before in the other order, which tell whether the
            order matters to the victim.
    """

    matched: float = 0.3
    lookalikes: float = 0.3
    turned: float = 0.05


class QueryStream:
    """Pairs to ask about, one after another, each in one order at most once.

    A longer stream begins with the shorter one: the first 100 questions are among the first 300.

    Args:
        known: the attacker's pictures.
        mix: of what they are.
        seed: of the draw.
    """

    def __init__(self, known: KnownPictures, *, mix: Mix | None = None, seed: int) -> None:
        self._known, self._seed = known, seed
        self._mix = Mix() if mix is None else mix
        self._matched = matched_pairs(known, make_rng(seed, "matched queries"))
        self._spent = 0
        self._block = 0
        self._taken: set[int] = set()
        self._ready: list[tuple[int, int]] = []
        self._forward: list[tuple[int, int]] = []
        """What was handed out and not turned yet."""

    def take(self, count: int) -> Columns:
        """The next pairs, left and right (count,).

        Raises:
            UsageError: there are not as many.
        """
        idle = 0
        while len(self._ready) < count:
            before = len(self._ready)
            self._fill()
            idle = idle + 1 if len(self._ready) == before else 0
            if idle > TRIES:
                raise UsageError(
                    f"{len(self._known)} pictures make no {count} more pairs to ask about",
                    where="queries",
                    hint="give the attacker more pictures or ask less",
                )
        taken, self._ready = self._ready[:count], self._ready[count:]
        columns = np.array(taken, dtype=np.intp).reshape(-1, 2)
        return columns[:, 0], columns[:, 1]

    def propose(self, count: int, *, rng: np.random.Generator) -> Columns:
        """Pairs that may be asked later, of strangers and of one person, none of them spoken for.

        Args:
            count: about how many; those that were asked are left out.
            rng: draws them.
        """
        strangers = self._strangers(count, rng)
        lookalikes = self._alike(count // 4, rng)
        matched = self._matched[rng.permutation(len(self._matched))[: count // 4]]
        both = np.concatenate([strangers, lookalikes, matched])
        both = both[np.unique(self._keys(both), return_index=True)[1]]
        one_way, other_way = self._keys(both).tolist(), self._keys(both[:, ::-1]).tolist()
        taken = self._taken
        free = [a not in taken and b not in taken for a, b in zip(one_way, other_way, strict=True)]
        kept = both[np.array(free, dtype=np.bool_)]
        return kept[:, 0], kept[:, 1]

    def mark(self, left: Positions, right: Positions) -> None:
        """Take pairs out of what is drawn later."""
        self._taken.update(self._keys(np.stack([left, right], axis=1)).tolist())

    def _keys(self, pairs: Positions) -> npt.NDArray[np.int64]:
        keys: npt.NDArray[np.int64] = pairs[:, 0].astype(np.int64) * len(self._known) + pairs[:, 1]
        return keys

    def _fill(self) -> None:
        """Draw another block; those of its pairs that are new become ready."""
        rng = make_rng(self._seed, "queries", self._block)
        self._block += 1
        mix = self._mix
        drawn = rng.random(BLOCK)
        of_one = int(np.sum(drawn < mix.matched))
        alike = int(np.sum((drawn >= mix.matched) & (drawn < mix.matched + mix.lookalikes)))
        matched = self._matched[self._spent : self._spent + of_one]
        self._spent += len(matched)
        parts = [
            matched,
            self._alike(alike, rng),
            self._strangers(BLOCK - len(matched) - alike, rng),
        ]
        block = rng.permutation(np.concatenate(parts), axis=0)
        turns = rng.random(len(block)) < mix.turned
        for pair, turn in zip(block.tolist(), turns.tolist(), strict=True):
            self._offer((pair[0], pair[1]))
            if turn and self._forward:
                left, right = self._forward.pop(0)
                self._offer((right, left), turned=True)

    def _offer(self, pair: tuple[int, int], *, turned: bool = False) -> None:
        key = pair[0] * len(self._known) + pair[1]
        other = pair[1] * len(self._known) + pair[0]
        # Whoever was asked in one order is asked in the other on purpose alone.
        if key in self._taken or (other in self._taken and not turned):
            return
        self._taken.add(key)
        self._ready.append(pair)
        if not turned:
            self._forward.append(pair)

    def _strangers(self, count: int, rng: np.random.Generator) -> Positions:
        """Pairs of two people, (m, 2), m about `count`."""
        drawn = rng.integers(0, len(self._known), size=(count, 2))
        found: Positions = drawn[~self._known.same(drawn[:, 0], drawn[:, 1])]
        return found

    def _alike(self, count: int, rng: np.random.Generator) -> Positions:
        """Of each few pairs of strangers the most alike, (m, 2), m about `count`."""
        drawn = self._strangers(count * LOOKALIKES_OF, rng)
        drawn = drawn[: len(drawn) // LOOKALIKES_OF * LOOKALIKES_OF]
        if not len(drawn):
            return drawn
        likeness = self._known.likeness(drawn[:, 0], drawn[:, 1]).reshape(-1, LOOKALIKES_OF)
        best: Positions = drawn.reshape(-1, LOOKALIKES_OF, 2)[
            np.arange(len(likeness)), likeness.argmax(axis=1)
        ]
        return best


def matched_pairs(known: KnownPictures, rng: np.random.Generator) -> Positions:
    """Pairs of one person, `MOST_OF_ONE` of each person at most, in random order, (m, 2).

    Each stands in a random one of its two orders.
    """
    order = np.argsort(known.people, kind="stable")
    starts = np.unique(known.people[order], return_index=True)[1]
    found = [np.empty((0, 2), dtype=np.intp)]
    for rows in np.split(order, starts[1:]):
        first, second = np.triu_indices(len(rows), 1)
        if len(first) > MOST_OF_ONE:
            some = rng.choice(len(first), MOST_OF_ONE, replace=False)
            first, second = first[some], second[some]
        found.append(np.stack([rows[first], rows[second]], axis=1))
    pairs = rng.permutation(np.concatenate(found), axis=0)
    flipped = rng.random(len(pairs)) < 0.5
    pairs[flipped] = pairs[flipped][:, ::-1]
    return pairs
