"""One extraction: copies after more and more questions, beside a control and a baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from facebone.attacks.extraction.base import ExtractionAttack
from facebone.attacks.extraction.baseline import without_questions
from facebone.attacks.extraction.course import Course, Point, judge
from facebone.attacks.extraction.known import KnownPictures
from facebone.attacks.extraction.oracle import Oracle
from facebone.attacks.extraction.queries import Mix
from facebone.errors import UsageError
from facebone.progress import ProgressFactory, SilentProgress
from facebone.seeding import check_seed, derive_seed
from facebone.settings import check_integer
from facebone.verification.embedded_pairs import EmbeddedPairs

CHECKPOINTS = (100, 300, 1000, 3000, 10_000, 30_000, 100_000)
"""Numbers of questions after which a copy is made."""

CONTROL = 3000
"""Questions of the control at most: what nobody can learn, more answers do not teach."""


@dataclass(frozen=True, slots=True, eq=False)
class Extraction:
    """What became of an attempt to copy a victim.

    Args:
        points: a copy after each number of questions, in their order; none where the time was used
            up before the first.
        stopped: ``queries`` or ``seconds``, where a budget ended it before the last number.
        control: a copy made in the same way of answers that were dealt out at random; None where
            no time was left for it. A copy of few numbers points the right way or the wrong way by
            chance then, and may foretell as much as public cosines do, but never more.
        baseline: what the attacker has without asking.
    """

    points: tuple[Point, ...]
    stopped: str | None
    control: Point | None
    baseline: Point


def extract(
    attack: ExtractionAttack,
    oracle: Oracle,
    known: KnownPictures,
    questions: EmbeddedPairs,
    *,
    far: float,
    seed: int,
    checkpoints: Sequence[int] = CHECKPOINTS,
    mix: Mix | None = None,
    control: int = CONTROL,
    progress: ProgressFactory = SilentProgress,
) -> Extraction:
    """Copy a victim by more and more questions, the fewer always among the more.

    Interrupted, or stopped by a budget, it can be run again with an oracle that kept its answers:
    the same questions come again, and cost nothing.

    Args:
        attack: how.
        oracle: the victim, about the attacker's pictures.
        known: the attacker's pictures.
        questions: m pairs of people whom neither victim nor attacker learnt from, under the
            attacker's backbones: the copies are judged by these.
        far: the false accept rate at which the victim works, for the baseline.
        seed: for everything random.
        checkpoints: numbers of questions after which a copy is made, rising; those beyond the
            budget become the budget.
        mix: of what the questions are; None for the defaults.
        control: questions of the control at most; 0 for none.
        progress: told of questions answered.

    Raises:
        UsageError: the attack needs more than the oracle shows, pictures or backbones that do not
            fit, numbers that do not rise, or too few pictures to ask about or for `far`.
    """
    check_seed(seed)
    _check(attack, oracle, known, questions, checkpoints)
    check_integer("control", control, low=0)
    baseline = judge(without_questions(known, far=far, seed=seed), questions, 0.0)
    # A budget beyond the last number is no stop.
    goals = sorted({min(goal, oracle.queries) for goal in checkpoints})
    course = Course(attack, oracle, known, questions, mix, seed)
    with progress(f"asking for {attack.name}", goals[-1]) as told:
        points, stopped = course.run(goals, told.advance)
    if stopped is None and checkpoints[-1] > oracle.queries:
        stopped = "queries"
    shuffled: tuple[Point, ...] = ()
    if control and points:
        other = oracle.shuffled(seed=derive_seed(seed, "control"))
        many = [min(control, points[-1].queries)]
        shuffled, _ = Course(attack, other, known, questions, mix, seed).run(many)
    return Extraction(points, stopped, shuffled[0] if shuffled else None, baseline)


def _check(
    attack: ExtractionAttack,
    oracle: Oracle,
    known: KnownPictures,
    questions: EmbeddedPairs,
    checkpoints: Sequence[int],
) -> None:
    where = f"attack {attack.name}"
    if not oracle.access.allows(attack.access):
        raise UsageError(
            f"needs {attack.access} access, and the victim shows {oracle.access} alone",
            where=where,
        )
    if oracle.pictures != len(known):
        raise UsageError(
            f"holds {len(known)} pictures, and the victim answers about {oracle.pictures}",
            where=where,
        )
    if questions.dimensions != known.dimensions:
        raise UsageError(
            f"sees pictures through backbones of width {known.dimensions}, and is judged by pairs "
            f"of width {questions.dimensions}",
            where=where,
        )
    for number in checkpoints:
        check_integer("checkpoints", number, low=2)
    if not checkpoints or any(a >= b for a, b in pairwise(checkpoints)):
        raise UsageError(f"must rise, got {list(checkpoints)}", where="checkpoints")
