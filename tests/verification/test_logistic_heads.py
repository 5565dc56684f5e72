"""Logistic heads against the minimum that a general optimiser finds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from facebone.errors import UsageError
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise
from facebone.verification.heads import make_head
from facebone.verification.heads.base import sigmoid


def overlapping(pairs=300, widths=(6, 4), seed=0):
    rng = np.random.default_rng(seed)
    same = rng.random(pairs) < 0.5
    left, right = [], []
    for width in widths:
        a = rng.normal(size=(pairs, width))
        b = np.where(same[:, None], a, 0) + 1.2 * rng.normal(size=(pairs, width))
        left.append(normalise(a.astype(np.float32)))
        right.append(normalise(b.astype(np.float32)))
    return EmbeddedPairs(tuple(left), tuple(right)), same


@pytest.mark.parametrize("name", ["logistic", "products"])
@pytest.mark.parametrize("strength", [0.01, 1.0])
def test_is_the_minimum_of_the_stated_loss(name, strength):
    pairs, same = overlapping()
    head = make_head(name, {"C": strength})
    head.fit(pairs, same, seed=0)
    raw = pairs.cosines() if name == "logistic" else pairs.products()
    raw = raw.astype(np.float64)
    x = (raw - raw.mean(axis=0)) / raw.std(axis=0)
    sign = np.where(same, 1, -1)

    def loss(w):
        return w[:-1] @ w[:-1] / 2 + strength * np.logaddexp(0, -sign * (x @ w[:-1] + w[-1])).sum()

    best = minimize(loss, np.zeros(x.shape[1] + 1), method="BFGS", options={"gtol": 1e-8})
    np.testing.assert_allclose(head.logit(pairs), x @ best.x[:-1] + best.x[-1], atol=1e-4)


def test_a_feature_that_never_varies_is_no_trouble():
    pairs, same = overlapping()
    flat = np.zeros((300, 3), dtype=np.float32)
    flat[:, 0] = 1
    pairs = EmbeddedPairs((*pairs.left, flat), (*pairs.right, flat))
    for name in ("logistic", "products"):
        head = make_head(name)
        head.fit(pairs, same, seed=0)
        assert np.isfinite(head.score(pairs)).all()


def test_perfectly_separable_pairs_are_no_trouble():
    pairs, same = overlapping()
    copies = tuple(np.where(same[:, None], a, -a).astype(np.float32) for a in pairs.left)
    pairs = EmbeddedPairs(pairs.left, copies)
    head = make_head("logistic", {"C": 1000.0})
    head.fit(pairs, same, seed=0)
    assert ((head.score(pairs) > 0.5) == same).all()


@pytest.mark.parametrize("bad", [0, -1.0, float("inf"), float("nan"), "1", True])
def test_c_must_be_positive(bad):
    with pytest.raises(UsageError, match="C: must be a number of more than 0"):
        make_head("logistic", {"C": bad})


@pytest.mark.parametrize("bad", [0, 1.5, True])
def test_iterations_must_be_positive(bad):
    with pytest.raises(UsageError, match="max_iterations: must be an integer of at least 1"):
        make_head("products", {"max_iterations": bad})


def test_too_few_iterations_are_an_error_not_a_worse_head():
    pairs, same = overlapping()
    with pytest.raises(UsageError, match="no convergence in 1 steps; raise max_iterations"):
        make_head("logistic", {"max_iterations": 1}).fit(pairs, same, seed=0)


def test_sigmoid_neither_overflows_nor_loses_ranks():
    with np.errstate(all="raise", under="ignore"):
        assert sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist() == [0.0, 0.5, 1.0]
    close = np.array([-700.0, -699.999, 29.999, 30.0])
    assert (np.diff(sigmoid(close)) > 0).all()
