"""The contract of heads that learn from pairs, or learn nothing."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from facebone.errors import UnknownNameError, UsageError, WeightsError
from facebone.testing.contract import Contract, expect, refused
from facebone.testing.heads_world import HeadSubject, nobody, pairs_of_people
from facebone.testing.quiet import silent, touches_no_global_state
from facebone.verification.heads import Head, LearningHead, Views
from facebone.verification.metrics import auc

LEAST_AUC = 0.95


def fitted(subject: HeadSubject, seed: int = 0, **settings: Any) -> Head:
    """The head, fitted to pairs of seed 0."""
    head = subject.make(settings)
    pairs, same = pairs_of_people()
    head.fit(pairs, same, seed=seed)
    return head


def learns_a_separable_problem_with_the_right_sign(subject: HeadSubject) -> None:
    """Larger means the same person."""
    pairs, same = pairs_of_people(seed=1)
    scores = fitted(subject).score(pairs)
    proper = scores.shape == (400,) and scores.dtype == np.float64
    expect(proper, f"scores are {scores.dtype} {scores.shape}")
    figure = auc(scores, same)
    expect(figure > LEAST_AUC, f"AUC {figure:.3f} on a separable problem, needs {LEAST_AUC}")


def a_score_of_a_head_that_learns_is_a_probability_of_the_logit(subject: HeadSubject) -> None:
    """A head that learns nothing has no logit."""
    head = fitted(subject)
    if not isinstance(head, LearningHead):
        expect(not head.learns and not hasattr(head, "logit"), "learns, and is no LearningHead")
        return
    pairs, _ = pairs_of_people(seed=1)
    _same(head.score(pairs), 1 / (1 + np.exp(-head.logit(pairs))), "score is no sigmoid of logit")


def saved_state_scores_bit_for_bit_alike(subject: HeadSubject) -> None:
    """Through JSON."""
    head, (pairs, _) = fitted(subject), pairs_of_people(seed=1)
    config, arrays = head.state()
    again = type(head).from_state(json.loads(json.dumps(config)), arrays)
    expect(again.settings == head.settings, "saved settings come back as others")
    expect(again.dimensions == head.dimensions, "saved dimensions come back as others")
    expect(again.score(pairs).tobytes() == head.score(pairs).tobytes(), "a saved head scores else")


def state_is_a_copy_that_later_fits_do_not_change(subject: HeadSubject) -> None:
    """What was saved stays."""
    head, (pairs, same) = fitted(subject), pairs_of_people(seed=1)
    again = type(head).from_state(*head.state())
    before = again.score(pairs)
    head.fit(pairs, same, seed=3)
    expect(np.array_equal(again.score(pairs), before), "a later fit changes what was saved before")


def saved_arrays_must_fit(subject: HeadSubject) -> None:
    """None too many, none missing, all finite and of the right shape."""
    head = fitted(subject)
    kind, (config, arrays) = type(head), head.state()

    def refuse(message: str, config: dict[str, Any], arrays: dict[str, Any], when: str) -> None:
        with refused(WeightsError, message, when=when):
            kind.from_state(config, arrays)

    surplus = arrays | {"surplus": np.zeros(1)}
    refuse("missing or too many: surplus", config, surplus, "given an array too many")
    if not arrays:
        return
    first = sorted(arrays)[0]
    rest = {key: value for key, value in arrays.items() if key != first}
    refuse(f"missing or too many: {first}", config, rest, f"not given {first}")
    wrong = arrays | {first: np.zeros((3, 3, 3))}
    refuse(f"{first} has shape", config, wrong, f"given {first} of another shape")
    odd = arrays | {first: np.full(arrays[first].shape, np.nan)}
    refuse(f"{first} is not finite", config, odd, f"given {first} not finite")
    others = config | {"dimensions": [12, 8, 4]}
    refuse("has shape", others, arrays, "told of another backbone")
    lost = config | {"dimensions": None}
    refuse("says nothing of the backbones", lost, arrays, "told of no backbones")


def same_seed_same_head(subject: HeadSubject) -> None:
    """To the bit."""
    pairs, _ = pairs_of_people(seed=1)
    one, again = (fitted(subject).score(pairs) for _ in range(2))
    expect(np.array_equal(one, again), "one seed made two heads")


def fitting_again_starts_afresh(subject: HeadSubject) -> None:
    """Nothing is left of what it learnt before."""
    head, other, (pairs, same) = fitted(subject), subject.unfitted(), pairs_of_people(seed=1)
    for one in (head, other):
        one.fit(pairs, same, seed=5)
    expect(np.array_equal(head.score(pairs), other.score(pairs)), "remembers an earlier fit")


def no_global_seed_is_used_or_changed(subject: HeadSubject) -> None:
    """Randomness comes from the seed that `fit` is given."""
    pairs, _ = pairs_of_people(seed=1)
    touches_no_global_state(lambda: fitted(subject).score(pairs))


def nothing_is_printed(subject: HeadSubject) -> None:
    """By nobody inside it."""
    with silent():
        fitted(subject).score(pairs_of_people(seed=1)[0])


def order_and_company_of_pairs_do_not_count(subject: HeadSubject) -> None:
    """A pair scores alone as among others."""
    head, (pairs, _) = fitted(subject), pairs_of_people(seed=1)
    found = head.score(pairs)
    order = np.random.default_rng(0).permutation(400)
    _same(head.score(pairs.take(order)), found[order], "other scores in another order")
    _same(head.score(pairs.take(np.array([7]))), found[[7]], "another score when asked alone")


def left_and_right_may_change_places(subject: HeadSubject) -> None:
    """Unless a head has a setting for it, ``symmetric``, which then says whether they may."""
    pairs, _ = pairs_of_people(seed=1)
    turned = pairs.turned()
    asked = hasattr(subject.unfitted().settings, "symmetric")
    head = fitted(subject, **({"symmetric": True} if asked else {}))
    _same(head.score(turned), head.score(pairs), "other scores with left and right turned")
    if asked:
        head = fitted(subject, symmetric=False)
        apart = float(np.abs(head.score(turned) - head.score(pairs)).max())
        expect(apart > 1e-3, "symmetric=false changes nothing")


def answers_do_not_vary(subject: HeadSubject) -> None:
    """A head alone draws nothing when it is asked; defences may."""
    head, (pairs, _) = fitted(subject), pairs_of_people(seed=1)
    expect(not head.answers_vary, "says that its answers vary")
    before = head.score(pairs)
    head.reseed(np.random.default_rng(1))
    expect(np.array_equal(head.score(pairs), before), "answers otherwise the second time")


def a_view_through_one_backbone_alone_is_that_backbone(subject: HeadSubject) -> None:
    """A schedule that always shows backbone 1: what fitting to backbone 1 gives, bit for bit."""
    pairs, same = pairs_of_people(widths=(9, 9))
    views = Views(pairs, np.ones((3, 400), dtype=np.intp))
    seen, plain = subject.unfitted(), subject.unfitted()
    report = seen.fit_views(views, same, seed=4)
    expect(report == plain.fit(pairs.choose([1]), same, seed=4), "reports another training")
    expect(seen.dimensions == (9,), f"was fitted to one backbone, says {seen.dimensions}")
    one = pairs_of_people(seed=1, widths=(9,))[0]
    expect(seen.score(one).tobytes() == plain.score(one).tobytes(), "learns else than from one")


def views_are_checked_as_pairs_are(subject: HeadSubject) -> None:
    """Seeds, labels, validation and numbers."""
    pairs, same = pairs_of_people(widths=(9, 9))
    views, head = Views(pairs, np.zeros((1, 400), dtype=np.intp)), subject.unfitted()
    with refused(UsageError, "seed: must be in", when="given a negative seed"):
        head.fit_views(views, same, seed=-1)
    message = r"must be bool of shape \(400,\), got bool of \(399,\)"
    with refused(UsageError, message, when="given a label too few"):
        head.fit_views(views, same[1:], seed=0)
    message = r"width \(9, 9\), training has \(9,\)"
    with refused(UsageError, message, when="validated under two backbones"):
        head.fit_views(views, same, seed=0, validation=(pairs, same))
    pairs.left[1][5, 0] = np.nan
    with refused(UsageError, "pair 5 are not finite", when="given a number that is none"):
        head.fit_views(views, same, seed=0)


def no_pairs_no_scores(subject: HeadSubject) -> None:
    """Nothing asked, nothing said."""
    found = fitted(subject).score(nobody(pairs_of_people()[0]))
    expect(found.shape == (0,), f"scores of no pairs have shape {found.shape}")


def a_head_that_learns_must_be_fitted_first(subject: HeadSubject) -> None:
    """To answer, and to be saved."""
    head, (pairs, _) = subject.unfitted(), pairs_of_people()
    if not head.learns:
        expect(head.score(pairs).shape == (400,), "does not score before it is fitted")
        expect(type(head).from_state(*head.state()).name == head.name, "is not saved unfitted")
        return
    message = f"head {subject.name}: scores nothing before it is fitted"
    with refused(UsageError, message, when="asked before it is fitted"):
        head.score(pairs)
    with refused(UsageError, "nothing to save", when="saved before it is fitted"):
        head.state()


def fresh_forgets_what_was_learnt_and_keeps_the_settings(subject: HeadSubject) -> None:
    """And the other way round."""
    head = fitted(subject)
    again = head.fresh()
    expect(again.settings == head.settings, "a fresh one has other settings")
    expect(again.dimensions is None, "a fresh one is fitted")


def embeddings_that_are_not_finite_are_refused(subject: HeadSubject) -> None:
    """When it learns, and when it is asked."""
    for bad in (np.nan, np.inf):
        pairs, same = pairs_of_people()
        pairs.right[1][17, 3] = bad
        message = f"head {subject.name}: the embeddings of pair 17 are not finite"
        with refused(UsageError, message, when=f"fitted to {bad}"):
            subject.unfitted().fit(pairs, same, seed=0)
        with refused(UsageError, "pair 17 are not finite; leave out", when=f"asked about {bad}"):
            fitted(subject).score(pairs)


def labels_must_fit(subject: HeadSubject) -> None:
    """One a pair, true or false, of both kinds."""
    pairs, same = pairs_of_people()
    message = r"must be bool of shape \(400,\), got bool of \(399,\)"
    with refused(UsageError, message, when="given a label too few"):
        subject.unfitted().fit(pairs, same[1:], seed=0)
    with refused(UsageError, r"must be bool .*, got int64", when="given numbers for labels"):
        subject.unfitted().fit(pairs, same.astype(np.int64), seed=0)
    with refused(UsageError, "got no pair", when="given no pairs"):
        subject.unfitted().fit(nobody(pairs), same[:0], seed=0)
    for label, word in ((True, "matched"), (False, "mismatched")):
        with refused(UsageError, f"got only {word} pairs", when=f"given {word} pairs alone"):
            subject.unfitted().fit(pairs, np.full(400, label), seed=0)


def other_backbones_than_it_was_fitted_with_are_refused(subject: HeadSubject) -> None:
    """By their widths."""
    head, (pairs, same) = fitted(subject), pairs_of_people(widths=(12, 9))
    if not head.learns:
        expect(head.score(pairs).shape == (400,), "learns nothing, and refuses other backbones")
        return
    message = r"fitted to embeddings of width \(12, 8\), got \(12, 9\)"
    with refused(UsageError, message, when="asked under another backbone"):
        head.score(pairs)
    good, labels = pairs_of_people()
    message = r"validation: embeddings of width \(12, 9\)"
    with refused(UsageError, message, when="validated under another backbone"):
        head.fit(good, labels, seed=0, validation=(pairs, same))


def a_seed_out_of_range_is_refused(subject: HeadSubject) -> None:
    """Seeds are 32 bits without a sign."""
    pairs, same = pairs_of_people()
    for seed in (-1, 2**32):
        with refused(UsageError, "seed: must be in", when=f"given seed {seed}"):
            subject.unfitted().fit(pairs, same, seed=seed)


def settings_of_others_are_refused(subject: HeadSubject) -> None:
    """Unknown names, and settings of another type."""
    message = f"unknown setting of head {subject.name} 'no_such_setting'"
    with refused(UnknownNameError, message, when="given a setting that it does not have"):
        subject.make({"no_such_setting": 3})
    kind: Any = type(subject.unfitted())
    message = f"head {subject.name}: needs settings of type"
    with refused(UsageError, message, when="given settings of another type"):
        kind(settings="none")


def _same(found: np.ndarray, wanted: np.ndarray, what: str) -> None:
    expect(np.allclose(found, wanted, rtol=1e-9, atol=1e-12), what)


def _words(subject: HeadSubject) -> str:
    return f"head {subject.name}"


HEAD: Contract[HeadSubject] = Contract(
    _words,
    learns_a_separable_problem_with_the_right_sign,
    a_score_of_a_head_that_learns_is_a_probability_of_the_logit,
    saved_state_scores_bit_for_bit_alike,
    state_is_a_copy_that_later_fits_do_not_change,
    saved_arrays_must_fit,
    same_seed_same_head,
    fitting_again_starts_afresh,
    no_global_seed_is_used_or_changed,
    nothing_is_printed,
    order_and_company_of_pairs_do_not_count,
    left_and_right_may_change_places,
    answers_do_not_vary,
    a_view_through_one_backbone_alone_is_that_backbone,
    views_are_checked_as_pairs_are,
    no_pairs_no_scores,
    a_head_that_learns_must_be_fitted_first,
    fresh_forgets_what_was_learnt_and_keeps_the_settings,
    embeddings_that_are_not_finite_are_refused,
    labels_must_fit,
    other_backbones_than_it_was_fitted_with_are_refused,
    a_seed_out_of_range_is_refused,
    settings_of_others_are_refused,
)
"""Of every head that can be asked for by name and learns from pairs, if it learns."""
