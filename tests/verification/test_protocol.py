"""The protocol: a head never sees the fold it is measured on."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.errors import UsageError
from facebone.seeding import derive_seed
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise
from facebone.verification.folds import fold_accuracies
from facebone.verification.heads import make_head
from facebone.verification.heads.base import Head
from facebone.verification.metrics import auc
from facebone.verification.protocol import evaluate_folds, held_out_scores


def data(pairs=300, seed=0):
    rng = np.random.default_rng(seed)
    same = rng.random(pairs) < 0.5
    a = rng.normal(size=(pairs, 8))
    b = np.where(same[:, None], a, 0) + rng.normal(size=(pairs, 8))
    left, right = (normalise(matrix.astype(np.float32)) for matrix in (a, b))
    return EmbeddedPairs((left,), (right,)), same, np.arange(pairs) % 6


class Rote(Head):
    """Learns by heart: knows the label of a pair it met, and says 0.5 of all others."""

    name = "rote"
    learns = True

    def _fit(self, pairs, same, *, seed, validation):
        rows = [row.tobytes() for row in pairs.left[0]]
        self.known = dict(zip(rows, same.tolist(), strict=True))
        return super()._fit(pairs, same, seed=seed, validation=validation)

    def _score(self, pairs):
        return np.array([float(self.known.get(row.tobytes(), 0.5)) for row in pairs.left[0]])


def test_a_head_that_learns_by_heart_gains_nothing():
    pairs, same, fold = data()
    found = evaluate_folds(Rote, pairs, same, fold, None, seed=0, replicates=20)
    assert (found.scores == 0.5).all()
    assert found.utility.auc.value == 0.5
    # The threshold lies in the gap between 0 and 1; what is unknown is decided one way.
    assert (found.thresholds == 0.5).all()
    for number, accuracy in enumerate(found.utility.fold_accuracy):
        assert accuracy == same[fold == number].mean()
    assert (held_out_scores(Rote, pairs, same, fold, seed=0) == 0.5).all()


def test_a_head_that_does_not_learn_is_measured_by_the_rule_of_view_2():
    pairs, same, fold = data()
    found = evaluate_folds(
        lambda: make_head("cosine"), pairs, same, fold, None, seed=0, replicates=20
    )
    scores = make_head("cosine").score(pairs)
    np.testing.assert_array_equal(found.scores, scores)
    assert found.utility.fold_accuracy == fold_accuracies(scores, same, fold)
    assert found.utility.auc.value == auc(scores, same)
    np.testing.assert_array_equal(
        held_out_scores(lambda: make_head("cosine"), pairs, same, fold, seed=0), scores
    )


def test_each_fold_has_the_scores_of_the_head_fitted_to_the_others():
    pairs, same, fold = data()

    def factory():
        return make_head("mlp", {"layers": [8], "batch_norm": [], "epochs": 3})

    found = evaluate_folds(factory, pairs, same, fold, None, seed=7, replicates=20)
    for number in range(6):
        inside = fold == number
        head = factory()
        head.fit(pairs.take(~inside), same[~inside], seed=derive_seed(7, "fold", number))
        np.testing.assert_allclose(found.scores[inside], head.score(pairs.take(inside)), rtol=1e-9)
    np.testing.assert_allclose(
        held_out_scores(factory, pairs, same, fold, seed=7), found.scores, rtol=1e-9
    )
    again = evaluate_folds(factory, pairs, same, fold, None, seed=7, replicates=20)
    np.testing.assert_array_equal(again.scores, found.scores)
    other = evaluate_folds(factory, pairs, same, fold, None, seed=8, replicates=20)
    assert (other.scores != found.scores).any()


def test_folds_may_have_any_numbers():
    pairs, same, fold = data()
    found = evaluate_folds(
        lambda: make_head("logistic"), pairs, same, fold * 10 + 3, None, seed=0, replicates=20
    )
    usual = evaluate_folds(
        lambda: make_head("logistic"), pairs, same, fold, None, seed=0, replicates=20
    )
    assert found.utility.fold_accuracy == usual.utility.fold_accuracy


def test_people_reach_the_intervals():
    pairs, same, fold = data()
    left = np.arange(300) // 10
    people = (left, np.where(same, left, (left + 1) % 30))

    def measure(given):
        return evaluate_folds(
            lambda: make_head("cosine"), pairs, same, fold, given, seed=0, replicates=50
        ).utility

    assert measure(people).auc.value == measure(None).auc.value
    assert measure(people).auc != measure(None).auc


def test_bad_folds_and_labels_are_refused():
    pairs, same, fold = data()

    def factory():
        return make_head("cosine")

    with pytest.raises(UsageError, match="folds: needs one a pair"):
        evaluate_folds(factory, pairs, same, fold[1:], None, seed=0)
    with pytest.raises(UsageError, match="evaluation: labels must be bool"):
        evaluate_folds(factory, pairs, same[1:], fold, None, seed=0)
    with pytest.raises(UsageError, match="folds: needs at least two, got 1"):
        held_out_scores(factory, pairs, same, np.zeros(300, dtype=np.intp), seed=0)
