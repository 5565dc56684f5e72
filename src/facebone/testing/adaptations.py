"""The contract of adaptations: heads that learn from pictures of known people."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from facebone.errors import UnknownNameError, UsageError, WeightsError
from facebone.settings import parse_settings
from facebone.testing.adaptations_world import AdaptationSubject, fitted
from facebone.testing.contract import Contract, expect, refused
from facebone.testing.quiet import touches_no_global_state
from facebone.verification.heads import Head
from facebone.verification.heads.base import sigmoid
from facebone.verification.labelled_pictures import LabelledPictures
from facebone.verification.metrics import auc


def expect_alike(one: Head, other: Head, *, rtol: float, atol: float = 0.0) -> None:
    """Two heads with the same numbers, but for rounding."""
    for found, wanted in zip(
        *(sorted(head.state()[1].items()) for head in (one, other)), strict=True
    ):
        expect(found[0] == wanted[0], f"has {found[0]} where the other has {wanted[0]}")
        expect(np.allclose(found[1], wanted[1], rtol=rtol, atol=atol), f"{found[0]} differs")


def learns_a_separable_problem_with_the_right_sign(subject: AdaptationSubject) -> None:
    """Of people it has not met."""
    pairs, same = subject.toy().pairs()
    scores = fitted(subject).score(pairs)
    what = f"scores are {scores.dtype} {scores.shape}"
    expect(scores.shape == (len(pairs),) and scores.dtype == np.float64, what)
    figure = auc(scores, same)
    expect(figure > subject.least, f"AUC {figure:.3f} of people it has not met")


def it_says_how_many_pictures_it_learnt_from(subject: AdaptationSubject) -> None:
    """And how its loss went."""
    learnt = subject.toy().learnt
    report = subject.unfitted().fit_people(learnt, seed=0)
    what = f"reports {report.pairs} learnt and {report.held_out} held out of {len(learnt)}"
    expect((report.pairs, report.held_out) == (len(learnt), 0), what)
    expect(len(report.train_loss) == report.epochs, "reports a loss too many or too few")
    expect(np.isfinite(report.train_loss).all(), "reports a loss that is not finite")


def templates_have_length_one_and_compare_as_pairs_score(subject: AdaptationSubject) -> None:
    """And do not depend on the others that are asked about."""
    head, toy = fitted(subject), subject.toy()
    pairs, _ = toy.pairs()
    left, right = head.templates(pairs.left), head.templates(pairs.right)
    expect(left.dtype == np.float32, f"templates are {left.dtype}")
    expect(np.allclose(np.linalg.norm(left, axis=1), 1, rtol=1e-5), "templates have no length one")
    log_odds = head.compare(left, right)
    expect(log_odds.dtype == np.float64, f"log odds are {log_odds.dtype}")
    expect(np.array_equal(head.logit(pairs), log_odds), "templates compare else than pairs")
    expect(np.array_equal(head.score(pairs), sigmoid(log_odds)), "score is no sigmoid of log odds")
    whole = head.templates(toy.asked.embeddings)
    some = head.templates(toy.asked.take(np.arange(3, 9)).embeddings)
    expect(np.allclose(some, whole[3:9], rtol=1e-7, atol=1e-5), "a template depends on others")


def log_odds_rise_with_the_cosine_of_templates(subject: AdaptationSubject) -> None:
    """In a straight line."""
    head = fitted(subject)
    pairs, _ = subject.toy().pairs()
    left, right = head.templates(pairs.left), head.templates(pairs.right)
    cosine = np.einsum("nd,nd->n", left, right, dtype=np.float64)
    slope, offset = np.polyfit(cosine, head.compare(left, right), 1)
    expect(slope > 0, f"log odds change by {slope:.3g} with the cosine")
    straight = np.allclose(head.compare(left, right), slope * cosine + offset, atol=1e-6)
    expect(straight, "log odds are no straight line in the cosine of templates")


def saved_state_scores_bit_for_bit_alike(subject: AdaptationSubject) -> None:
    """Through JSON; and a later fit does not change what was saved."""
    head = subject.fit()
    pairs, _ = subject.toy().pairs()
    config, arrays = head.state()
    again = type(head).from_state(json.loads(json.dumps(config)), arrays)
    expect(again.settings == head.settings, "saved settings come back as others")
    expect(again.dimensions == head.dimensions, "saved dimensions come back as others")
    before = again.score(pairs)
    expect(before.tobytes() == head.score(pairs).tobytes(), "a saved head scores else")
    head.fit_people(subject.toy().asked, seed=3)
    expect(not np.array_equal(head.score(pairs), before), "learns nothing from other people")
    expect(np.array_equal(again.score(pairs), before), "a later fit changes what was saved before")


def saved_arrays_must_fit(subject: AdaptationSubject) -> None:
    """None too many, none missing, all finite and of the right shape."""
    head = fitted(subject)
    config, arrays = head.state()
    first = sorted(arrays)[0]
    given: dict[str, tuple[str, dict[str, Any]]] = {
        "an array too many": ("too many: surplus", arrays | {"surplus": np.zeros(1)}),
        f"no {first}": (
            f"too many: {first}",
            {key: value for key, value in arrays.items() if key != first},
        ),
        "another shape": (f"{first} has shape", arrays | {first: np.zeros((3, 3, 3))}),
        "not finite": (
            f"{first} is not finite",
            arrays | {first: np.full(arrays[first].shape, np.nan)},
        ),
    }
    for what, (message, changed) in given.items():
        with refused(WeightsError, message, when=f"given {what}"):
            type(head).from_state(config, changed)


def same_seed_same_head_and_no_global_seed_is_used(subject: AdaptationSubject) -> None:
    """To the bit; another seed, another where training is random."""
    expect_alike(subject.fit(), fitted(subject), rtol=0)
    asked = subject.toy().asked.embeddings
    touches_no_global_state(lambda: subject.fit().templates(asked))
    same = np.array_equal(subject.fit(seed=1).templates(asked), fitted(subject).templates(asked))
    draws = "" if subject.draws else "not "
    expect(same != subject.draws, f"training is {draws}random, and another seed says otherwise")


def fitting_again_starts_afresh(subject: AdaptationSubject) -> None:
    """Nothing is left of what it learnt before."""
    head = subject.fit(seed=5)
    head.fit_people(subject.toy().learnt, seed=0)
    expect_alike(head, fitted(subject), rtol=0)


def names_of_people_do_not_count(subject: AdaptationSubject) -> None:
    """Only who is who; not what they are called, where their order stays."""
    learnt, head = subject.toy().learnt, subject.unfitted()
    head.fit_people(LabelledPictures(learnt.embeddings, learnt.person * 3 + 1000), seed=0)
    expect_alike(head, fitted(subject), rtol=0)


def labels_are_learnt_from(subject: AdaptationSubject) -> None:
    """With people mixed up at random, the same pictures make another head."""
    learnt, head = subject.toy().learnt, subject.unfitted()
    mixed = np.random.default_rng(0).permutation(learnt.person)
    head.fit_people(LabelledPictures(learnt.embeddings, mixed), seed=0)
    pairs, _ = subject.toy().pairs()
    apart = float(np.abs(head.logit(pairs) - fitted(subject).logit(pairs)).max())
    expect(apart > 1e-2, "who is who makes no difference")


def many_are_each_as_alone(subject: AdaptationSubject) -> None:
    """As shadows are trained."""
    pool = subject.toy().learnt
    people = np.unique(pool.person)
    rng = np.random.default_rng(3)
    members = [
        np.flatnonzero(np.isin(pool.person, rng.permutation(people)[: 2 * len(people) // 3]))
        for _ in range(3)
    ]
    members[1] = members[1][1:]  # one picture less: other sizes side by side
    head, seeds = subject.unfitted(), [8, 9, 8]
    many = head.fit_people_many(pool, members, seeds)
    expect(head.dimensions is None, "the head that was asked to make others is fitted")
    pairs, _ = subject.toy().pairs()
    for found, rows, seed in zip(many, members, seeds, strict=True):
        expect(found.settings == head.settings, "one of many has other settings")
        alone = subject.unfitted()
        alone.fit_people(pool.take(rows), seed=seed)
        expect_alike(found, alone, rtol=1e-3, atol=1e-4)
        close = np.allclose(found.score(pairs), alone.score(pairs), atol=1e-4)
        expect(close, "scores else beside others than alone")
    apart = float(np.abs(many[0].score(pairs) - many[2].score(pairs)).max())
    expect(apart > 1e-4, "heads of other people are the same")
    expect(head.fit_people_many(pool, [], []) == [], "no job makes a head")
    rows = np.arange(len(pool))
    message = "needs one seed a job, got 1 for 2 jobs"
    with refused(UsageError, message, when="given a seed too few"):
        subject.unfitted().fit_people_many(pool, [rows, rows], [0])
    with refused(UsageError, "job 1: needs two people", when="given one picture"):
        subject.unfitted().fit_people_many(pool, [rows, rows[:1]], [0, 1])


def order_company_and_side_of_pairs_do_not_count(subject: AdaptationSubject) -> None:
    """A pair scores alone, among others and turned as it does."""
    head = fitted(subject)
    pairs, _ = subject.toy().pairs()
    whole = head.logit(pairs)
    order = np.random.default_rng(0).permutation(len(pairs))
    for what, found, wanted in (
        ("in another order", head.logit(pairs.take(order)), whole[order]),
        ("asked alone", head.logit(pairs.take(np.array([7]))), whole[[7]]),
        ("with left and right turned", head.logit(pairs.turned()), whole),
    ):
        expect(np.allclose(found, wanted, rtol=1e-4, atol=1e-4), f"other scores {what}")


def nothing_asked_nothing_answered(subject: AdaptationSubject) -> None:
    """No pairs, no pictures."""
    head = fitted(subject)
    pairs, same = subject.toy().pairs()
    none = np.array([], dtype=np.intp)
    empty = pairs.take(none)
    expect(head.score(empty).shape == (0,), "scores of no pairs")
    templates = head.templates(empty.left)
    width = head.templates(pairs.left).shape[1]
    expect(templates.shape == (0, width), f"templates of no pictures are {templates.shape}")
    expect(head.compare(templates, templates).shape == (0,), "compares no templates")
    names = head.inside(empty, same[none]).names()
    expect(names == head.inside(pairs, same).names(), "other names of no pairs")


def inside_is_the_loss_and_what_makes_it(subject: AdaptationSubject) -> None:
    """The surer and right a pair is, the less it would change the head."""
    head = fitted(subject)
    pairs, same = subject.toy().pairs()
    found, logit = head.inside(pairs, same), head.logit(pairs)
    loss = np.logaddexp(0, np.where(same, -logit, logit))
    expect(np.allclose(found.loss, loss, rtol=1e-4, atol=1e-6), "loss is not that of the answers")
    expect((found.gradient_norms > 0).all(), "a gradient is nothing")
    columns, names = found.columns(), found.names()
    expect(columns.shape == (len(pairs), len(names)), f"columns are {columns.shape}")
    expect(np.isfinite(columns).all(), "columns are not finite")
    expect(len(set(names)) == len(names), "two columns have one name")
    gradients = found.gradient_norms.sum(axis=1)
    expect(np.corrcoef(found.loss, gradients)[0, 1] > 0.3, "gradients do not follow the loss")
    few = head.inside(pairs.take(np.arange(3)), same[:3]).columns()
    expect(np.allclose(few, columns[:3], rtol=1e-3, atol=1e-4), "other columns of few")


def what_cannot_be_learnt_from_is_refused(subject: AdaptationSubject) -> None:
    """Pairs, too few people, numbers that are none, seeds out of range."""
    toy = subject.toy()
    pairs, same = toy.pairs()
    message = f"head {subject.name}: learns from pictures of known people"
    with refused(UsageError, message, when="given pairs"):
        subject.unfitted().fit(pairs, same, seed=0)
    message = f"head {subject.name}: needs two people, and of one of them two"
    for person in (np.zeros(6, dtype=np.intp), np.arange(6), np.empty(0, dtype=np.intp)):
        some = toy.learnt.take(np.arange(len(person)))
        with refused(UsageError, message, when=f"given the people {person}"):
            subject.unfitted().fit_people(LabelledPictures(some.embeddings, person), seed=0)
    for bad in (np.nan, np.inf):
        spoilt = tuple(matrix.copy() for matrix in toy.learnt.embeddings)
        spoilt[-1][17, 3] = bad
        message = f"head {subject.name}: the embeddings of picture 17 are not fin"
        with refused(UsageError, message, when=f"fitted to {bad}"):
            subject.unfitted().fit_people(LabelledPictures(spoilt, toy.learnt.person), seed=0)
        with refused(UsageError, "embeddings are not finite", when=f"asked about {bad}"):
            fitted(subject).templates(spoilt)
    for seed in (-1, 2**32):
        with refused(UsageError, "seed: must be in", when=f"given seed {seed}"):
            subject.unfitted().fit_people(toy.learnt, seed=seed)


def validation_must_show_other_people_under_the_same_backbones(subject: AdaptationSubject) -> None:
    """Else it says nothing."""
    toy = subject.toy()
    message = f"head {subject.name}, validation: shows people who are trained"
    with refused(UsageError, message, when="validated by those it learns from"):
        subject.unfitted().fit_people(toy.learnt, seed=0, validation=toy.learnt)
    narrow = LabelledPictures(tuple(m[:, :-1] for m in toy.asked.embeddings), toy.asked.person)
    message = "validation: embeddings of width"
    with refused(UsageError, message, when="validated under another backbone"):
        subject.unfitted().fit_people(toy.learnt, seed=0, validation=narrow)


def it_must_be_fitted_first_and_asked_about_its_backbones(subject: AdaptationSubject) -> None:
    """A fresh one is not."""
    toy = subject.toy()
    message = f"head {subject.name}: makes no template before it is fitted"
    with refused(UsageError, message, when="asked before it is fitted"):
        subject.unfitted().templates(toy.asked.embeddings)
    with refused(UsageError, "nothing to save", when="saved before it is fitted"):
        subject.unfitted().state()
    narrow = tuple(matrix[:, :-1] for matrix in toy.asked.embeddings)
    message = f"head {subject.name}: was fitted to embeddings of width"
    with refused(UsageError, message, when="asked under another backbone"):
        fitted(subject).templates(narrow)
    again = fitted(subject).fresh()
    expect(again.settings == fitted(subject).settings, "a fresh one has other settings")
    expect(again.dimensions is None, "a fresh one is fitted")


def unknown_settings_are_refused(subject: AdaptationSubject) -> None:
    """By name."""
    kind = type(subject.unfitted()).settings_type
    message = f"unknown setting of head {subject.name} 'no_such_setting'"
    with refused(UnknownNameError, message, when="given a setting that it does not have"):
        parse_settings(kind, {"no_such_setting": 3}, owner=f"head {subject.name}")


ADAPTATION: Contract[AdaptationSubject] = Contract(
    lambda subject: f"adaptation {subject.name}",
    learns_a_separable_problem_with_the_right_sign,
    it_says_how_many_pictures_it_learnt_from,
    templates_have_length_one_and_compare_as_pairs_score,
    log_odds_rise_with_the_cosine_of_templates,
    saved_state_scores_bit_for_bit_alike,
    saved_arrays_must_fit,
    same_seed_same_head_and_no_global_seed_is_used,
    fitting_again_starts_afresh,
    names_of_people_do_not_count,
    labels_are_learnt_from,
    many_are_each_as_alone,
    order_company_and_side_of_pairs_do_not_count,
    nothing_asked_nothing_answered,
    inside_is_the_loss_and_what_makes_it,
    what_cannot_be_learnt_from_is_refused,
    validation_must_show_other_people_under_the_same_backbones,
    it_must_be_fitted_first_and_asked_about_its_backbones,
    unknown_settings_are_refused,
)
