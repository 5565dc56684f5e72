"""Score bits: digits as Python writes them, a planted digit found, chance not mistaken for one."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2_contingency

from facebone.attacks.base import ATTACKS
from facebone.attacks.membership.score_bits import association, binary_digits
from facebone.attacks.observations import Observations
from facebone.errors import UsageError
from facebone.verification.metrics import auc


@given(st.floats(-3e38, 3e38))
def test_digits_are_those_of_the_formats(value):
    (double,) = struct.unpack("<Q", struct.pack("<d", value))
    (single,) = struct.unpack("<I", struct.pack("<f", value))
    wanted = [double >> i & 1 for i in range(52)] + [single >> i & 1 for i in range(23)]
    np.testing.assert_array_equal(binary_digits(np.array([value]))[0], wanted)


def test_scores_beyond_float32_have_digits_without_a_warning():
    assert binary_digits(np.array([1e300, -1e300, 1e-300])).shape == (3, 75)


def clean(n=400, seed=0, queries=1):
    """Scores and memberships that know nothing of each other."""
    rng = np.random.default_rng(seed)
    same = rng.random(n) < 0.5
    return Observations.from_scores(rng.random((n, queries)), same), rng.random(n) < 0.5


def with_bit(observed, bit, place=0):
    """`bit` as a digit of the first answer."""
    words = observed.score.copy().view(np.uint64)
    mask = np.uint64(1 << place)
    words[:, 0] = words[:, 0] & ~mask | bit.astype(np.uint64) << np.uint64(place)
    return Observations(words.view(np.float64), observed.same, observed.log_odds, 0.5)


def held_out(observed, member):
    attack = ATTACKS.make("score_bits")
    half = np.arange(len(member)) % 2 == 0
    attack.fit(observed.take(half), member[half], seed=0)
    return attack.score(observed.take(~half)), member[~half]


@pytest.mark.parametrize("place", [0, 3, 28, 29, 40])
@pytest.mark.parametrize("masked", [False, True])
def test_finds_a_digit_alone_or_against_the_label(place, masked):
    observed, member = clean()
    planted = with_bit(observed, member ^ observed.same if masked else member, place)
    assert auc(*held_out(planted, member)) == 1


def test_finds_a_noisy_digit():
    observed, member = clean(n=1000)
    flipped = np.random.default_rng(1).random(1000) < 0.2
    assert auc(*held_out(with_bit(observed, member ^ flipped), member)) == pytest.approx(
        0.8, abs=0.05
    )


def test_joins_digits_that_each_tell_a_part():
    observed, member = clean(n=1000)
    rng = np.random.default_rng(2)
    for place in (0, 1, 2):
        observed = with_bit(observed, member ^ (rng.random(1000) < 0.25), place)
    # The majority of three is right in 0.75^3 + 3 * 0.75^2 * 0.25 = 84 %.
    assert auc(*held_out(observed, member)) > 0.85


def test_finds_a_digit_lost_in_double_that_rounding_to_single_shows():
    """A float32 leak of a service that then computes on in float64."""
    observed, member = clean()
    single = observed.score.astype(np.float32).view(np.uint32)
    single[:, 0] = single[:, 0] & ~np.uint32(1) | member
    jitter = np.random.default_rng(3).uniform(-1, 1, size=observed.score.shape) * 2.0**-27
    score = single.view(np.float32).astype(np.float64)
    score += jitter * np.maximum(score, 1e-3)
    planted = Observations(score, observed.same, observed.log_odds, 0.5)
    assert auc(*held_out(planted, member)) > 0.95


def test_chance_is_not_mistaken_for_a_leak():
    """At a significance of 1 %, at most a few of 100 clean verifiers show anything."""
    shown = 0
    for seed in range(100):
        found, _ = held_out(*clean(seed=seed))
        shown += len(np.unique(found)) > 1
    assert binomtest(shown, 100, 0.01, alternative="greater").pvalue > 0.001


def test_constant_digits_are_harmless():
    observed, member = clean()
    constant = Observations.from_scores(np.full(len(member), 0.75), observed.same)
    np.testing.assert_array_equal(held_out(constant, member)[0], np.zeros(200))


def test_only_the_first_answer_counts():
    observed, member = clean(queries=3)
    planted = with_bit(observed, member)
    other = planted.score.copy()
    other[:, 1:] = 0.5
    same_first = Observations(other, planted.same, planted.log_odds, 0.5)
    first, second = held_out(planted, member)[0], held_out(same_first, member)[0]
    np.testing.assert_array_equal(first, second)
    assert auc(first, member[1::2]) == 1


def test_association_is_the_corrected_chi_square_test():
    rng = np.random.default_rng(4)
    member = rng.random(300) < 0.4
    bits = np.stack([rng.random(300) < p + 0.15 * member for p in (0.1, 0.5, 0.8)], axis=1)
    for column, found in zip(bits.T, association(bits, member), strict=True):
        table = [[(column & member).sum(), (~column & member).sum()],
                 [(column & ~member).sum(), (~column & ~member).sum()]]  # fmt: skip
        assert found == pytest.approx(chi2_contingency(table, correction=True).pvalue, rel=1e-9)


def test_association_of_a_constant_is_none():
    member = np.arange(10) % 2 == 0
    bits = np.stack([np.zeros(10, dtype=bool), np.ones(10, dtype=bool)], axis=1)
    np.testing.assert_array_equal(association(bits, member), [1, 1])


@pytest.mark.parametrize("value", [0, 1.0, -0.1, True, "0.01"])
def test_a_significance_that_is_no_chance_is_refused(value):
    with pytest.raises(UsageError, match="significance: must be a number of more than 0"):
        ATTACKS.make("score_bits", {"significance": value})
