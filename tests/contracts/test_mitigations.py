"""One contract over every registered mitigation, and over every way FaceBone can be set."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from facebone.errors import MissingPartError, UnknownNameError, UsageError
from facebone.mitigations.base import MITIGATIONS, make_mitigation
from facebone.mitigations.recipes.base import Recipe
from facebone.settings import parse_spec
from facebone.testing import defence_checks
from facebone.testing.defences import answers, expect_round_trip, fitted
from facebone.testing.heads_world import NAMES, turned_pairs
from facebone.verification.metrics import auc

# What a defence gives up by design; it is eased until it learns from a few hundred pairs.
EASED = {"dp_sgd": {"epsilon": 1e4, "batch_size": 32, "learning_rate": 0.02}}
ROTATIONS = list(
    itertools.product(
        ("batch", "pair", "epoch"),
        ("mean", "fixed", "random", "secret"),
        ("procrustes", "learned", "random", "raw"),
    )
)


def is_here(name):
    try:
        make_mitigation(name).protect("logistic", {}, backbones=NAMES)
    except MissingPartError:
        return False
    except UsageError:
        pass  # it is for other heads
    return True


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(
            check,
            marks=() if is_here(name) else pytest.mark.skip(f"the extra of {name} is missing"),
        )
        for name in MITIGATIONS.own_names()
        for check in defence_checks(MITIGATIONS.get(name), settings=EASED.get(name))
    ],
    ids=str,
)
def test_contract(check):
    check()


def test_the_mitigations_there_are():
    assert set(MITIGATIONS.own_names()) >= {"none", "facebone"}
    with pytest.raises(UnknownNameError, match="unknown mitigation 'facbone'; did you mean 'faceb"):
        make_mitigation("facbone")


@pytest.mark.parametrize("name", MITIGATIONS.own_names())
@pytest.mark.parametrize("head", ["mlp", "logistic", "quality"])
def test_only_these_heads_are_refused(name, head):
    if not is_here(name):
        pytest.skip(f"the extra of {name} is missing")
    mitigation = make_mitigation(name, EASED.get(name))
    message = None
    if (name, head) == ("dp_sgd", "quality"):
        # Each feature is divided by a constant, and nobody knows how long embeddings are.
        message = "cannot train head quality by the gradients"
    elif head != "mlp" and isinstance(mitigation, Recipe):
        message = f"mitigation {name}: {head} has no "
    if message is None:
        assert mitigation.protect(head, {}, backbones=NAMES).dimensions is None
        return
    with pytest.raises(UsageError, match=message):
        mitigation.protect(head, {}, backbones=NAMES)


@pytest.mark.parametrize(("assignment", "query", "space"), ROTATIONS)
def test_every_rotation_learns_repeats_and_comes_back(assignment, query, space):
    spec = f"facebone:assignment={assignment},query={query},space={space}"
    mitigation = make_mitigation(*parse_spec(spec, where="spec"))
    assert make_mitigation(*parse_spec(mitigation.spec(), where="spec")).settings == (
        mitigation.settings
    )
    head = fitted(mitigation, "mlp", seed=2)
    assert head.name == "facebone"
    assert head.answers_vary == (query == "random")
    pairs, same = turned_pairs(seed=1)
    # Where the spaces do not fit each other the head of a few epochs learns little.
    assert auc(answers(head), same) > (0.75 if space in ("procrustes", "learned") else 0.5)
    expect_round_trip(head)
    assert answers(fitted(mitigation, "mlp", seed=2)).tobytes() == answers(head).tobytes()
    assert answers(fitted(mitigation, "mlp", seed=3)).tobytes() != answers(head).tobytes()
    if query != "random":
        few = [head.score(pairs.take(rows)) for rows in np.array_split(np.arange(240), 7)]
        np.testing.assert_allclose(np.concatenate(few), head.score(pairs), rtol=1e-9, atol=1e-12)
