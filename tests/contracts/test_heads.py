"""One contract over every registered head: `facebone.testing`'s."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.errors import FaceBoneError, UnknownNameError, WeightsError
from facebone.mitigations.base import make_mitigation
from facebone.testing.heads import HEAD, fitted
from facebone.testing.heads_inside import INSIDE
from facebone.testing.heads_world import HeadSubject, pairs_of_people
from facebone.verification.heads import HEADS, head_from_state, make_head

# Small enough to be quick; every other setting keeps its default.
QUICK = {"mlp": {"layers": [32, 16], "batch_norm": [1], "epochs": 12, "learning_rate": 3e-3}}


def subject(name):
    return HeadSubject.of(HEADS.get(name), QUICK.get(name, {}))


def rotated(name, query):
    rotation = make_mitigation("facebone", {"assignment": "pair", "query": query})

    def make(settings):
        given = QUICK.get(name, {}) | dict(settings)
        return rotation.protect(name, given, backbones=("one", "two"))

    return HeadSubject(f"{name} rotated, {query}", make, ways=2, averages=query == "mean")


@pytest.mark.parametrize(
    "check",
    [
        check
        for name in HEADS.own_names()
        for contract in (HEAD, INSIDE)
        for check in contract.checks(subject(name))
    ],
    ids=str,
)
def test_contract(check):
    check()


@pytest.mark.parametrize(
    "check",
    [
        check
        for name in HEADS.own_names()
        if HEADS.get(name).learns
        for query in ("mean", "fixed", "random", "secret")
        for check in INSIDE.checks(rotated(name, query))
    ],
    ids=str,
)
def test_heads_composed_of_others(check):
    check()


def test_the_heads_there_are():
    known = {"cosine", "euclidean", "logistic", "quality", "products", "mlp"}
    assert set(HEADS.own_names()) >= known


@pytest.mark.parametrize("name", HEADS.own_names())
def test_another_seed_changes_stochastic_heads_alone(name):
    pairs, _ = pairs_of_people(seed=1)
    one, other = (fitted(subject(name), seed=seed).score(pairs) for seed in (1, 2))
    assert np.array_equal(one, other) == (name != "mlp")


@pytest.mark.parametrize("name", HEADS.own_names())
def test_a_head_is_found_by_its_saved_name(name):
    head = fitted(subject(name))
    assert type(head_from_state(*head.state())) is type(head)
    with pytest.raises(UnknownNameError, match=f"unknown setting of head {name} 'epoch'"):
        make_head(name, {"epoch": 3})


def test_incomplete_or_unknown_state_is_refused():
    with pytest.raises(WeightsError, match="lacks dimensions, settings"):
        head_from_state({"head": "cosine"}, {})
    with pytest.raises(UnknownNameError, match="did you mean 'cosine'"):
        head_from_state({"head": "cosin", "settings": {}, "dimensions": None}, {})
    assert issubclass(UnknownNameError, FaceBoneError)
