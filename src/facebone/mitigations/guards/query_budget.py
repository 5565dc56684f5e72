"""A budget of exact answers: changed versions of a pair get the answer that it got before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from facebone.mitigations.base import SECRET, MitigationSettings
from facebone.mitigations.choices import Choice, Integer, Number
from facebone.mitigations.guards.codes import Planes
from facebone.mitigations.guards.guard import Guarding
from facebone.mitigations.guards.keyed import KeyedGuard
from facebone.mitigations.guards.memory import Memory, bits_that_differ
from facebone.mitigations.keys import check_key
from facebone.settings import check_integer, check_number
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads.base import Scores

BITS = 128
"""Of a picture's code. At a cosine of 0.9 about 18 of them differ, give or take 4."""


@dataclass(frozen=True, slots=True)
class QueryBudgetSettings(MitigationSettings):
    """What counts as one pair, and how often it is answered exactly.

    Args:
        backbones: see `MitigationSettings`.
        queries: different questions about one pair that are answered exactly.
        likeness: cosine, less what all pictures have in common, from which two pictures count as
            one. It must lie above that of two photographs of one person, or these are taken for
            each other.
        key: of the codes; any text of 16 characters or more, best 32 random hexadecimal digits.
            None derives it from the seed, which a verifier that goes out into the world must not
            rely on. It is saved with the verifier's arrays and shown nowhere.
    """

    queries: int = 1
    likeness: float = 0.9
    key: str | None = field(default=None, repr=False, metadata=SECRET)

    def __post_init__(self) -> None:
        # slots=True makes another class of this one, which super() without arguments would miss.
        MitigationSettings.__post_init__(self)
        check_integer("queries", self.queries, low=1)
        check_number("likeness", self.likeness, low=0, high=1, low_open=True)
        if self.key is not None:
            check_key(self.key)


class QueryBudgetGuard(KeyedGuard):
    """Answers the first questions about a pair, and repeats itself after that; see `Memory`.

    It remembers `BITS` bits of each picture that differs from those before, made with secret
    planes, and an answer of each pair; nothing of it is saved.
    """

    name = "query_budget"
    _planes: Planes
    _memory: Memory

    def _open(self) -> None:
        self._planes = Planes(self._key, b"album", self._centre, bits=BITS)
        self.reset()

    def reset(self) -> None:
        """See `Guard.reset`."""
        most = bits_that_differ(self.settings.likeness, BITS)
        self._memory = Memory(exact=self.settings.queries, bits=BITS, most=most)

    def show(self, log_odds: Scores, pairs: EmbeddedPairs, *, way: int | None = None) -> Scores:
        """See `Guard.show`."""
        # Quickly: a bit more or less hardly changes what a picture counts as.
        left, right = (self._planes.sides(side, quick=True) for side in (pairs.left, pairs.right))
        return self._memory.answer(left, right, log_odds, way=way)


class QueryBudget(Guarding):
    """Answers about changed versions of a pair tell nothing that its first answers did not.

    A budget for each picture would stop honest use, in which one stored picture is compared with
    many that come to the door. So it is each pair that has one, and a picture that hardly differs
    from an earlier one counts as that one.

    The memory is that of the running program: it begins empty, ends with it, and grows with what is
    asked. A service that answers for long is protected; a command that is started for each
    question, or a verifier that the attacker holds a copy of, is not. What was asked before decides
    what is said: who asks about a photograph that looks like an earlier one, such as the next frame
    of a film, gets the earlier answer. The first answer is exact, so attacks that ask once lose
    nothing.

    References:
        S. Chen, N. Carlini, D. Wagner, "Stateful Detection of Black-Box Adversarial Attacks",
        SPAI 2020: knowing attackers by how alike their questions are.
    """

    name = "query_budget"
    summary = "changed versions of a pair get the answers that it got first"
    settings_type = QueryBudgetSettings
    choices: ClassVar[Mapping[str, Choice]] = {
        "queries": Integer(1, 3),
        "likeness": Number(0.8, 0.98),
    }
    guard_type = QueryBudgetGuard
