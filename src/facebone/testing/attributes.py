"""The contract of attacks on attributes."""

from __future__ import annotations

from typing import Any

import numpy as np

from facebone.attacks.access import Access
from facebone.attacks.attack import Goal
from facebone.attacks.attributes.base import AttributeAttack
from facebone.attacks.attributes.evidence import Evidence
from facebone.errors import LeakageError, UsageError
from facebone.testing.contract import Contract, expect, expect_close, refused
from facebone.testing.declared import (
    DECLARED,
    AttackSubject,
    every_number_of_the_settings_is_checked,
    words_of,
)
from facebone.testing.quiet import silent, unchanged
from facebone.verification.metrics import auc

Subject = AttackSubject[AttributeAttack]

WIDTH, GALLERY, PICTURES = 24, 60, 3

Matrix = np.ndarray[Any, Any]


class World:
    """People whose templates show an attribute, or do not, and what is seen of them.

    Args:
        seed: draws the people.
        people: how many.
        strength: how strongly templates show what people are like.
        offset: number of the first.
        constant: whether all templates are equal.
    """

    def __init__(
        self,
        seed: int = 0,
        people: int = 120,
        *,
        strength: float = 2.0,
        offset: int = 0,
        constant: bool = False,
    ) -> None:
        rng = np.random.default_rng((7, seed))
        # The system is the same for all people.
        axes = np.random.default_rng(1).normal(size=(2, WIDTH))
        axes /= np.linalg.norm(axes, axis=1, keepdims=True)
        self.person = np.repeat(np.arange(people) + offset, PICTURES)
        traits = np.stack([rng.random(people) < 0.5, rng.normal(size=people)], axis=1)
        standard = traits * [2, 1] - [1, 0]
        centres = 0.5 * rng.normal(size=(people, WIDTH)) + strength * standard @ axes
        noise = 0.3 * rng.normal(size=(people * PICTURES, WIDTH))
        self.templates = np.repeat(centres, PICTURES, axis=0) + noise
        if constant:
            self.templates[:] = 1.0
        self.values = np.repeat(traits, PICTURES, axis=0)

    def unit(self) -> Matrix:
        """Templates of length one."""
        return np.asarray(self.templates / np.linalg.norm(self.templates, axis=1, keepdims=True))

    def beside(self, gallery: World) -> Evidence:
        """What is seen of them, scores against a gallery included."""
        odds = 6 * self.unit() @ gallery.unit()[:GALLERY].T
        return Evidence(self.person, self.templates, 1 / (1 + np.exp(-odds)))


def gallery_of(**world: Any) -> World:
    """People whose pictures the attacker compares with."""
    return World(seed=9, people=GALLERY // PICTURES, offset=10_000, **world)


def victims(seed: int = 2, people: int = 120, **world: Any) -> tuple[Evidence, Matrix]:
    """What is seen of people nobody told of, and what they are like."""
    found = World(seed=seed, people=people, offset=1000, **world)
    return found.beside(gallery_of(**world)), found.values


def fitted(
    subject: Subject, seed: int = 0, attack: AttributeAttack | None = None, **world: Any
) -> AttributeAttack:
    """The attack, having learnt from people whose attributes are known."""
    known, gallery = World(seed=1, **world), gallery_of(**world)
    found = attack or subject.make()
    found.fit(known.beside(gallery), known.values, seed=seed, gallery=gallery.values[:GALLERY])
    return found


def has_its_goal_and_an_access_that_shows_people(subject: Subject) -> None:
    """Scores, or templates."""
    kind = subject.kind
    expect(kind.goal is Goal.ATTRIBUTES, f"goal is {kind.goal}")
    expect(kind.access in (Access.SCORE, Access.EMBEDDING), f"access is {kind.access}")
    expect(isinstance(kind.needs_gallery, bool), f"needs_gallery is {kind.needs_gallery!r}")


def finds_attributes_that_templates_show(subject: Subject) -> None:
    """One that people have or have not, and one of degree."""
    seen, values = victims()
    found = fitted(subject).infer(seen)
    expect(found.dtype == np.float64, f"scores are {found.dtype}")
    for column, positive, least in ((0, values[:, 0] > 0.5, 0.95), (1, values[:, 1] > 0, 0.9)):
        figure = auc(found[:, column], positive)
        wanted = least if subject.least is None else subject.least
        expect(figure > wanted, f"AUC {figure:.3f} of what templates show, needs {wanted}")


def finds_nothing_where_there_is_nothing(subject: Subject) -> None:
    """Of 800 people, one picture each counts; the attack learnt from 120 others."""
    seen, values = victims(people=800, strength=0.0)
    found = fitted(subject, strength=0.0).infer(seen)[::PICTURES]
    truth = values[::PICTURES]
    # The deviation of an AUC of 400 against 400 without a difference is sqrt(1 / (6 * 400)).
    within = 3.5 * (1 / 2400) ** 0.5
    for column, positive in ((0, truth[:, 0] > 0.5), (1, truth[:, 1] > 0)):
        figure = auc(found[:, column], positive)
        expect_close(figure, 0.5, within, "AUC of what templates do not show")


def finds_nothing_in_templates_that_are_all_alike(subject: Subject) -> None:
    """One score for all."""
    seen, _ = victims(constant=True)
    found = fitted(subject, constant=True).infer(seen)
    expect(np.allclose(found, found[[0]], atol=1e-9), "tells equal templates apart")


def larger_means_more_whatever_the_sign_of_the_attribute(subject: Subject) -> None:
    """Of the opposite, the other way round."""
    known, gallery = World(seed=1), gallery_of()
    attack = subject.make()
    shown = known.beside(gallery)
    attack.fit(shown, -known.values, seed=0, gallery=-gallery.values[:GALLERY])
    seen, values = victims()
    figure = auc(attack.infer(seen)[:, 0], values[:, 0] < 0.5)
    least = 0.95 if subject.least is None else subject.least
    expect(figure > least, f"AUC {figure:.3f} of the opposite of what templates show")


def each_attribute_is_learnt_for_itself(subject: Subject) -> None:
    """Whatever stands in the other columns."""
    known, gallery = World(seed=1), gallery_of()
    seen, _ = victims()
    alone = subject.make()
    columns = gallery.values[:GALLERY, 1:]
    alone.fit(known.beside(gallery), known.values[:, 1:], seed=0, gallery=columns)
    beside = fitted(subject).infer(seen)[:, 1]
    expect(np.allclose(alone.infer(seen)[:, 0], beside, atol=1e-9), "learns attributes as one")


def a_score_depends_on_its_own_row_alone(subject: Subject) -> None:
    """Neither on the order of pictures nor on which there are."""
    attack, (seen, _) = fitted(subject), victims()
    found = attack.infer(seen)
    order = np.random.default_rng(0).permutation(len(seen))
    again = attack.infer(seen.take(order))
    expect(np.allclose(again, found[order], atol=1e-9), "other scores in another order")
    alone = attack.infer(seen.take(np.array([5])))
    expect(np.allclose(alone, found[[5]], atol=1e-9), "another score when asked about alone")


def same_seed_same_scores(subject: Subject) -> None:
    """To the bit."""
    seen, _ = victims()
    first, second = (fitted(subject, seed=3).infer(seen) for _ in range(2))
    expect(np.array_equal(first, second), "one seed made two scores of one picture")


def fitting_again_starts_afresh(subject: Subject) -> None:
    """Nothing is left of what it learnt before."""
    seen, _ = victims()
    again = fitted(subject, attack=fitted(subject, strength=0.0)).infer(seen)
    expect(np.array_equal(again, fitted(subject).infer(seen)), "remembers an earlier fit")


def wrong_access_is_refused_by_name(subject: Subject) -> None:
    """When it is fitted, and when it is asked."""
    seen, _ = victims()
    known, gallery = World(seed=1), gallery_of()
    scores = subject.kind.access is Access.SCORE
    needed = "score access, to see scores" if scores else "embedding access, to see templates"
    message = f"attack {subject.name}: needs {needed}"
    lacking = Evidence(seen.person, seen.templates if scores else None, None)
    with refused(UsageError, message, when="shown what another access shows"):
        fitted(subject).infer(lacking)
    shown = Evidence(known.person, known.templates if scores else None, None)
    with refused(UsageError, message, when="fitted to what another access shows"):
        subject.make().fit(shown, known.values, seed=0, gallery=gallery.values[:GALLERY])


def people_whom_it_knows_are_refused(subject: Subject) -> None:
    """Naming those whom it was told of is no attack."""
    message = f"attack {subject.name}: knows the attributes of 0"
    with refused(LeakageError, message, when="asked about people it was told of"):
        fitted(subject).infer(World(seed=1).beside(gallery_of()))


def infers_nothing_before_it_is_fitted(subject: Subject) -> None:
    """All learn."""
    message = f"attack {subject.name}: infers nothing before it is fitted"
    with refused(UsageError, message, when="asked before it is fitted"):
        subject.make().infer(victims()[0])


def other_columns_than_it_was_fitted_to_are_refused(subject: Subject) -> None:
    """Of templates or of scores."""
    seen, _ = victims()
    narrow = Evidence(seen.person, _there(seen.templates)[:, :5], _there(seen.scores)[:, :5])
    with refused(UsageError, r"was fitted to \d+ columns, got 5", when="shown five columns"):
        fitted(subject).infer(narrow)


def attributes_that_do_not_fit_are_refused(subject: Subject) -> None:
    """Too few, of the wrong shape, not finite, or of too few people."""
    known, gallery = World(seed=1), gallery_of()
    shown = known.beside(gallery)
    own = gallery.values[:GALLERY]
    message = f"attack {subject.name}: attributes must be finite"
    for values in (known.values[:5], known.values[:, 0], np.full_like(known.values, np.nan)):
        with refused(UsageError, message, when=f"given attributes of shape {values.shape}"):
            subject.make().fit(shown, values, seed=0, gallery=own)
    few = "needs 4 people whose attributes are known, got 2"
    with refused(UsageError, few, when="told of two people"):
        subject.make().fit(shown.take(np.arange(6)), known.values[:6], seed=0, gallery=own)


def a_gallery_is_asked_for_where_it_is_needed(subject: Subject) -> None:
    """And is not missed where it is not."""
    known, gallery = World(seed=1), gallery_of()
    attack = subject.make()
    if not attack.needs_gallery:
        attack.fit(known.beside(gallery), known.values, seed=0)
        return
    for given in (None, gallery.values[:5]):
        message = f"attack {subject.name}: needs attributes of shape"
        with refused(UsageError, message, when="given no gallery, or one that does not fit"):
            attack.fit(known.beside(gallery), known.values, seed=0, gallery=given)


def no_pictures_give_no_scores(subject: Subject) -> None:
    """Nothing asked, nothing said."""
    seen, _ = victims()
    found = fitted(subject).infer(seen.take(np.arange(0)))
    expect(found.shape == (0, 2), f"scores of no pictures have shape {found.shape}")


def nothing_is_printed_or_changed(subject: Subject) -> None:
    """By nobody inside it."""
    known, gallery = World(seed=1), gallery_of()
    shown = known.beside(gallery)
    with silent(), unchanged(_there(shown.templates), _there(shown.scores), known.values):
        attack = subject.make()
        attack.fit(shown, known.values, seed=0, gallery=gallery.values[:GALLERY])
        attack.infer(victims()[0])


def _there(part: Any) -> Matrix:
    return np.asarray(part)


ATTRIBUTES: Contract[Subject] = Contract(
    words_of,
    *DECLARED,
    every_number_of_the_settings_is_checked,
    has_its_goal_and_an_access_that_shows_people,
    finds_attributes_that_templates_show,
    finds_nothing_where_there_is_nothing,
    finds_nothing_in_templates_that_are_all_alike,
    larger_means_more_whatever_the_sign_of_the_attribute,
    each_attribute_is_learnt_for_itself,
    a_score_depends_on_its_own_row_alone,
    same_seed_same_scores,
    fitting_again_starts_afresh,
    wrong_access_is_refused_by_name,
    people_whom_it_knows_are_refused,
    infers_nothing_before_it_is_fitted,
    other_columns_than_it_was_fitted_to_are_refused,
    attributes_that_do_not_fit_are_refused,
    a_gallery_is_asked_for_where_it_is_needed,
    no_pictures_give_no_scores,
    nothing_is_printed_or_changed,
)
