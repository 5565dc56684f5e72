"""The linear decoder against scikit-learn's ridge regression, and what it is for."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import Ridge

from facebone.attacks.inversion.linear_decoder import LinearDecoder
from facebone.verification.embedded_pairs import normalise


def drawn(count=200, width=6, side=8, seed=0):
    """Faces that are linear in hidden numbers, symmetric, and templates of these numbers."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(count, width))
    patterns = np.random.default_rng(1).normal(size=(width, side, side, 3))
    patterns = (patterns + patterns[:, :, ::-1]) / 2
    faces = 128 + 12 * np.tensordot(hidden, patterns, axes=1) + rng.normal(size=(side, side, 3))
    templates = normalise(hidden.astype(np.float32))
    return np.clip(faces, 0, 255).round().astype(np.uint8), templates


def test_is_ridge_regression_on_symmetrised_pixels():
    faces, templates = drawn()
    found = LinearDecoder.fit(faces, templates, strength=0.2, gain=1.0)
    pixels = (faces.astype(float) + faces[:, :, ::-1]) / 2
    centred = templates - templates.mean(axis=0, dtype=float)
    penalty = 0.2 * (centred**2).sum() / templates.shape[1]
    model = Ridge(alpha=penalty).fit(templates, pixels.reshape(len(faces), -1))
    wanted = model.predict(templates).reshape(faces.shape)
    made = found.decode(templates)
    assert made.dtype == np.uint8
    np.testing.assert_allclose(made, np.clip(wanted, 0, 255), atol=0.51)


def test_a_gain_moves_away_from_the_mean_face():
    faces, templates = drawn()
    plain = LinearDecoder.fit(faces, templates, strength=5.0, gain=1.0)
    strong = LinearDecoder.fit(faces, templates, strength=5.0, gain=2.0)
    one, two = (each.decode(templates[:5]).astype(float) - plain.face for each in (plain, strong))
    np.testing.assert_allclose(two, 2 * one, atol=1.6)


def test_faces_in_many_blocks_and_in_one_give_the_same(monkeypatch):
    faces, templates = drawn()
    whole = LinearDecoder.fit(faces, templates, strength=0.1, gain=1.0)
    monkeypatch.setattr("facebone.attacks.inversion.linear_decoder.AT_ONCE", 7)
    parts = LinearDecoder.fit(faces, templates, strength=0.1, gain=1.0)
    np.testing.assert_allclose(parts.weights, whole.weights, rtol=1e-3, atol=1e-2)


def test_a_rotation_of_templates_changes_nothing():
    faces, templates = drawn()
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(6, 6)))[0].astype(np.float32)
    plain = LinearDecoder.fit(faces, templates, strength=0.1, gain=1.5).decode(templates)
    turned = LinearDecoder.fit(faces, templates @ turn, strength=0.1, gain=1.5)
    assert np.abs(turned.decode(templates @ turn).astype(int) - plain).max() <= 1
