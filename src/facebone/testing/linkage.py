"""The contract of attacks that link records."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from facebone.attacks.access import Access
from facebone.attacks.attack import Goal
from facebone.attacks.linkage.base import LinkageAttack
from facebone.attacks.linkage.view import Anchors, LinkageView
from facebone.errors import UsageError
from facebone.testing.contract import Contract, expect, expect_close, refused
from facebone.testing.declared import (
    DECLARED,
    AttackSubject,
    every_number_of_the_settings_is_checked,
    words_of,
)
from facebone.testing.quiet import silent, unchanged
from facebone.verification.metrics import auc

Subject = AttackSubject[LinkageAttack]

WIDTH, PEOPLE = 12, 150

LEAST_AREA = 0.95
"""Of people who are in both databases against all other pairs of records."""

Matrix = np.ndarray[Any, Any]


def world(
    seed: int = 0, *, shared: bool = True, constant: bool = False
) -> tuple[LinkageView, Matrix]:
    """Two databases of one system, in other orders, and all that attacks may see.

    People differ along some axes more than along others. Without `shared` the databases are of
    different people, and so are the two sides of the anchors.
    """
    rng = np.random.default_rng(seed)
    spread = 2.0 * 0.8 ** np.arange(WIDTH)

    def pictures(count: int, centres: Matrix | None = None) -> Matrix:
        drawn = rng.exponential(size=(count, WIDTH)) * spread
        noise = 0.02 * rng.normal(size=(count, WIDTH))
        return np.asarray((drawn if centres is None else centres) + noise)

    people, own = pictures(PEOPLE), pictures(100)
    one, order = pictures(PEOPLE, people), rng.permutation(PEOPLE)
    two = pictures(PEOPLE, people if shared else pictures(PEOPLE))[order]
    anchors = pictures(100, own), pictures(100, own if shared else pictures(100))
    if constant:
        one, two = np.ones_like(one), np.ones_like(two)
        anchors = np.ones_like(anchors[0]), np.ones_like(anchors[1])

    def unit(rows: Matrix) -> Matrix:
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))

    view = LinkageView(
        first=one,
        second=two,
        anchors=Anchors(*anchors, np.arange(1000, 1100)),
        cohort=anchors[0],
        answers=unit(one) @ unit(two).T,
        cohort_answers=unit(anchors[0]) @ unit(two).T,
    )
    return view, np.arange(PEOPLE)[:, None] == order[None, :]


def area(scores: Matrix, same: Matrix) -> float:
    """AUC over all pairs of records."""
    return float(auc(scores.ravel(), same.ravel()))


def has_its_goal_and_an_access_that_shows_records(subject: Subject) -> None:
    """Scores, or templates."""
    expect(subject.kind.goal is Goal.LINKAGE, f"goal is {subject.kind.goal}")
    known = (Access.SCORE, Access.EMBEDDING)
    expect(subject.kind.access in known, f"access is {subject.kind.access}")


def finds_people_who_are_in_both_databases(subject: Subject) -> None:
    """Most of them first."""
    view, same = world()
    found = subject.make().link(view, seed=0)
    expect(found.dtype == np.float64, f"scores are {found.dtype}")
    least = LEAST_AREA if subject.least is None else subject.least
    figure = area(found, same)
    expect(figure > least, f"AUC {figure:.3f} where all are in both, needs {least}")
    first = float((found.argmax(axis=1) == same.argmax(axis=1)).mean())
    expect(first > 0.5, f"names {first:.0%} of people first where all are in both")


def finds_nobody_where_nobody_is_in_both(subject: Subject) -> None:
    """On the mean of four worlds."""
    areas = []
    for seed in range(4):
        view, same = world(seed=seed, shared=False)
        areas.append(area(subject.make().link(view, seed=0), same))
    # Each of 600 people is one trial of an area under pure chance, of deviation sqrt(1 / 12).
    within = 3.5 * (1 / 12 / 600) ** 0.5
    expect_close(float(np.mean(areas)), 0.5, within, "AUC where nobody is in both")


def constant_templates_say_nothing(subject: Subject) -> None:
    """One score for all."""
    view, _ = world(constant=True)
    found = subject.make().link(view, seed=0)
    expect(np.allclose(found, found[0, 0], atol=1e-6), "tells equal templates apart")


def the_order_of_records_does_not_matter(subject: Subject) -> None:
    """But for rounding, which may match a few records otherwise."""
    view, _ = world()
    rng = np.random.default_rng(5)
    rows, columns = rng.permutation(PEOPLE), rng.permutation(PEOPLE)
    mixed = replace(
        view,
        first=_there(view.first)[rows],
        second=_there(view.second)[columns],
        answers=_there(view.answers)[rows][:, columns],
        cohort_answers=_there(view.cohort_answers)[:, columns],
    )
    found = subject.make().link(view, seed=0)[rows][:, columns]
    again = subject.make().link(mixed, seed=0)
    apart = float(np.median(np.abs(again - found)))
    expect(apart <= 1e-6, f"scores differ by {apart:.2g} with records in another order")


def the_length_of_templates_does_not_matter(subject: Subject) -> None:
    """Nobody says how a system scales what it stores."""
    view, _ = world()
    longer = replace(view, first=3 * _there(view.first), second=0.5 * _there(view.second))
    found, wanted = (subject.make().link(one, seed=0) for one in (longer, view))
    expect(np.allclose(found, wanted, atol=1e-6), "other scores of longer templates")


def takes_databases_of_different_sizes(subject: Subject) -> None:
    """Ninety records against a hundred and fifty."""
    view, same = world()
    part = replace(view, first=_there(view.first)[:90], answers=_there(view.answers)[:90])
    found = subject.make().link(part, seed=0)
    expect(found.shape == (90, PEOPLE), f"scores of 90 against {PEOPLE} have shape {found.shape}")
    expect(area(found, same[:90]) > 0.6, "finds nobody of databases of different sizes")


def same_seed_same_scores(subject: Subject) -> None:
    """To the bit."""
    view, _ = world()
    one, again = (subject.make().link(view, seed=3) for _ in range(2))
    expect(np.array_equal(one, again), "one seed made two scores of one pair of records")


def wrong_access_is_refused_by_name(subject: Subject) -> None:
    """Without answers, or without one of the databases."""
    view, _ = world()
    if subject.kind.access is Access.SCORE:
        message = f"attack {subject.name}: needs score access, to see the ver"
        with refused(UsageError, message, when="shown no answers"):
            subject.make().link(replace(view, answers=None), seed=0)
        return
    lacking: tuple[dict[str, Any], ...] = ({"first": None}, {"second": None})
    for change in lacking:
        message = f"attack {subject.name}: needs embedding access, to see temp"
        with refused(UsageError, message, when="shown one database"):
            subject.make().link(replace(view, **change), seed=0)


def anchors_are_asked_for_where_they_are_needed(subject: Subject) -> None:
    """And are not looked for where they are not."""
    view, same = world()
    without = replace(view, anchors=None)
    if subject.kind.needs_anchors:
        message = f"attack {subject.name}: needs anchors"
        with refused(UsageError, message, when="given no anchors"):
            subject.make().link(without, seed=0)
        return
    figure = area(subject.make().link(without, seed=0), same)
    least = LEAST_AREA if subject.least is None else subject.least
    expect(figure > least, f"AUC {figure:.3f} without anchors, which it says it does not need")


def no_records_give_no_scores(subject: Subject) -> None:
    """An empty database."""
    view, _ = world()
    none = replace(view, first=_there(view.first)[:0], answers=_there(view.answers)[:0])
    found = subject.make().link(none, seed=0)
    expect(found.shape == (0, PEOPLE), f"scores of no records have shape {found.shape}")


def nothing_is_printed_or_changed(subject: Subject) -> None:
    """By nobody inside it."""
    view, _ = world()
    parts = (view.first, view.second, view.answers, view.cohort)
    with silent(), unchanged(*(_there(part) for part in parts)):
        subject.make().link(view, seed=0)


def a_seed_out_of_range_is_refused(subject: Subject) -> None:
    """Seeds are 32 bits without a sign."""
    for seed in (-1, 2**32):
        with refused(UsageError, "seed: must be in", when=f"given seed {seed}"):
            subject.make().link(world()[0], seed=seed)


def _there(part: Any) -> Matrix:
    return np.asarray(part)


LINKAGE: Contract[Subject] = Contract(
    words_of,
    *DECLARED,
    every_number_of_the_settings_is_checked,
    has_its_goal_and_an_access_that_shows_records,
    finds_people_who_are_in_both_databases,
    finds_nobody_where_nobody_is_in_both,
    constant_templates_say_nothing,
    the_order_of_records_does_not_matter,
    the_length_of_templates_does_not_matter,
    takes_databases_of_different_sizes,
    same_seed_same_scores,
    wrong_access_is_refused_by_name,
    anchors_are_asked_for_where_they_are_needed,
    no_records_give_no_scores,
    nothing_is_printed_or_changed,
    a_seed_out_of_range_is_refused,
)
