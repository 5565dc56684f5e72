"""Logistic heads against the minimum that a general optimiser finds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from facebone.errors import UsageError
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads import make_head
from facebone.verification.heads.base import sigmoid


def overlapping(pairs=300, widths=(6, 4), seed=0):
    rng = np.random.default_rng(seed)
    same = rng.random(pairs) < 0.5
    left, right = [], []
    for width in widths:
        a = rng.normal(size=(pairs, width))
        b = np.where(same[:, None], a, 0) + 1.2 * rng.normal(size=(pairs, width))
        left.append(a.astype(np.float32))
        right.append(b.astype(np.float32))
    return EmbeddedPairs.scale(left, right), same


FEATURES = {
    "logistic": EmbeddedPairs.cosines,
    "products": EmbeddedPairs.products,
    "quality": lambda pairs: np.hstack(
        [
            pairs.cosines(),
            np.minimum(pairs.lengths[:, 0], pairs.lengths[:, 1]),
            pairs.cosines() * np.minimum(pairs.lengths[:, 0], pairs.lengths[:, 1]),
        ]
    ),
}


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize("strength", [0.01, 1.0])
def test_is_the_minimum_of_the_stated_loss(name, strength):
    pairs, same = overlapping()
    head = make_head(name, {"C": strength})
    head.fit(pairs, same, seed=0)
    raw = FEATURES[name](pairs).astype(np.float64)
    x = (raw - raw.mean(axis=0)) / raw.std(axis=0)
    sign = np.where(same, 1, -1)

    def loss(w):
        return w[:-1] @ w[:-1] / 2 + strength * np.logaddexp(0, -sign * (x @ w[:-1] + w[-1])).sum()

    best = minimize(loss, np.zeros(x.shape[1] + 1), method="BFGS", options={"gtol": 1e-8})
    np.testing.assert_allclose(head.logit(pairs), x @ best.x[:-1] + best.x[-1], atol=1e-4)


def blurred(pairs=4000, width=32, seed=0):
    """Pairs of which some pictures show little: their embeddings are noise, and short."""
    rng = np.random.default_rng(seed)
    same = np.arange(pairs) % 2 == 0
    face = rng.normal(size=(pairs, width))
    other = np.where(same[:, None], face, rng.normal(size=face.shape))
    sides = []
    for shown in (face, other):
        clear = np.where(rng.random(pairs) < 0.3, 0.2, 2.0)[:, None]
        sides.append((clear * shown + rng.normal(size=face.shape)).astype(np.float32))
    return EmbeddedPairs.scale([sides[0]], [sides[1]]), same


def test_quality_believes_long_embeddings_more():
    found = {}
    for name in ("logistic", "quality"):
        head = make_head(name)
        head.fit(*blurred(), seed=0)
        fresh, same = blurred(seed=1)
        found[name] = np.logaddexp(0, np.where(same, -1, 1) * head.logit(fresh)).mean()
    assert found["quality"] < 0.9 * found["logistic"]


def test_quality_of_unknown_lengths_is_logistic_regression_on_cosines():
    pairs, same = overlapping()
    pairs = EmbeddedPairs(pairs.left, pairs.right)
    # A cosine and the same cosine times one share a coefficient, so the penalty weighs half.
    quality, logistic = make_head("quality", {"C": 1.0}), make_head("logistic", {"C": 2.0})
    for head in (quality, logistic):
        head.fit(pairs, same, seed=0)
    np.testing.assert_allclose(quality.logit(pairs), logistic.logit(pairs), atol=1e-6)


def test_quality_that_learnt_lengths_is_not_asked_without():
    pairs, same = overlapping()
    head = make_head("quality")
    head.fit(pairs, same, seed=0)
    with pytest.raises(UsageError, match="how long embeddings were"):
        head.score(EmbeddedPairs(pairs.left, pairs.right))


def test_lengths_that_are_not_finite_are_refused():
    pairs, same = overlapping()
    pairs.lengths[7, 1, 0] = np.nan
    with pytest.raises(UsageError, match="pair 7 are not finite"):
        make_head("quality").fit(pairs, same, seed=0)


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
