"""The metric network and ART's network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facebone.attacks.extraction.answers import Answers
from facebone.attacks.extraction.art_network import Lookup, layers_behind, pair_features
from facebone.attacks.extraction.base import EXTRACTIONS
from facebone.attacks.extraction.metric_network import MetricNetwork, train
from facebone.verification.metrics import auc


def network(world, hidden):
    generator = torch.Generator().manual_seed(0)
    return MetricNetwork([12], hidden, np.array([3.0]), -1.0, generator=generator)


@pytest.mark.parametrize("hidden", [0, 16])
def test_it_begins_as_a_regression_on_the_cosines(world, hidden):
    pairs = world.embedded(*world.pairs(50)[:2])
    expected = 3.0 * pairs.cosines()[:, 0] - 1.0
    np.testing.assert_allclose(network(world, hidden).logit(pairs), expected, atol=1e-5)


def test_a_linear_map_is_found_again(world, strangers):
    """A victim that compares moved embeddings: the network has what it takes to be it."""
    move = np.diag(np.sqrt(world.weights))

    def victim(pairs):
        left, right = ((m @ move) for m in (pairs.left[0], pairs.right[0]))
        left, right = (m / np.linalg.norm(m, axis=1, keepdims=True) for m in (left, right))
        return 6 * (left * right).sum(axis=1) - 2

    pairs = world.embedded(*world.pairs(1500)[:2])
    made = network(world, 0)
    before = made.logit(pairs)
    wanted = 1 / (1 + np.exp(-victim(pairs)))
    train(
        made,
        pairs,
        wanted,
        epochs=20,
        batch_size=64,
        learning_rate=1e-2,
        generator=torch.Generator().manual_seed(1),
    )
    judged = strangers.embedded(*strangers.pairs()[:2])
    assert np.corrcoef(made.logit(judged), victim(judged))[0, 1] > 0.995
    assert np.corrcoef(before, victim(pairs))[0, 1] < 0.98


def test_turned_pairs_score_alike(world):
    pairs = world.embedded(*world.pairs(50)[:2])
    made = network(world, 16)
    with torch.no_grad():
        made.outer[0].normal_(generator=torch.Generator().manual_seed(2))
    np.testing.assert_allclose(made.logit(pairs), made.logit(pairs.turned()), atol=1e-5)


def test_a_victim_that_is_public_is_copied_without_moving_anything(world):
    left, right, _ = world.pairs(300)
    cosines = world.embedded(left, right).cosines()[:, 0].astype(np.float64)
    attack = EXTRACTIONS.make("metric_copy", {"steps": 200})
    copy = attack.copy(world.known, Answers(left, right, 9 * cosines - 4), seed=0)
    assert copy.made_of == "regression on the public cosines"
    np.testing.assert_allclose(copy.score(world.embedded(left, right)), 9 * cosines - 4, atol=0.05)


def test_features_of_turned_pairs_are_alike_where_the_order_does_not_matter(world):
    pairs = world.embedded(*world.pairs(50)[:2])
    shown = pair_features(pairs, symmetric=True)
    assert shown.shape == (len(pairs), 24)
    np.testing.assert_array_equal(shown, pair_features(pairs.turned(), symmetric=True))
    one, other = (pair_features(p, symmetric=False) for p in (pairs, pairs.turned()))
    np.testing.assert_array_equal(one[:, :12], other[:, :12])
    np.testing.assert_array_equal(one[:, 12:], -other[:, 12:])
    # Whatever the width, numbers of about one.
    assert 0.3 < one.std() < 3


def test_rows_are_looked_up():
    features = np.arange(12, dtype=np.float32).reshape(4, 3)
    rows = torch.tensor([[3.0], [0.0]])
    np.testing.assert_array_equal(Lookup(features)(rows).numpy(), features[[3, 0]])
    assert layers_behind(3, [5, 4])(torch.ones(2, 3)).shape == (2, 2)


def test_art_asks_about_every_recorded_answer_once(world, monkeypatch):
    """Its own draw of questions is a permutation of ours: the budget is ours."""
    from importlib import import_module

    from facebone.attacks.membership.art_loading import load_art

    load_art(where="test")
    seen = []
    base = import_module("art.attacks.extraction.copycat_cnn").CopycatCNN
    plain = base._query_label

    def spy(self, x):
        seen.append(np.sort(x[:, 0]))
        return plain(self, x)

    monkeypatch.setattr(base, "_query_label", spy)
    left, right, same = world.pairs(200)
    answers = Answers(left, right, np.where(same, np.inf, -np.inf))
    attack = EXTRACTIONS.make("copycat", {"steps": 300, "layers": 16})
    copy = attack.copy(world.known, answers, seed=0)
    learnt, _ = attack._split(answers, 0)
    np.testing.assert_array_equal(seen[0], np.arange(len(learnt)))
    assert len(seen) == 1
    assert auc(copy.score(world.embedded(left, right)), same) > 0.9
