"""The contract of attacks on membership."""

from __future__ import annotations

import numpy as np

from facebone.attacks.observations import Observations
from facebone.errors import UsageError
from facebone.testing.contract import Contract, expect, expect_close, refused
from facebone.testing.declared import DECLARED, words_of
from facebone.testing.membership_access import LOOKING
from facebone.testing.membership_subject import Subject, expect_equal, expect_same, fitted
from facebone.testing.membership_world import constant_answers, memorised, scored, with_shadows
from facebone.testing.quiet import silent, touches_no_global_state, unchanged
from facebone.verification.metrics import auc

LEAST_AUC = 0.95
"""Of an attack on members that are known by heart."""

CHANCE = 3.5
"""Deviations that an AUC may stray from a half where there is nothing to find."""


def finds_what_is_known_by_heart(subject: Subject) -> None:
    """At every level that it can be asked about."""
    least = LEAST_AUC if subject.least is None else subject.least
    for level in subject.kind.levels:
        attack = fitted(subject, memorised(seed=1, level=level), **subject.finds)
        observed, member = memorised(seed=2, level=level)
        figure = auc(attack.score(observed), member)
        expect(figure > least, f"AUC {figure:.3f} on {level}s known by heart, needs {least}")


def finds_nothing_where_there_is_nothing(subject: Subject) -> None:
    """A verifier that does not know its members."""
    for level in subject.kind.levels:
        attack = fitted(subject, scored(seed=3, level=level))
        observed, member = scored(1000, seed=4, level=level)
        # The deviation of an AUC of 500 against 500 without a difference is sqrt(1 / (6 * 500)).
        figure = auc(attack.score(observed), member)
        expect_close(figure, 0.5, CHANCE * (1 / 3000) ** 0.5, f"AUC on {level}s that do not leak")


def finds_nothing_in_constant_answers(subject: Subject) -> None:
    """One answer about everything."""
    for level in subject.kind.levels:
        observed, member = scored(seed=3, level=level)
        constant = constant_answers(observed)
        found = fitted(subject, (constant, member)).score(constant)
        if subject.kind.needs_shadows:
            # How many shadows were trained on a pair differs, and tells nothing.
            figure = auc(found, member)
            expect_close(figure, 0.5, CHANCE * (1 / 1200) ** 0.5, f"AUC on constant {level}s")
            continue
        # One answer for matched pairs, one for mismatched: ART's network rounds by its batches.
        count = len(np.unique(found.round(5)))
        expect(count <= 2, f"tells {count} kinds of {level}s apart by constant answers")


def a_score_depends_on_its_own_row_alone(subject: Subject) -> None:
    """Neither on the order of candidates nor, without shadows, on which there are."""
    attack = fitted(subject, memorised(seed=1))
    observed, _ = memorised(seed=2)
    found = attack.score(observed)
    order = np.random.default_rng(0).permutation(len(observed))
    expect_same(attack.score(observed.take(order)), found[order], "in another order")
    if subject.kind.needs_shadows:
        return  # what is usual is learnt from all candidates together
    for row in (0, 7):
        expect_same(attack.score(observed.take(np.array([row]))), found[[row]], "asked about alone")


def same_seed_same_scores(subject: Subject) -> None:
    """And asked twice, the same twice."""
    data, (observed, _) = memorised(seed=1), scored(seed=2)
    first, second = fitted(subject, data, seed=5), fitted(subject, data, seed=5)
    expect_equal(first.score(observed), second.score(observed), "fitted twice with one seed")
    expect_equal(first.score(observed), first.score(observed), "asked twice")


def fitting_again_starts_afresh(subject: Subject) -> None:
    """Nothing is left of what it learnt before."""
    (observed, _), data = scored(seed=2), memorised(seed=1)
    again = fitted(subject, scored(seed=3))
    again.fit(*data, seed=5)
    expect_equal(
        again.score(observed), fitted(subject, data, seed=5).score(observed), "fitted again"
    )


def no_global_seed_is_used_or_changed(subject: Subject) -> None:
    """Randomness comes from the seed that `fit` is given."""
    data, (observed, _) = memorised(seed=1), scored(seed=2)
    touches_no_global_state(lambda: fitted(subject, data).score(observed))


def nothing_is_printed(subject: Subject) -> None:
    """By nobody inside it."""
    with silent():
        fitted(subject, memorised(seed=1)).score(scored()[0])


def inputs_are_not_changed(subject: Subject) -> None:
    """What is seen is seen by other attacks, too."""
    observed, member = memorised(seed=1)
    with unchanged(observed.score, observed.log_odds, observed.same, member):
        fitted(subject, (observed, member)).score(observed)


def takes_several_answers_about_each_candidate(subject: Subject) -> None:
    """Which say more together."""
    attack = fitted(subject, memorised(seed=1, queries=3), **subject.finds)
    observed, member = memorised(seed=2, queries=3)
    found = attack.score(observed)
    expect(found.shape == member.shape, f"scores have shape {found.shape}, not {member.shape}")
    figure = auc(found, member)
    expect(figure > 0.55, f"AUC {figure:.3f} on members known by heart, asked three times")


def takes_answers_at_the_ends_of_what_a_probability_can_be(subject: Subject) -> None:
    """Answers of exactly 0 and 1."""
    observed, member = scored(seed=1)
    sure = with_shadows(Observations.from_scores(observed.score.round(), observed.same))
    found = fitted(subject, (sure, member)).score(sure)
    expect(np.isfinite(found).all(), "scores of answers of 0 and 1 are not finite")


def takes_scores_that_are_no_probabilities(subject: Subject) -> None:
    """Such as cosines."""
    rng = np.random.default_rng(0)
    same = np.arange(300) % 2 == 0
    cosines = Observations.from_scores(np.where(same, 0.5, 0.1) + 0.2 * rng.normal(size=300), same)
    cosines = with_shadows(cosines)
    found = fitted(subject, (cosines, rng.random(300) < 0.5)).score(cosines)
    expect(np.isfinite(found).all(), "scores of cosines are not finite")


def no_candidates_give_no_scores(subject: Subject) -> None:
    """Nothing asked, nothing said."""
    found = fitted(subject, scored()).score(scored()[0].take(np.zeros(400, dtype=bool)))
    expect(found.shape == (0,), f"scores of no candidates have shape {found.shape}")


def a_learner_refuses_to_score_before_it_is_fitted(subject: Subject) -> None:
    """And one that does not learn scores the same before as after."""
    attack, (observed, _) = subject.make(), scored()
    if subject.kind.learns:
        message = f"attack {subject.name}: scores nothing before it is fitted"
        with refused(UsageError, message, when="asked before it is fitted"):
            attack.score(observed)
        return
    fresh = attack.score(observed)
    attack.fit(*memorised(seed=1), seed=0)
    expect_equal(attack.score(observed), fresh, "fitted, though it says that it does not learn")


def one_class_of_membership_is_refused(subject: Subject) -> None:
    """There is nothing to learn from members alone."""
    observed, _ = scored()
    for value in (True, False):
        message = f"attack {subject.name}: needs members and non-members"
        with refused(UsageError, message, when="given one class of candidates"):
            subject.make().fit(observed, np.full(400, value), seed=0)


MEMBERSHIP: Contract[Subject] = Contract(
    words_of,
    *DECLARED,
    finds_what_is_known_by_heart,
    finds_nothing_where_there_is_nothing,
    finds_nothing_in_constant_answers,
    a_score_depends_on_its_own_row_alone,
    same_seed_same_scores,
    fitting_again_starts_afresh,
    no_global_seed_is_used_or_changed,
    nothing_is_printed,
    inputs_are_not_changed,
    takes_several_answers_about_each_candidate,
    takes_answers_at_the_ends_of_what_a_probability_can_be,
    takes_scores_that_are_no_probabilities,
    no_candidates_give_no_scores,
    a_learner_refuses_to_score_before_it_is_fitted,
    one_class_of_membership_is_refused,
    *LOOKING,
)
