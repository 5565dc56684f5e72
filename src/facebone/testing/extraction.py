"""The contract of attacks that copy a verifier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from facebone.attacks.access import Access
from facebone.attacks.attack import Goal
from facebone.attacks.extraction.answers import Answers
from facebone.attacks.extraction.base import Copy, ExtractionAttack
from facebone.attacks.extraction.curve import extract
from facebone.attacks.extraction.known import KnownPictures
from facebone.attacks.extraction.oracle import Oracle
from facebone.errors import UsageError
from facebone.testing.contract import Contract, expect, expect_close, refused
from facebone.testing.declared import DECLARED, AttackSubject, words_of
from facebone.testing.quiet import silent, touches_no_global_state, unchanged
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.metrics import auc

Subject = AttackSubject[ExtractionAttack]

Vector = np.ndarray[Any, Any]

WEIGHTS = np.array([0.1, 3.0, 0.1, 3.0, 3.0, 0.1, 0.1, 0.1])


def pictures(seed: int, people: int = 60, each: int = 5) -> KnownPictures:
    """Embeddings of people under one backbone of eight numbers."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(people), each)
    rows = rng.normal(size=(people, 8))[who] + 0.5 * rng.normal(size=(len(who), 8))
    return KnownPictures((rows.astype(np.float32),), who)


def drawn(known: KnownPictures, n: int, seed: int) -> tuple[Vector, Vector]:
    """Pairs, a third of them matched."""
    rng = np.random.default_rng((seed, 1))
    left, right = rng.integers(0, len(known), (2, n))
    near = left // 5 * 5 + (left + rng.integers(1, 5, n)) % 5
    right = np.where(np.arange(n) % 3 == 0, near, right)
    kept = left != right
    return left[kept], right[kept]


def margins(pairs: EmbeddedPairs) -> Vector:
    """A victim that weighs some directions far more than others, which no public cosine shows."""
    return np.asarray(8.0 * (pairs.products().astype(np.float64) @ WEIGHTS) - 5.0)


def judged() -> EmbeddedPairs:
    """Pairs of other people."""
    others = pictures(2)
    return others.embedded(*drawn(others, 1500, 3))


def asked(
    subject: Subject,
    known: KnownPictures,
    n: int = 1500,
    seed: int = 0,
    victim: Callable[[EmbeddedPairs], Vector] = margins,
) -> Answers:
    """What the attack may see of answers about n pairs."""
    left, right = drawn(known, n, seed)
    margin = victim(known.embedded(left, right))
    if subject.kind.access is Access.DECISION:
        margin = np.where(margin >= 0, np.inf, -np.inf)
    return Answers(left, right, margin)


def copied(subject: Subject, known: KnownPictures, answers: Answers, seed: int = 0) -> Copy:
    """The copy."""
    return subject.make().copy(known, answers, seed=seed)


def has_its_goal_and_an_access_that_answers(subject: Subject) -> None:
    """Decisions, or scores."""
    kind = subject.kind
    expect(kind.goal is Goal.EXTRACTION, f"goal is {kind.goal}")
    expect(kind.access in (Access.DECISION, Access.SCORE), f"access is {kind.access}")


def copies_what_public_embeddings_do_not_show(subject: Subject) -> None:
    """Better than the public cosine ranks, and nearly as the victim decides."""
    known, others = pictures(1), judged()
    copy = copied(subject, known, asked(subject, known))
    truth = margins(others) >= 0
    public = auc(others.cosines()[:, 0], truth)
    least = max(0.93 if subject.least is None else subject.least, public + 0.05)
    figure = auc(copy.score(others), truth)
    expect(figure > least, f"the copy's AUC is {figure:.3f}, needs {least:.3f}")
    agreement = float(np.mean((copy.score(others) >= copy.threshold) == truth))
    expect(agreement > 0.85, f"the copy decides as the victim in {agreement:.0%}")
    expect(copy.queries == len(asked(subject, known)), f"the copy counts {copy.queries} answers")


def copies_nothing_where_answers_are_chance(subject: Subject) -> None:
    """Answers of another world entirely: they have the victim's distribution, and no sense."""

    def chance(pairs: EmbeddedPairs) -> Vector:
        return np.random.default_rng(5).permutation(margins(pairs))

    known, others = pictures(1), judged()
    copy = copied(subject, known, asked(subject, known, victim=chance))
    # Pairs of the same people share what little there is, so an AUC strays further than by chance.
    truth = np.random.default_rng(6).permutation(margins(others)) >= 0
    count = int(truth.sum())
    spread = (len(truth) / (12 * count * (len(truth) - count))) ** 0.5
    expect_close(auc(copy.score(others), truth), 0.5, 4 * spread, "AUC of a copy of chance")


def refuses_the_wrong_access_by_name(subject: Subject) -> None:
    """Scores are more than decisions."""
    known, others, attack = pictures(1), judged(), subject.make()

    def victim(left: Vector, right: Vector) -> Vector:
        return margins(known.embedded(left, right))

    oracle = Oracle(victim, pictures=len(known), access=Access.DECISION, queries=100)

    def run() -> Any:
        return extract(attack, oracle, known, others, far=0.05, seed=0, checkpoints=[100])

    if attack.access is Access.DECISION:
        expect(len(run().points) == 1, "is not judged after the questions that it was given")
        return
    message = f"attack {subject.name}: needs score access"
    with refused(UsageError, message, when="shown decisions alone"):
        run()
    left, right = drawn(known, 100, 0)
    decisions = Answers(left, right, np.where(np.arange(len(left)) % 2, np.inf, -np.inf))
    with refused(UsageError, message, when="given decisions alone"):
        attack.copy(known, decisions, seed=0)


def the_unit_of_scores_does_not_matter(subject: Subject) -> None:
    """Four times the margins, four times the copy's."""
    if subject.kind.access is not Access.SCORE:
        return
    known, others = pictures(1), judged()
    answers = asked(subject, known)
    stretched = Answers(answers.left, answers.right, answers.margin * 4)
    one, other = (copied(subject, known, given).score(others) for given in (answers, stretched))
    expect(np.allclose(other, 4 * one, rtol=1e-3, atol=1e-2), "depends on the unit of scores")


def same_seed_same_copy_and_another_another(subject: Subject) -> None:
    """To the bit."""
    known, others = pictures(1), judged()
    answers = asked(subject, known)
    first, second, other = (copied(subject, known, answers, seed=seed) for seed in (5, 5, 6))
    wanted = first.score(others)
    expect(np.array_equal(wanted, second.score(others)), "one seed made two copies")
    expect(first.threshold == second.threshold, "one seed made two thresholds")
    expect((wanted != other.score(others)).any(), "another seed made the same copy")


def no_global_seed_is_used_or_changed(subject: Subject) -> None:
    """Randomness comes from the seed that `copy` is given."""
    known, others = pictures(1), judged()
    answers = asked(subject, known, n=300)
    touches_no_global_state(lambda: copied(subject, known, answers).score(others))


def nothing_is_printed_or_changed(subject: Subject) -> None:
    """By nobody inside it."""
    known = pictures(1)
    answers = asked(subject, known, n=300)
    given = (answers.left, answers.right, answers.margin, known.matrices[0])
    with silent(), unchanged(*given):
        copied(subject, known, answers).score(judged())


def a_score_depends_on_its_own_pair_alone(subject: Subject) -> None:
    """Neither on the order of pairs nor on which there are."""
    known, others = pictures(1), judged()
    copy = copied(subject, known, asked(subject, known, n=300))
    found = copy.score(others)
    order = np.random.default_rng(0).permutation(len(others))
    again = copy.score(others.take(order))
    expect(np.allclose(again, found[order], rtol=1e-4, atol=1e-4), "other scores in another order")
    alone = copy.score(others.take(np.array([7])))
    expect(np.allclose(alone, found[[7]], rtol=1e-4, atol=1e-4), "another score when asked alone")
    none = copy.score(others.take(np.arange(0)))
    expect(none.shape == (0,), f"scores of no pairs have shape {none.shape}")


def a_victim_that_always_answers_alike_is_copied_so(subject: Subject) -> None:
    """Always yes, or always no."""
    known, others = pictures(1), judged()
    for value in (-3.0, 3.0):

        def alike(pairs: EmbeddedPairs, value: float = value) -> Vector:
            return np.full(len(pairs), value)

        copy = copied(subject, known, asked(subject, known, n=300, victim=alike))
        decided = copy.score(others) >= copy.threshold
        expect((decided == (value > 0)).all(), "decides both ways where the victim decides one")


def however_few_answers_scores_are_finite(subject: Subject) -> None:
    """Two answers are the fewest."""
    known, others = pictures(1), judged()
    answers = asked(subject, known, n=300)
    yes, no = np.flatnonzero(answers.decided), np.flatnonzero(~answers.decided)
    for count in (2, 3, 10, 40):
        some = answers.take(np.concatenate([yes[:1], no[: count - 1]]))
        copy = copied(subject, known, some)
        finite = np.isfinite(copy.score(others)).all() and np.isfinite(copy.threshold)
        expect(finite, f"scores or threshold after {count} answers are not finite")
    message = f"attack {subject.name}: needs two answers or more, got 1"
    with refused(UsageError, message, when="given one answer"):
        copied(subject, known, answers.take(np.arange(1)))


def takes_several_backbones(subject: Subject) -> None:
    """Of which one says what there is."""
    rng = np.random.default_rng(4)
    one, other = pictures(1), pictures(2)

    def second(known: KnownPictures) -> KnownPictures:
        moved = known.matrices[0] @ rng.normal(size=(8, 5)).astype(np.float32)
        return KnownPictures((known.matrices[0], moved), known.people)

    known, others = second(one), second(other)
    copy = copied(subject, known, asked(subject, one))
    left, right = drawn(others, 1500, 3)
    truth = margins(other.embedded(left, right)) >= 0
    figure = auc(copy.score(others.embedded(left, right)), truth)
    expect(figure > 0.9, f"the copy's AUC is {figure:.3f} under two backbones")


EXTRACTION: Contract[Subject] = Contract(
    words_of,
    *DECLARED,
    has_its_goal_and_an_access_that_answers,
    copies_what_public_embeddings_do_not_show,
    copies_nothing_where_answers_are_chance,
    refuses_the_wrong_access_by_name,
    the_unit_of_scores_does_not_matter,
    same_seed_same_copy_and_another_another,
    no_global_seed_is_used_or_changed,
    nothing_is_printed_or_changed,
    a_score_depends_on_its_own_pair_alone,
    a_victim_that_always_answers_alike_is_copied_so,
    however_few_answers_scores_are_finite,
    takes_several_backbones,
)
