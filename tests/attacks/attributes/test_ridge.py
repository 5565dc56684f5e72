"""Ridge regression against a library, and its choice of strengths."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge as LibraryRidge

from facebone.attacks.attributes.columns import Columns
from facebone.attacks.attributes.ridge import fit_ridge


def data(n=60, d=7, k=3, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, d)) * np.arange(1, d + 1)
    values = features @ rng.normal(size=(d, k)) + rng.normal(size=(n, k))
    return features, values, np.arange(n) // 2


@pytest.mark.parametrize("strength", [0.01, 1.0, 50.0])
def test_one_strength_is_the_library_s(strength):
    features, values, person = data()
    found = fit_ridge(features, values, person, seed=0, strengths=(strength,))
    # Ours is a penalty beside the mean loss, in mean eigenvalues; theirs beside the summed one.
    alpha = strength * features.var(axis=0).mean() * len(features)
    wanted = LibraryRidge(alpha=alpha).fit(features, values)
    np.testing.assert_allclose(found.weights, wanted.coef_.T, atol=1e-9)
    np.testing.assert_allclose(found.predict(features), wanted.predict(features), atol=1e-8)


def test_each_attribute_gets_the_strength_that_held_out_people_ask_for():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(200, 5))
    clear, noise = features @ np.arange(5.0), 10 * rng.normal(size=200)
    values = np.stack([clear, noise], axis=1)
    found = fit_ridge(features, values, np.arange(200), seed=0, strengths=(1e-6, 1e6))
    np.testing.assert_allclose(found.weights[:, 0], np.arange(5.0), atol=1e-3)
    np.testing.assert_allclose(found.weights[:, 1], 0, atol=1e-3)
    assert found.errors[0] < 1e-6
    assert found.errors[1] == pytest.approx(1, abs=0.1)


def test_pictures_of_one_person_are_held_out_together():
    # Features name the person and tell nothing else: split by picture they would predict well.
    rng = np.random.default_rng(2)
    person = np.repeat(np.arange(30), 4)
    features, values = np.eye(30)[person], rng.normal(size=(30, 1))[person]
    found = fit_ridge(features, values, person, seed=0, strengths=(1e-3, 1e3))
    assert found.errors[0] > 0.9


def test_constant_features_predict_the_mean():
    _, values, person = data()
    found = fit_ridge(np.ones((60, 4)), values, person, seed=0)
    np.testing.assert_allclose(
        found.predict(np.ones((2, 4))), np.tile(values.mean(axis=0), (2, 1)), atol=1e-9
    )


def test_columns_are_standard_and_read_others_as_they_were_read():
    rng = np.random.default_rng(3)
    scores = rng.random((50, 4)) * [1.0, 0.5, 0.2, 0.0]
    usual = Columns.of(scores)
    standard = usual.standard(scores)
    np.testing.assert_allclose(standard.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(standard.std(axis=0), [1, 1, 1, 0], atol=1e-9)
    assert usual.bounded
    assert np.isfinite(usual.standard(np.array([[-0.1, 1.1, 0.5, 0.0]]))).all()
    assert not Columns.of(scores - 0.5).bounded
