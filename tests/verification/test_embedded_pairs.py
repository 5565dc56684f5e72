"""Embedded pairs: what goes in comes out, whatever is taken of them."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.data.pairs import Pairs
from facebone.errors import UsageError
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise

WIDTHS = (5, 3)


def pictures(count=8, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(count, width)).astype(np.float32) for width in WIDTHS]


def gathered():
    matrices = pictures()
    pairs = Pairs(np.array([0, 2, 4, 6]), np.array([1, 3, 5, 0]), np.array([True, False] * 2))
    return matrices, pairs, EmbeddedPairs.gather(matrices, pairs, np.arange(8) // 2)


def test_rows_times_their_lengths_are_the_embeddings():
    matrices, pairs, embedded = gathered()
    for column, matrix in enumerate(matrices):
        for side, chosen in enumerate((pairs.left, pairs.right)):
            unit = (embedded.left, embedded.right)[side][column]
            np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, rtol=1e-6)
            whole = unit * embedded.lengths[:, side, column, None]
            np.testing.assert_allclose(whole, matrix[chosen], rtol=1e-6)


def test_scaled_and_gathered_pairs_are_the_same():
    matrices, pairs, embedded = gathered()
    scaled = EmbeddedPairs.scale(
        [matrix[pairs.left] for matrix in matrices], [matrix[pairs.right] for matrix in matrices]
    )
    np.testing.assert_array_equal(scaled.lengths, embedded.lengths)
    for one, other in zip(scaled.left + scaled.right, embedded.left + embedded.right, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_is_taken_keeps_lengths_and_people():
    _, _, embedded = gathered()
    some = embedded.take(np.array([3, 1])).choose([1]).turned()
    assert some.dimensions == (3,)
    np.testing.assert_array_equal(some.left[0], embedded.right[1][[3, 1]])
    np.testing.assert_array_equal(some.lengths[:, 0, 0], embedded.lengths[[3, 1], 1, 1])
    np.testing.assert_array_equal(some.people, embedded.people[[3, 1]][:, ::-1])


def test_the_shorter_length_is_of_either_side():
    ones = [np.array([[3.0, 4.0], [1.0, 0.0]], dtype=np.float32)]
    twos = [np.array([[1.0, 0.0], [0.0, 2.0]], dtype=np.float32)]
    assert EmbeddedPairs.scale(ones, twos).shorter().tolist() == [[1], [1]]
    assert EmbeddedPairs((ones[0],), (twos[0],)).shorter().tolist() == [[1], [1]]


def test_a_picture_that_gives_nothing_has_no_length():
    empty = np.zeros((1, 4), dtype=np.float32)
    assert normalise(empty).tolist() == [[0, 0, 0, 0]]
    assert EmbeddedPairs.scale([empty], [empty]).lengths.tolist() == [[[0], [0]]]


def test_lengths_of_another_shape_are_refused():
    rows = pictures()
    with pytest.raises(UsageError, match=r"lengths of embedded pairs must have shape \(8, 2, 2\)"):
        EmbeddedPairs(tuple(rows), tuple(rows), lengths=np.ones((8, 2), dtype=np.float32))
