"""What an extraction attack is: answers of a victim about known pictures -> a copy of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from facebone.attacks.access import Access
from facebone.attacks.attack import Attack, Attacks, Goal
from facebone.attacks.extraction.answers import Answers, Floats
from facebone.attacks.extraction.known import KnownPictures
from facebone.errors import UsageError
from facebone.scale.threads import one_thread
from facebone.seeding import check_seed, make_rng
from facebone.verification.embedded_pairs import EmbeddedPairs

Scorer = Callable[[EmbeddedPairs], npt.NDArray[np.floating]]
"""Log odds of pairs (n,), larger for the same person; n is 1 or more."""

ASIDE, MOST_ASIDE, WANTED_ASIDE = 0.1, 0.3, 300
"""Share of the answers that a copy does not learn from: they show which copy is the better one, and
set its threshold. Of few answers it is a larger share, up to the second number, as long as fewer
than the third would be kept aside."""

FEWEST_ASIDE = 20
"""Answers kept aside below which they set nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Copy:
    """A copied verifier.

    Args:
        scorer: scores pairs under the attacker's backbones.
        threshold: from which score on it takes a pair for one person.
        queries: answers that it was made of.
        made_of: what it is, in a few words for people.
    """

    scorer: Scorer
    threshold: float
    queries: int
    made_of: str

    def score(self, pairs: EmbeddedPairs) -> Floats:
        """Score pairs, (n,) float64, larger for the same person; n may be 0."""
        if not len(pairs):
            return np.empty(0)
        return np.asarray(self.scorer(pairs), dtype=np.float64)


class ExtractionAttack(Attack):
    """Copies a victim from its answers about pairs of the attacker's own pictures.

    This class checks what goes in, and sets the copy's threshold; a subclass implements `_copy`.
    Which questions are asked, and how many, is decided outside; see `curve.extract`.
    """

    goal = Goal.EXTRACTION
    seeks_boundary: ClassVar[bool] = False
    """Whether half of its questions are pairs about which the copy so far is least sure."""

    def copy(self, known: KnownPictures, answers: Answers, *, seed: int) -> Copy:
        """A copy of the victim that gave these answers.

        Its threshold is where it takes as many of the answers kept aside for one person as the
        victim did: a copy that has not learnt everything is less sure than the victim on both
        sides, and would say yes too seldom at a threshold far from the middle.

        Args:
            known: the attacker's pictures.
            answers: about pairs of them, at least two.
            seed: for everything random.

        Raises:
            UsageError: fewer answers, or decisions where scores are needed.
        """
        check_seed(seed)
        where = f"attack {self.name}"
        if len(answers) < 2:
            raise UsageError(f"needs two answers or more, got {len(answers)}", where=where)
        if self.access is Access.SCORE and not answers.scored:
            raise UsageError(
                f"needs {Access.SCORE} access, and the answers are decisions alone", where=where
            )
        if (answers.margin == answers.margin[0]).all():
            return Copy(_constant(answers.margin[0]), 0.0, len(answers), "always the same answer")
        learnt, aside = self._split(answers, seed)
        # Small networks gain nothing by threads, and sums shared out otherwise round otherwise.
        with one_thread():
            scorer, made_of = self._copy(known, learnt, aside, seed=seed)
            threshold = 0.0
            if len(aside) >= FEWEST_ASIDE:
                scores = scorer(known.embedded(aside.left, aside.right))
                threshold = as_often(np.asarray(scores, dtype=np.float64), aside.decided)
        return Copy(scorer, threshold, len(answers), made_of)

    def _split(self, answers: Answers, seed: int) -> tuple[Answers, Answers]:
        """Answers to learn from, and those kept aside; both orders of a pair stay together."""
        low = np.minimum(answers.left, answers.right)
        high = np.maximum(answers.left, answers.right)
        pairs = np.unique(np.stack([low, high], axis=1), axis=0, return_inverse=True)[1].ravel()
        share = min(MOST_ASIDE, max(ASIDE, WANTED_ASIDE / len(answers)))
        drawn = make_rng(seed, "answers kept aside").random(int(pairs.max()) + 1) < share
        aside = drawn[pairs]
        if aside.all():
            aside = np.zeros(len(answers), dtype=np.bool_)
        return answers.take(~aside), answers.take(aside)

    @abstractmethod
    def _copy(
        self, known: KnownPictures, learnt: Answers, aside: Answers, *, seed: int
    ) -> tuple[Scorer, str]:
        """What scores pairs as the victim does, at least 0 for one person, and what it is.

        All checks are done; the margins are not all alike.
        """


def as_often(scores: Floats, decided: npt.NDArray[np.bool_]) -> float:
    """The threshold at which as many scores pass as the victim decides yes, halfway to the next.

    Args:
        scores: (n,) of a copy.
        decided: (n,) of the victim.
    """
    yes = int(decided.sum())
    ranked = np.sort(scores)[::-1]
    if yes == 0:
        return float(np.nextafter(ranked[0], np.inf))
    if yes == len(ranked):
        return float(ranked[-1])
    middle = float(ranked[yes - 1] / 2 + ranked[yes] / 2)
    # Between two equal or neighbouring numbers there is none.
    return middle if ranked[yes] < middle <= ranked[yes - 1] else float(ranked[yes - 1])


def _constant(margin: float) -> Scorer:
    value = float(np.clip(margin, -1.0, 1.0)) if np.isinf(margin) else float(margin)
    return lambda pairs: np.full(len(pairs), value)


_HERE = "facebone.attacks.extraction"

EXTRACTIONS: Attacks[ExtractionAttack] = Attacks(
    "extraction attack", Goal.EXTRACTION, ExtractionAttack
)
EXTRACTIONS.add("copy_head", f"{_HERE}.copy_head:CopyHead")
EXTRACTIONS.add("copy_decisions", f"{_HERE}.copy_decisions:CopyDecisions")
EXTRACTIONS.add("metric_copy", f"{_HERE}.metric_copy:MetricCopy")
EXTRACTIONS.add("knockoff", f"{_HERE}.art_copies:Knockoff")
EXTRACTIONS.add("copycat", f"{_HERE}.art_copies:Copycat")
