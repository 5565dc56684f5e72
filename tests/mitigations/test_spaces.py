"""Common spaces: against SciPy and scikit-learn, and on rotations planted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from sklearn.linear_model import Ridge

from facebone.errors import UsageError
from facebone.mitigations.multi_backbone.spaces import SPACES, meet
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise


def unit(pairs, width, seed):
    rng = np.random.default_rng(seed)
    return [normalise(rng.normal(size=(pairs, width)).astype(np.float32)) for _ in range(2)]


def turned(rotation, pairs=80, seed=0):
    """Backbone 1 is backbone 0 through `rotation`, (w, d)."""
    sides = unit(pairs, rotation.shape[0], seed)
    moved = [(side @ rotation).astype(np.float32) for side in sides]
    return EmbeddedPairs((sides[0], moved[0]), (sides[1], moved[1]))


def test_procrustes_finds_a_planted_rotation():
    rotation = np.linalg.qr(np.random.default_rng(5).normal(size=(10, 10)))[0]
    pairs = turned(rotation)
    maps = SPACES["procrustes"]().fit(pairs, seed=0)
    assert set(maps) == {1}
    np.testing.assert_allclose(maps[1], rotation, atol=1e-5)
    met = meet(pairs, maps)
    np.testing.assert_allclose(met.left[1], pairs.left[0], atol=1e-5)
    assert met.left[0] is pairs.left[0]


def test_procrustes_equals_scipys(toy):
    pairs, _ = toy()
    maps = SPACES["procrustes"]().fit(pairs, seed=0)
    reference = np.concatenate([pairs.left[0], pairs.right[0]]).astype(np.float64)
    for k in (1, 2):
        pictures = np.concatenate([pairs.left[k], pairs.right[k]]).astype(np.float64)
        width = pictures.shape[1]
        padded = np.pad(pictures, ((0, 0), (0, 12 - width)))
        rotation, _ = orthogonal_procrustes(padded, reference)
        np.testing.assert_allclose(maps[k], rotation[:width].T, atol=1e-8)
        # Angles stay.
        np.testing.assert_allclose(maps[k].T @ maps[k], np.eye(width), atol=1e-10)
    np.testing.assert_allclose(meet(pairs, maps).cosines(), pairs.cosines(), atol=1e-6)


def test_procrustes_beats_no_map_and_random_ones(toy):
    pairs, _ = toy()
    fresh, _ = toy(seed=9)

    def closeness(name):
        met = meet(fresh, SPACES[name]().fit(pairs, seed=0), [0, 1])
        return float(np.einsum("nd,nd->n", met.left[0], met.left[1]).mean())

    assert closeness("procrustes") > 0.9
    assert closeness("learned") > 0.9
    assert abs(closeness("random")) < 0.3


def test_learned_equals_ridge_regression(toy):
    pairs, _ = toy()
    maps = SPACES["learned"](regularisation=0.02).fit(pairs, seed=0)
    reference = np.concatenate([pairs.left[0], pairs.right[0]]).astype(np.float64)
    for k in (1, 2):
        pictures = np.concatenate([pairs.left[k], pairs.right[k]]).astype(np.float64)
        # Ridge penalises the sum of errors, so the penalty of a mean is multiplied by their number.
        ridge = Ridge(alpha=0.02 * len(pictures), fit_intercept=False).fit(pictures, reference)
        np.testing.assert_allclose(maps[k], ridge.coef_, atol=1e-8)


def test_the_first_of_the_widest_is_the_reference(toy):
    pairs, _ = toy(widths=(8, 12, 12))
    for name in ("procrustes", "learned"):
        space = SPACES[name]()
        assert set(space.fit(pairs, seed=0)) == {0, 2}
        assert space.shapes(pairs.dimensions) == {0: (12, 8), 2: (12, 12)}


def test_random_is_drawn_from_the_seed_and_keeps_cosines_roughly():
    pairs = EmbeddedPairs(*(tuple(unit(50, 64, seed)) for seed in (1, 2)))
    space = SPACES["random"](width=2048)
    one, again, other = (space.fit(pairs, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one[0], again[0])
    assert np.abs(one[0] - other[0]).max() > 0.01
    assert np.abs(one[0] - one[1]).max() > 0.01
    np.testing.assert_allclose(meet(pairs, one).cosines(), pairs.cosines(), atol=0.12)
    # By default as wide as the narrowest.
    assert SPACES["random"]().width((12, 5, 9)) == 5


def test_raw_takes_backbones_of_one_width_alone(toy):
    pairs, _ = toy(widths=(12, 12))
    assert SPACES["raw"]().fit(pairs, seed=0) == {}
    with pytest.raises(UsageError, match=r"space=raw: needs backbones of one width, got 12, 12, 8"):
        SPACES["raw"]().fit(toy()[0], seed=0)


@pytest.mark.parametrize("name", ["procrustes", "learned", "random"])
def test_rows_come_out_with_length_one_and_alone_as_among_others(name, toy):
    pairs, _ = toy()
    maps = SPACES[name]().fit(pairs, seed=0)
    met = meet(pairs, maps)
    assert len(set(met.dimensions)) == 1
    for matrix in met.left + met.right:
        assert matrix.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(matrix, axis=1), 1, atol=1e-6)
    rows = np.array([17])
    alone = meet(pairs.take(rows), maps)
    for k in range(3):
        assert alone.left[k].tobytes() == met.left[k][rows].tobytes()
        np.testing.assert_array_equal(meet(pairs, maps, [k]).right[0], met.right[k])
