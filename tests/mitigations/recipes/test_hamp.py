"""HAMP's answers: random scores on the side where the decision is."""

from __future__ import annotations

import json

import numpy as np
import pytest

from facebone.mitigations.base import make_mitigation, parse_mitigation
from facebone.mitigations.recipes.hamp import LEAST, RANDOM_PAIRS, HampGuard, HampSettings
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads import head_from_state

QUICK = {"layers": [16, 8], "batch_norm": [], "epochs": 4, "learning_rate": 1e-2}
BACKBONES = ("one", "two", "three")
KEY = "0123456789abcdefx"


def fitted(toy, spec="hamp", seed=1):
    head = make_mitigation(*parse_mitigation(spec)).protect("mlp", QUICK, backbones=BACKBONES)
    head.fit(*toy(), seed=seed)
    return head


def test_only_the_decision_is_shown(toy):
    head = fitted(toy)
    asked, _ = toy(seed=1)
    behind = head._inner.logit(asked)
    shown = head.logit(asked)
    np.testing.assert_array_equal(shown >= 0, behind >= 0)
    assert np.isfinite(shown).all()
    # How sure it is says nothing of how sure the head is: 300 pairs, three deviations.
    sure = np.abs(behind)
    assert abs(np.corrcoef(np.abs(shown), sure)[0, 1]) < 3 / np.sqrt(300)
    # What is shown is one of a thousand numbers, how sure the head is of random pairs.
    kept = head._guard.arrays()["sure"]
    assert kept.shape == (RANDOM_PAIRS,)
    assert np.isin(np.abs(shown), kept).all()


def test_random_pairs_are_what_the_head_says_of_them(toy):
    """The set, from the head and a generator that shares nothing but the seed's stream."""
    from facebone.seeding import make_rng

    head = fitted(toy, seed=4)
    rng = make_rng(4, "hamp")
    sides = []
    for _ in range(2):
        drawn = [rng.normal(size=(RANDOM_PAIRS, width)) for width in (12, 12, 8)]
        sides.append(
            tuple((d / np.linalg.norm(d, axis=1, keepdims=True)).astype(np.float32) for d in drawn)
        )
    wanted = np.abs(head._inner.logit(EmbeddedPairs(*sides)))
    np.testing.assert_allclose(head._guard.arrays()["sure"], wanted, atol=1e-5)


def test_asking_again_or_the_other_way_round_changes_nothing(toy):
    head = fitted(toy)
    asked, _ = toy(seed=1)
    first = head.logit(asked)
    np.testing.assert_array_equal(head.logit(asked), first)
    few = head.logit(asked.take(np.arange(7)))
    np.testing.assert_array_equal(few, first[:7])
    turned = head.logit(EmbeddedPairs(asked.right, asked.left))
    np.testing.assert_array_equal(np.abs(turned), np.abs(first))


def test_the_key_decides_and_is_shown_nowhere(toy):
    one, other = fitted(toy, f"hamp:key={KEY}"), fitted(toy, f"hamp:key={KEY}y")
    asked, _ = toy(seed=1)
    moved = np.abs(one.logit(asked)) != np.abs(other.logit(asked))
    assert moved.mean() > 0.9
    config, arrays = one.state()
    assert KEY not in json.dumps(config)
    assert KEY not in make_mitigation("hamp", {"key": KEY}).spec()
    again = head_from_state(json.loads(json.dumps(config)), arrays)
    assert again.logit(asked).tobytes() == one.logit(asked).tobytes()


def test_decisions_stay_where_the_head_is_in_doubt():
    guard = HampGuard(HampSettings())
    pairs = EmbeddedPairs((np.eye(4, dtype=np.float32),), (np.eye(4, dtype=np.float32),))
    guard.learn(pairs, pairs.take(np.array([], dtype=np.intp)), lambda p: np.zeros(len(p)), seed=0)
    shown = guard.show(np.array([0.0, -0.0, 1e-300, -1e-300]), pairs)
    np.testing.assert_array_equal(shown, [LEAST, LEAST, LEAST, -LEAST])
    assert guard.keeps_decisions


@pytest.mark.parametrize("spec", ["hamp:random_scores=false", "hamp:random_scores=false,share=0.8"])
def test_training_alone_leaves_the_answers_as_they_are(toy, spec):
    head = fitted(toy, spec)
    assert head.name == "mlp"
    assert head.settings.objective.startswith("high_entropy")
    inner = fitted(toy, spec.replace("random_scores=false", "random_scores=true"))._inner
    asked, _ = toy(seed=1)
    np.testing.assert_array_equal(head.logit(asked), inner.logit(asked))


def test_shadows_are_guarded_too(toy):
    head = make_mitigation("hamp").protect("mlp", QUICK, backbones=BACKBONES)
    pool, same = toy()
    rows = [np.random.default_rng(k).permutation(300)[:150] for k in range(3)]
    for fitted_head, chosen, seed in zip(
        head.fit_many(pool, same, rows, (3, 4, 5)), rows, (3, 4, 5), strict=True
    ):
        alone = head.fresh()
        alone.fit(pool.take(chosen), same[chosen], seed=seed)
        np.testing.assert_allclose(fitted_head.logit(pool), alone.logit(pool), atol=1e-3)
