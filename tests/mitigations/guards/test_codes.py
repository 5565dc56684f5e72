"""Codes of pictures and numbers of pairs: who has the same, and how they are spread."""

from __future__ import annotations

import hashlib
import hmac

import numpy as np
import pytest
from scipy.stats import kstest

from facebone.mitigations.guards.codes import PairNumbers, Planes
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise

KEY = bytes(range(32))


def faces(count=2000, widths=(64,), seed=0):
    """Embeddings around a common mean, as those of real backbones are."""
    rng = np.random.default_rng(seed)
    mean = [rng.normal(size=width) for width in widths]
    return tuple(
        tuple(normalise((m + rng.normal(size=(count, len(m)))).astype(np.float32)) for m in mean)
        for _ in range(2)
    )


def centre_of(left, right):
    sides = zip(left, right, strict=True)
    return np.concatenate([np.concatenate(both).mean(axis=0, dtype=np.float64) for both in sides])


def numbers(left, right, key=KEY, label=b"test"):
    return PairNumbers(key, label, centre_of(left, right))


def test_sides_are_those_of_planes_made_from_the_key():
    """An independent oracle: bit by bit, number by number."""
    left, right = faces(5, widths=(6, 3))
    centre = centre_of(left, right)
    found = Planes(KEY, b"use", centre, bits=4).sides(left)
    seed = hmac.new(KEY, b"guard planes, use", hashlib.sha256).digest()
    drawn = hashlib.shake_256(seed).digest(4 * 9)
    joined = np.concatenate(left, axis=1).astype(np.float64)
    for row in range(5):
        for bit in range(4):
            height = sum(
                (joined[row, d] - centre[d]) * (1 if drawn[9 * bit + d] % 2 else -1)
                for d in range(9)
            )
            assert found[row, bit] == (height >= 0)
    quick = Planes(KEY, b"use", centre, bits=4).sides(left, quick=True)
    np.testing.assert_array_equal(quick, found)


def test_bits_differ_as_the_angle_says():
    left, right = faces(400, widths=(128,))
    centre = centre_of(left, right)
    planes = Planes(KEY, b"use", centre, bits=1024)
    moved = left[0] + np.float32(0.03) * np.random.default_rng(1).normal(size=left[0].shape)
    a, b = left[0] - centre, moved - centre
    cosine = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    differ = (planes.sides(left) != planes.sides((moved.astype(np.float32),))).mean(axis=1)
    assert differ.mean() == pytest.approx((np.arccos(cosine) / np.pi).mean(), abs=0.01)


def test_numbers_are_uniform_and_independent():
    left, right = faces(4000)
    drawn = numbers(left, right).draw(EmbeddedPairs(left, right), 4)
    assert drawn.shape == (4000, 4)
    assert ((drawn > 0) & (drawn < 1)).all()
    once = np.unique(drawn, axis=0)  # pairs of one code have the same
    assert len(once) > 3000
    for column in once.T:
        assert kstest(column, "uniform").pvalue > 1e-3
    assert np.abs(np.corrcoef(once.T) - np.eye(4)).max() < 0.06


def test_order_company_and_repeats_do_not_count():
    left, right = faces()
    pairs, made = EmbeddedPairs(left, right), numbers(left, right)
    drawn = made.draw(pairs, 2)
    np.testing.assert_array_equal(made.draw(EmbeddedPairs(right, left), 2), drawn)
    rows = np.array([1999, 3, 3, 77])
    np.testing.assert_array_equal(made.draw(pairs.take(rows), 2), drawn[rows])
    np.testing.assert_array_equal(made.draw(pairs, 1), drawn[:, :1])


def test_key_use_and_way_decide():
    left, right = faces()
    pairs = EmbeddedPairs(left, right)
    plain = numbers(left, right).draw(pairs, 1)
    others = [
        numbers(left, right, key=bytes(32)).draw(pairs, 1),
        numbers(left, right, label=b"other").draw(pairs, 1),
        numbers(left, right).draw(pairs, 1, way=0),
        numbers(left, right).draw(pairs, 1, way=1),
    ]
    drawn = np.concatenate([plain, *others], axis=1)
    assert np.abs(np.corrcoef(drawn.T) - np.eye(5)).max() < 0.15
    assert ((plain == others[2]) | (others[2] == others[3])).sum() == 0


def test_a_picture_that_hardly_moves_keeps_its_numbers():
    left, right = faces()
    made = numbers(left, right)
    noise = 1e-4 * np.random.default_rng(2).normal(size=left[0].shape).astype(np.float32)
    moved = EmbeddedPairs((left[0] + noise,), right)
    same = made.draw(moved, 1) == made.draw(EmbeddedPairs(left, right), 1)
    assert same.mean() > 0.97
    assert (made.draw(EmbeddedPairs(right, right), 1) == made.draw(moved, 1)).mean() < 0.1
