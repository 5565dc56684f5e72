"""Heads trained by DP-SGD: what they learn, guarantee, keep and refuse."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest
import torch

from facebone.errors import MissingPartError, UnknownNameError, UsageError
from facebone.mitigations.base import make_mitigation
from facebone.mitigations.dp.bounding import bound
from facebone.mitigations.dp.guarantee import Guarantee
from facebone.mitigations.units import units_of
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads import Views, head_from_state, make_head
from facebone.verification.metrics import auc

pytest.importorskip("opacus")

MLP = {"layers": [16, 8], "batch_norm": [], "epochs": 12, "learning_rate": 1e-2, "batch_size": 64}
HEADS = {"mlp": MLP, "logistic": {}, "products": {}}


def private(head="logistic", settings=None, **told):
    mitigation = make_mitigation("dp_sgd", told)
    given = HEADS.get(head, {}) if settings is None else settings
    return mitigation.protect(head, given, backbones=("one", "two"))


def fitted(crowd, head="logistic", seed=0, **told):
    made = private(head, **told)
    made.fit(*crowd(), seed=seed)
    return made


@pytest.mark.parametrize("head", HEADS)
def test_with_hardly_any_noise_it_learns_what_the_plain_head_does(crowd, head):
    pairs, same = crowd(seed=1)
    plain = make_head(head, HEADS[head])
    plain.fit(*crowd(), seed=0)
    told = {"epsilon": 1e6, "unit": "pair", "clip": 10.0, "learning_rate": 0.02, "batch_size": 64}
    private_auc = auc(fitted(crowd, head, **told).score(pairs), same)
    assert private_auc > auc(plain.score(pairs), same) - 0.03


@pytest.mark.parametrize("head", HEADS)
def test_with_little_epsilon_pairs_hardly_matter(crowd, head):
    """Other labels of everybody turn the answers round, unless noise drowns what is learnt.

    How much is left depends on the draw of the noise, so the mean over several is looked at.
    """
    pairs, same = crowd()

    def learnt(labels, epsilon, seed):
        made = private(head, epsilon=epsilon, batch_size=64)
        made.fit(pairs, labels, seed=seed)
        return made.logit(pairs)

    def moved(epsilon):
        both = [[learnt(labels, epsilon, seed) for labels in (same, ~same)] for seed in range(3)]
        return np.mean([np.abs(one - other).mean() / np.abs(one).mean() for one, other in both])

    # Answers that are turned round are moved by twice their size.
    assert moved(0.01) < 0.5
    assert moved(1e4) > 1.5


def test_it_keeps_few_pairs_of_each_and_says_so(crowd):
    pairs, same = crowd()
    made = private(most_pairs=2, epochs=5, batch_size=50)
    report = made.fit(pairs, same, seed=3)
    kept = bound(units_of(pairs, "person"), 2, seed=3)
    assert report.pairs == len(kept) < 400
    assert report.train_loss == ()
    found = made.guarantee
    assert found.rate == 50 / len(kept)
    assert found.steps == round(5 * len(kept) / 50)
    assert (found.unit, found.most_pairs, found.delta, found.secret) == ("person", 2, 1e-5, False)
    assert 7.8 < found.epsilon <= 8
    # The pairs that were left out have no say.
    other = private(most_pairs=2, epochs=5, batch_size=50)
    rows = np.zeros(400, dtype=bool)
    rows[kept] = True
    flipped = np.where(rows, same, ~same)
    other.fit(pairs, flipped, seed=3)
    np.testing.assert_array_equal(other.logit(pairs), made.logit(pairs))


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, "(8, 1e-05)-DP for each person, at most 2 pairs each, against those who do not know "
             "the seed"),
        ({"most_pairs": 1, "randomness": "secret"},
         "(8, 1e-05)-DP for each person, at most 1 pair each"),
        ({"unit": "image", "epsilon": 2.5, "randomness": "secret", "most_pairs": 3},
         "(2.5, 1e-05)-DP for each image, at most 3 pairs each"),
        ({"unit": "pair", "delta": 1e-6, "randomness": "secret"}, "(8, 1e-06)-DP for each pair"),
    ],
)  # fmt: skip
def test_what_is_promised_in_words(told, words):
    mitigation = make_mitigation("dp_sgd", told)
    how = "gradients are clipped pair by pair and their sums hidden in noise"
    assert mitigation.effect() == f"{how}: {words}"
    assert mitigation.describe(("a", "b"), head="logistic") == f"a + b: {how}: {words}"
    assert mitigation.describe(("a",)).endswith(f"{words}; batch normalisation is left out")


def test_the_guarantee_in_words():
    found = Guarantee(7.9931, 1e-5, "person", 4, 4.2, 0.1, 300, secret=True)
    assert found.describe() == "(7.99, 1e-05)-DP for each person, at most 4 pairs each"


@pytest.mark.parametrize("head", HEADS)
def test_it_is_saved_with_its_guarantee(crowd, head):
    made = fitted(crowd, head)
    config, arrays = made.state()
    assert set(config) == {"head", "settings", "dimensions"}
    again = head_from_state(json.loads(json.dumps(config)), arrays)
    assert again.guarantee == made.guarantee
    pairs, same = crowd(seed=1)
    assert again.logit(pairs).tobytes() == made.logit(pairs).tobytes()
    assert again.base_name == head
    np.testing.assert_array_equal(
        again.inside(pairs, same).columns(), made.inside(pairs, same).columns()
    )
    np.testing.assert_allclose(made.quick_logit(pairs), made.logit(pairs), atol=1e-4)
    with pytest.raises(UsageError, match="guarantees nothing before it is fitted"):
        made.fresh().guarantee  # noqa: B018


def test_loading_needs_no_opacus(crowd, monkeypatch):
    made = fitted(crowd)
    state = made.state()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    head_from_state(*state).score(crowd()[0])
    with pytest.raises(MissingPartError, match=r"needs Opacus.*; pip install 'facebone\[dp\]'"):
        private()
    with pytest.raises(MissingPartError, match="needs Opacus"):
        made.fresh().fit(*crowd(), seed=0)


def test_many_are_each_as_alone(crowd):
    pool, same = crowd()
    rng = np.random.default_rng(0)
    members = [rng.permutation(400)[:count] for count in (200, 150, 200)]
    heads = private(batch_size=64).fit_many(pool, same, members, [3, 1, 3])
    for head, rows, seed in zip(heads, members, (3, 1, 3), strict=True):
        alone = private(batch_size=64)
        alone.fit(pool.take(rows), same[rows], seed=seed)
        assert head.guarantee == alone.guarantee
        np.testing.assert_array_equal(head.logit(pool), alone.logit(pool))


def test_secret_randomness_repeats_for_no_seed(crowd):
    pairs, _ = crowd()
    one, other = (fitted(crowd, randomness="secret") for _ in range(2))
    assert one.guarantee == other.guarantee
    assert one.guarantee.secret
    assert not np.array_equal(one.logit(pairs), other.logit(pairs))
    assert np.array_equal(fitted(crowd).logit(pairs), fitted(crowd).logit(pairs))


def test_pairs_of_people_nobody_knows(crowd):
    pairs, same = crowd()
    unknown = EmbeddedPairs(pairs.left, pairs.right)
    with pytest.raises(UsageError, match="do not say whom they show"):
        private().fit(unknown, same, seed=0)
    for unit in ("image", "pair"):
        made = private(unit=unit)
        made.fit(unknown, same, seed=0)
        assert made.guarantee.unit == unit
        assert made.guarantee.most_pairs == (1 if unit == "pair" else 2)


def test_the_head_decides_what_the_defence_leaves_open():
    def chosen(settings, **told):
        made = private("mlp", settings, **told).settings
        return made.epochs, made.batch_size, made.learning_rate

    assert chosen({}) == (30, 512, 0.005)
    assert chosen({"epochs": 7, "batch_size": 32, "learning_rate": 0.1}) == (7, 32, 0.1)
    assert chosen({"epochs": 7}, epochs=9, batch_size=8) == (9, 8, 0.005)


def test_batch_normalisation_is_left_out(crowd):
    made = private("mlp", MLP | {"batch_norm": [0]})
    made.fit(*crowd(), seed=0)
    assert not any("norm" in name for name in made.state()[1])


def test_dropout_and_weight_decay_are_the_head_s(crowd):
    pairs, same = crowd()

    def learnt(**settings):
        made = private("mlp", MLP | settings, epsilon=1e3)
        made.fit(pairs, same, seed=0)
        return made.logit(pairs)

    plain = learnt()
    assert not np.allclose(learnt(dropout=0.4), plain)
    assert np.abs(learnt(weight_decay=20.0)).mean() < 0.5 * np.abs(plain).mean()


@pytest.mark.parametrize(
    ("head", "settings", "message"),
    [
        ("mlp", {"patience": 3}, "trains head mlp by a recipe of its own, which has no patience"),
        ("logistic", {"C": 2.0}, "which has no C; leave C out"),
        ("products", {"max_iterations": 5}, "has no max_iterations"),
        ("cosine", {}, "cannot train head cosine by the gradients of single pairs; take mlp, log"),
        ("adapter", {}, "trains heads that learn from pairs, which adapter does not"),
        ("mlp", {"layers": [0]}, "layers: must be an integer of at least 1"),
    ],
)
def test_heads_and_settings_it_cannot_train(head, settings, message):
    with pytest.raises(UsageError, match=message):
        private(head, settings)


def test_unknown_heads_and_settings():
    with pytest.raises(UnknownNameError, match="unknown head 'logstic'; did you mean 'logistic'"):
        private("logstic")
    with pytest.raises(UnknownNameError, match="unknown setting of head mlp 'epoch'"):
        private("mlp", {"epoch": 3})


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"epsilon": 0}, "epsilon: must be a number of more than 0, got 0"),
        ({"delta": 1.0}, "delta: must be a number of more than 0 and less than 1, got 1.0"),
        ({"unit": "face"}, "unit: must be one of pair, image, person, got 'face'"),
        ({"clip": 0}, "clip: must be a number of more than 0"),
        ({"most_pairs": 0}, "most_pairs: must be an integer of at least 1"),
        ({"unit": "pair", "most_pairs": 2}, "most_pairs: means something under unit=person or im"),
        ({"epochs": 0}, "epochs: must be an integer"),
        ({"batch_size": 0.5}, "batch_size: must be an integer"),
        ({"learning_rate": 0}, "learning_rate: must be a number of more than 0"),
        ({"randomness": "none"}, "randomness: must be one of seeded, secret, got 'none'"),
    ],
)
def test_settings_that_promise_nothing(told, message):
    with pytest.raises(UsageError, match=message):
        make_mitigation("dp_sgd", told)


def test_training_that_promises_nothing(crowd):
    pairs, same = crowd()
    with pytest.raises(UsageError, match="delta: must be below one over the number of units, got "):
        private(delta=0.01).fit(pairs, same, seed=0)
    alike = np.full((400, 2), "one person")
    with pytest.raises(UsageError, match="of 400 pairs 1 are left so that no person stands in mo"):
        private(most_pairs=1).fit(EmbeddedPairs(pairs.left, pairs.right, alike), same, seed=0)
    square = crowd(widths=(9, 9))[0]
    with pytest.raises(UsageError, match="learns from whole pairs, not from one backbone at a tim"):
        private().fit_views(Views(square, np.zeros((1, 400), dtype=np.intp)), same, seed=0)


def test_nothing_global_is_drawn(crowd):
    before = torch.get_rng_state()
    fitted(crowd, "mlp")
    assert torch.equal(torch.get_rng_state(), before)


def test_chained_with_a_recipe(crowd):
    mitigation = make_mitigation("dp_sgd/dropout", {"dp_sgd.epsilon": 20, "dropout.share": 0.2})
    made = mitigation.protect("mlp", MLP, backbones=("one", "two"))
    made.fit(*crowd(), seed=0)
    assert made.guarantee.epsilon <= 20
    assert made.settings.head_settings["dropout"] == 0.2
