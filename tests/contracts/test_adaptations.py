"""One contract over every registered adaptation: heads that learn from pictures of known people."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from facebone.errors import UnknownNameError, UsageError, WeightsError
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise
from facebone.verification.heads import ADAPTATIONS, HEADS, PeopleHead, head_from_state, make_head
from facebone.verification.heads.base import sigmoid
from facebone.verification.heads.people import draw_labelled_pairs
from facebone.verification.labelled_pictures import LabelledPictures
from facebone.verification.metrics import auc

QUICK: dict[str, dict[str, Any]] = {
    "adapter": {"hidden": [32], "epochs": 8, "learning_rate": 3e-3},
    "fine_tuning": {"backbone": ["tiny_plain@4"], "epochs": 2, "learning_rate": 3e-4},
}
"""Settings small enough to be quick; every other setting keeps its default."""


@dataclass(frozen=True, eq=False)
class Toy:
    """Pictures to learn from, and pictures of other people to be asked about."""

    learnt: LabelledPictures
    asked: LabelledPictures

    def pairs(self) -> tuple[EmbeddedPairs, np.ndarray]:
        """Matched and mismatched pairs of other people."""
        left, right, same = draw_labelled_pairs(self.asked.person, 150, seed=1)
        matrices = self.asked.embeddings
        return EmbeddedPairs(
            tuple(matrix[left] for matrix in matrices), tuple(matrix[right] for matrix in matrices)
        ), same


def directions() -> Toy:
    """People as random directions, pictures as people plus noise, under two backbones."""
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(80), 4)
    matrices = []
    for width in (12, 8):
        centres = rng.normal(size=(80, width))
        # One direction that all faces share, and that says nothing of whom they show.
        rows = centres[person] + 0.4 * rng.normal(size=(320, width)) + 3 * np.eye(width)[0]
        matrices.append(normalise(rows.astype(np.float32)))
    pictures = LabelledPictures(tuple(matrices), person + 7)
    return Toy(pictures.take(person < 50), pictures.take(person >= 50))


def drawn_faces() -> Toy:
    """Synthetic faces at the cut of a backbone."""
    from facebone.data.synthetic import synthetic_dataset
    from facebone.verification.engine import EmbeddingEngine
    from facebone.verification.routes import open_routes

    count, each = 20, 4
    pictures = synthetic_dataset(count, each, seed=7).pictures
    routes = open_routes(QUICK["fine_tuning"]["backbone"], device="cpu")
    matrices = EmbeddingEngine(routes, workers=1).embed(pictures).matrices
    person = np.repeat(np.arange(count), each)
    whole = LabelledPictures.gather(matrices, np.arange(count * each), person)
    return Toy(whole.take(person < 12), whole.take(person >= 12))


TOYS: dict[str, Callable[[], Toy]] = {"fine_tuning": drawn_faces}
"""What suits an adaptation that cannot learn from `directions`."""

LEAST_AUC = {"fine_tuning": 0.8}
"""Of pairs of people it has not met, where it is not 0.95."""


@lru_cache
def toy_of(name: str) -> Toy:
    return TOYS.get(name, directions)()


def unfitted(name: str) -> PeopleHead:
    head = make_head(name, QUICK.get(name))
    assert isinstance(head, PeopleHead)
    return head


def fit(name: str, seed: int = 0) -> PeopleHead:
    head = unfitted(name)
    head.fit_people(toy_of(name).learnt, seed=seed)
    return head


@lru_cache
def fitted(name: str) -> PeopleHead:
    """Shared by tests that only ask it."""
    return fit(name)


@pytest.fixture(params=ADAPTATIONS.names())
def name(request):
    return request.param


def assert_alike(one, other, **tolerance):
    for array, expected in zip(
        *(sorted(head.state()[1].items()) for head in (one, other)), strict=True
    ):
        assert array[0] == expected[0]
        np.testing.assert_allclose(array[1], expected[1], err_msg=array[0], **tolerance)


def test_the_adaptations_there_are():
    assert set(ADAPTATIONS.names()) >= {"whitening", "adapter"}
    assert not set(ADAPTATIONS.names()) & set(HEADS.names())


def test_learns_a_separable_problem_with_the_right_sign(name):
    pairs, same = toy_of(name).pairs()
    scores = fitted(name).score(pairs)
    assert (scores.shape, scores.dtype) == ((len(pairs),), np.float64)
    assert auc(scores, same) > LEAST_AUC.get(name, 0.95)
    assert scores[same].mean() > scores[~same].mean()


def test_it_says_how_many_pictures_it_learnt_from(name):
    report = unfitted(name).fit_people(toy_of(name).learnt, seed=0)
    assert (report.pairs, report.held_out) == (len(toy_of(name).learnt), 0)
    assert len(report.train_loss) == report.epochs
    assert np.isfinite(report.train_loss).all()


def test_templates_have_length_one_and_compare_as_pairs_score(name):
    head, toy = fitted(name), toy_of(name)
    pairs, _ = toy.pairs()
    left, right = head.templates(pairs.left), head.templates(pairs.right)
    assert left.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(left, axis=1), 1, rtol=1e-5)
    log_odds = head.compare(left, right)
    assert log_odds.dtype == np.float64
    np.testing.assert_array_equal(head.logit(pairs), log_odds)
    np.testing.assert_array_equal(head.score(pairs), sigmoid(log_odds))
    # A picture's template does not depend on the others that are asked about.
    whole = head.templates(toy.asked.embeddings)
    some = head.templates(toy.asked.take(np.arange(3, 9)).embeddings)
    np.testing.assert_allclose(some, whole[3:9], atol=1e-5)


def test_log_odds_rise_with_the_cosine_of_templates(name):
    head = fitted(name)
    pairs, _ = toy_of(name).pairs()
    left, right = head.templates(pairs.left), head.templates(pairs.right)
    cosine = np.einsum("nd,nd->n", left, right, dtype=np.float64)
    slope, offset = np.polyfit(cosine, head.compare(left, right), 1)
    assert slope > 0
    np.testing.assert_allclose(head.compare(left, right), slope * cosine + offset, atol=1e-6)


def test_saved_state_scores_bit_for_bit_alike(name):
    head = fitted(name)
    pairs, _ = toy_of(name).pairs()
    config, arrays = head.state()
    again = head_from_state(json.loads(json.dumps(config)), arrays)
    assert type(again) is type(head)
    assert again.settings == head.settings
    assert again.dimensions == head.dimensions
    assert again.score(pairs).tobytes() == head.score(pairs).tobytes()


def test_state_is_a_copy_that_later_fits_do_not_change(name):
    head = fit(name)
    again = head_from_state(*head.state())
    pairs, _ = toy_of(name).pairs()
    before = again.score(pairs)
    head.fit_people(toy_of(name).asked, seed=3)
    assert not np.array_equal(head.score(pairs), before)
    np.testing.assert_array_equal(again.score(pairs), before)


def test_saved_arrays_must_fit(name):
    config, arrays = fitted(name).state()
    with pytest.raises(WeightsError, match="missing or too many: surplus"):
        head_from_state(config, arrays | {"surplus": np.zeros(1)})
    first = sorted(arrays)[0]
    with pytest.raises(WeightsError, match=f"missing or too many: {first}"):
        head_from_state(config, {k: v for k, v in arrays.items() if k != first})
    with pytest.raises(WeightsError, match=f"{first} has shape"):
        head_from_state(config, arrays | {first: np.zeros((3, 3, 3))})
    with pytest.raises(WeightsError, match=f"{first} is not finite"):
        head_from_state(config, arrays | {first: np.full(arrays[first].shape, np.nan)})


def test_same_seed_same_head_and_no_global_seed_is_used_or_changed(name):
    import torch

    torch.manual_seed(99)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    assert_alike(fit(name), fitted(name), rtol=0)
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


def test_another_seed_makes_other_templates_where_training_is_random(name):
    asked = toy_of(name).asked.embeddings
    equal = np.array_equal(fit(name, seed=1).templates(asked), fitted(name).templates(asked))
    assert equal == (name == "whitening")


def test_fitting_again_starts_afresh(name):
    head = fit(name, seed=5)
    head.fit_people(toy_of(name).learnt, seed=0)
    assert_alike(head, fitted(name), rtol=0)


def test_names_of_people_do_not_count(name):
    """Only who is who; not what they are called, where their order stays."""
    learnt = toy_of(name).learnt
    head = unfitted(name)
    head.fit_people(LabelledPictures(learnt.embeddings, learnt.person * 3 + 1000), seed=0)
    assert_alike(head, fitted(name), rtol=0)


def test_labels_are_learnt_from(name):
    """With people mixed up at random, the same pictures make another head."""
    learnt = toy_of(name).learnt
    mixed = np.random.default_rng(0).permutation(learnt.person)
    head = unfitted(name)
    head.fit_people(LabelledPictures(learnt.embeddings, mixed), seed=0)
    pairs, _ = toy_of(name).pairs()
    assert np.abs(head.logit(pairs) - fitted(name).logit(pairs)).max() > 1e-2


def test_many_are_each_as_alone(name):
    pool = toy_of(name).learnt
    people = np.unique(pool.person)
    rng = np.random.default_rng(3)
    members = [
        np.flatnonzero(np.isin(pool.person, rng.permutation(people)[: 2 * len(people) // 3]))
        for _ in range(3)
    ]
    members[1] = members[1][1:]  # one picture less: other sizes side by side
    head = unfitted(name)
    many = head.fit_people_many(pool, members, [8, 9, 8])
    assert head.dimensions is None
    for found, rows, seed in zip(many, members, [8, 9, 8], strict=True):
        assert found.settings == head.settings
        alone = unfitted(name)
        alone.fit_people(pool.take(rows), seed=seed)
        assert_alike(found, alone, rtol=1e-3, atol=1e-4)
        pairs, _ = toy_of(name).pairs()
        np.testing.assert_allclose(found.score(pairs), alone.score(pairs), atol=1e-4)
    assert np.abs(many[0].score(pairs) - many[2].score(pairs)).max() > 1e-4
    assert head.fit_people_many(pool, [], []) == []


def test_jobs_are_checked_before_anything_is_fitted(name):
    pool = toy_of(name).learnt
    rows = np.arange(len(pool))
    with pytest.raises(UsageError, match="needs one seed a job, got 1 for 2 jobs"):
        unfitted(name).fit_people_many(pool, [rows, rows], [0])
    with pytest.raises(UsageError, match="job 1: needs two people"):
        unfitted(name).fit_people_many(pool, [rows, rows[:1]], [0, 1])


def test_order_and_company_of_pairs_do_not_count(name):
    head = fitted(name)
    pairs, _ = toy_of(name).pairs()
    whole = head.logit(pairs)
    order = np.random.default_rng(0).permutation(len(pairs))
    np.testing.assert_allclose(head.logit(pairs.take(order)), whole[order], rtol=1e-4, atol=1e-4)
    alone = head.logit(pairs.take(np.array([7])))
    np.testing.assert_allclose(alone, whole[[7]], rtol=1e-4, atol=1e-4)


def test_left_and_right_may_change_places(name):
    pairs, _ = toy_of(name).pairs()
    turned = pairs.turned()
    head = fitted(name)
    np.testing.assert_allclose(head.logit(turned), head.logit(pairs), rtol=1e-4, atol=1e-4)


def test_nothing_asked_nothing_answered(name):
    head = fitted(name)
    pairs, same = toy_of(name).pairs()
    none = np.array([], dtype=np.intp)
    empty = pairs.take(none)
    assert head.score(empty).shape == (0,)
    templates = head.templates(empty.left)
    assert templates.shape == (0, head.templates(pairs.left).shape[1])
    assert head.compare(templates, templates).shape == (0,)
    assert head.inside(empty, same[none]).names() == head.inside(pairs, same).names()


def test_inside_is_the_loss_and_what_makes_it(name):
    head = fitted(name)
    pairs, same = toy_of(name).pairs()
    found = head.inside(pairs, same)
    logit = head.logit(pairs)
    np.testing.assert_allclose(
        found.loss, np.logaddexp(0, np.where(same, -logit, logit)), rtol=1e-4, atol=1e-6
    )
    assert (found.gradient_norms > 0).all()
    columns = found.columns()
    assert columns.shape == (len(pairs), len(found.names()))
    assert np.isfinite(columns).all()
    assert len(set(found.names())) == len(found.names())
    assert np.corrcoef(found.loss, found.gradient_norms.sum(axis=1))[0, 1] > 0.3
    few = head.inside(pairs.take(np.arange(3)), same[:3])
    np.testing.assert_allclose(few.columns(), columns[:3], rtol=1e-3, atol=1e-4)


def test_pairs_are_refused_by_name(name):
    pairs, same = toy_of(name).pairs()
    with pytest.raises(UsageError, match=f"head {name}: learns from pictures of known people"):
        unfitted(name).fit(pairs, same, seed=0)


@pytest.mark.parametrize(
    "person", [np.zeros(6, dtype=np.intp), np.arange(6), np.empty(0, dtype=np.intp)]
)
def test_people_nothing_can_be_learnt_from_are_refused(name, person):
    pictures = toy_of(name).learnt.take(np.arange(len(person)))
    with pytest.raises(UsageError, match=f"head {name}: needs two people, and of one of them two"):
        unfitted(name).fit_people(LabelledPictures(pictures.embeddings, person), seed=0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_embeddings_that_are_not_finite_are_refused(name, bad):
    toy = toy_of(name)
    spoilt = tuple(matrix.copy() for matrix in toy.learnt.embeddings)
    spoilt[-1][17, 3] = bad
    pictures = LabelledPictures(spoilt, toy.learnt.person)
    with pytest.raises(UsageError, match=f"head {name}: the embeddings of picture 17 are not fin"):
        unfitted(name).fit_people(pictures, seed=0)
    with pytest.raises(UsageError, match="embeddings are not finite"):
        fitted(name).templates(spoilt)


def test_validation_must_show_other_people_under_the_same_backbones(name):
    toy = toy_of(name)
    with pytest.raises(UsageError, match=f"head {name}, validation: shows people who are trained"):
        unfitted(name).fit_people(toy.learnt, seed=0, validation=toy.learnt)
    narrow = LabelledPictures(tuple(m[:, :-1] for m in toy.asked.embeddings), toy.asked.person)
    with pytest.raises(UsageError, match="validation: embeddings of width"):
        unfitted(name).fit_people(toy.learnt, seed=0, validation=narrow)


def test_it_must_be_fitted_first_and_asked_about_its_backbones(name):
    toy = toy_of(name)
    with pytest.raises(UsageError, match=f"head {name}: makes no template before it is fitted"):
        unfitted(name).templates(toy.asked.embeddings)
    with pytest.raises(UsageError, match="nothing to save"):
        unfitted(name).state()
    narrow = tuple(matrix[:, :-1] for matrix in toy.asked.embeddings)
    with pytest.raises(UsageError, match=f"head {name}: was fitted to embeddings of width"):
        fitted(name).templates(narrow)


def test_fresh_forgets_what_was_learnt_and_keeps_the_settings(name):
    again = fitted(name).fresh()
    assert again.settings == fitted(name).settings
    assert again.dimensions is None


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seed_out_of_range_is_refused(name, seed):
    with pytest.raises(UsageError, match="seed: must be in"):
        unfitted(name).fit_people(toy_of(name).learnt, seed=seed)


def test_unknown_settings_are_refused(name):
    with pytest.raises(UnknownNameError, match=f"unknown setting of head {name} 'epoch'"):
        make_head(name, {"epoch": 3})
