"""Query policies: who answers, how often, and whether asking again helps."""

from __future__ import annotations

import hashlib
import hmac

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facebone.mitigations.keys import derived_key, key_bytes
from facebone.mitigations.multi_backbone.query import (
    Fixed,
    Mean,
    Random,
    Secret,
)
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise

KEY = bytes(range(32))


def faces(pairs=3000, width=128, seed=0):
    """Embeddings around a common mean, as those of real backbones are."""
    rng = np.random.default_rng(seed)
    mean = rng.normal(size=width)
    return EmbeddedPairs(*((normalise(
        (mean + rng.normal(size=(pairs, width))).astype(np.float32)
    ),) for _ in range(2)))  # fmt: skip


def secret(pairs, key=KEY, backbones=3):
    centre = np.concatenate([pairs.left[0], pairs.right[0]]).mean(axis=0, dtype=np.float64)
    return Secret(backbones, key=key, centre=centre)


def through(pairs, backbone):
    """A verifier whose backbone k answers k + the first number of the left picture."""
    return pairs.left[0][:, 0].astype(np.float64) + backbone


def test_mean_and_fixed_are_what_they_say():
    pairs = faces(20)
    first = pairs.left[0][:, 0].astype(np.float64)
    np.testing.assert_allclose(Mean(3).answer(pairs, through), first + 1)
    np.testing.assert_array_equal(Fixed(3, answering=2).answer(pairs, through), first + 2)


def test_random_averages_to_the_mean_and_asks_each_pair_through_its_own_backbone():
    pairs = faces(50)
    policy = Random(3, rng=np.random.default_rng(1))
    answers = np.stack([policy.answer(pairs, through) for _ in range(2000)])
    wanted = Mean(3).answer(pairs, through)
    # The deviation of one draw from {0, 1, 2} is 0.82; of a mean over 2,000 of them 0.018.
    np.testing.assert_allclose(answers.mean(axis=0), wanted, atol=5 * 0.018)
    offsets = answers - pairs.left[0][:, 0]
    assert set(np.unique(offsets.round(6))) == {0.0, 1.0, 2.0}
    # Pairs of one question are drawn independently.
    assert (np.ptp(offsets.round(6), axis=1) > 0).all()


def test_random_repeats_for_a_seed():
    pairs = faces(50)
    first, again, other = (
        Random(3, rng=np.random.default_rng(seed)).choose(pairs) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_secret_repeats_and_uses_all_backbones_about_equally():
    pairs = faces()
    policy = secret(pairs)
    chosen = policy.choose(pairs)
    for _ in range(3):
        np.testing.assert_array_equal(policy.choose(pairs), chosen)
    np.testing.assert_allclose(np.bincount(chosen, minlength=3) / 3000, 1 / 3, atol=0.05)
    five = secret(pairs, backbones=5).choose(pairs)
    np.testing.assert_allclose(np.bincount(five, minlength=5) / 3000, 1 / 5, atol=0.04)


@given(st.binary(min_size=32, max_size=32), st.integers(2, 7))
def test_secret_does_not_depend_on_the_order_of_a_pair(key, backbones):
    pairs = faces(60, width=16)
    turned = pairs.turned()
    policy = secret(pairs, key, backbones)
    np.testing.assert_array_equal(policy.choose(pairs), policy.choose(turned))


def test_secret_does_not_depend_on_who_else_is_asked_about():
    pairs = faces(200)
    policy = secret(pairs)
    whole = policy.choose(pairs)
    alone = [policy.choose(pairs.take(np.array([i])))[0] for i in range(200)]
    np.testing.assert_array_equal(whole, alone)


def test_secret_withstands_small_changes_and_not_large_ones():
    pairs = faces()
    policy = secret(pairs)
    rng = np.random.default_rng(3)

    def agreement(size):
        changed = [
            normalise((m[0] + size * rng.normal(size=m[0].shape)).astype(np.float32))
            for m in (pairs.left, pairs.right)
        ]
        other = EmbeddedPairs((changed[0],), (changed[1],))
        return float((policy.choose(other) == policy.choose(pairs)).mean())

    assert agreement(1e-3) > 0.9
    # Another picture altogether meets a backbone by chance.
    assert agreement(10.0) == pytest.approx(1 / 3, abs=0.04)


def test_another_key_is_another_choice():
    pairs = faces()
    one, other = secret(pairs).choose(pairs), secret(pairs, bytes(32)).choose(pairs)
    assert (one == other).mean() == pytest.approx(1 / 3, abs=0.04)


def test_secret_is_the_hash_that_the_documentation_says():
    """Codes and HMAC written out for one pair at a time, with the standard library."""
    pairs = faces(30, width=16)
    policy = secret(pairs)
    centre = np.concatenate([pairs.left[0], pairs.right[0]]).mean(axis=0, dtype=np.float64)
    stream = hashlib.shake_256(hmac.new(KEY, b"facebone planes", "sha256").digest()).digest(8 * 16)
    planes = [[1 if byte & 1 else -1 for byte in stream[16 * b : 16 * b + 16]] for b in range(8)]

    def code(row):
        sides = [sum(p * float(x - c) for p, x, c in zip(plane, row, centre, strict=True)) >= 0
                 for plane in planes]  # fmt: skip
        return int("".join("1" if side else "0" for side in sides), 2)

    wanted = []
    for left, right in zip(pairs.left[0], pairs.right[0], strict=True):
        codes = bytes(sorted((code(left), code(right))))
        digest = hmac.new(KEY, b"facebone pair" + codes, "sha256").digest()
        wanted.append(int.from_bytes(digest[:8], "big") % 3)
    assert policy.choose(pairs).tolist() == wanted


def test_a_key_is_text_or_64_hexadecimal_digits():
    assert key_bytes(KEY.hex()) == KEY
    assert key_bytes("correct horse battery") == hashlib.sha256(b"correct horse battery").digest()
    assert len({derived_key(seed) for seed in range(5)}) == 5
    assert derived_key(3) == derived_key(3)
