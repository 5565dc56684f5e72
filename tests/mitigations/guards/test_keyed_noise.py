"""Noise that belongs to pairs: its distribution, and that asking again does not help."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from facebone.errors import UsageError
from facebone.mitigations.guards.keyed_noise import KeyedNoise, KeyedNoiseSettings, gauss, laplace

SECRET_KEY = "0123456789abcdef-not-to-be-shown"


def test_uniform_numbers_become_the_distribution():
    drawn = np.linspace(0, 1, 10_001)[1:-1]
    np.testing.assert_allclose(laplace(drawn), stats.laplace.ppf(drawn), atol=1e-12)
    ends = np.array([0.5 / 2**52, 1 - 0.5 / 2**52])
    assert np.isfinite(laplace(ends)).all()
    pairs = np.random.default_rng(0).random((20_000, 2))
    assert stats.kstest(gauss(pairs), "norm").pvalue > 1e-3
    assert np.isfinite(gauss(np.array([[ends[0], 0.1], [ends[1], 0.9]]))).all()


@pytest.mark.parametrize(
    ("distribution", "expected"), [("laplace", stats.laplace), ("gaussian", stats.norm)]
)
def test_noise_has_the_scale_and_belongs_to_the_pair(toy, protect, distribution, expected):
    head = protect(f"keyed_noise:scale=2.5,distribution={distribution}")
    plain = protect("none")
    pairs, same = toy(widths=(12, 8))
    for each in (head, plain):
        each.fit(pairs, same, seed=1)
    asked, _ = toy(pairs=3000, widths=(12, 8), seed=5)
    noise = head.logit(asked) - plain.logit(asked)
    different = np.unique(noise.round(9))
    assert len(different) > 1000
    assert stats.kstest(different / 2.5, expected.cdf).pvalue > 1e-3
    np.testing.assert_array_equal(head.logit(asked), head.logit(asked))
    head.reseed(np.random.default_rng(9))
    few = asked.take(np.array([5, 700]))
    np.testing.assert_allclose(head.logit(few) - plain.logit(few), noise[[5, 700]], atol=1e-9)


def test_keys_are_the_users_or_of_the_seed(toy, protect):
    pairs, same = toy()

    def answers(spec, seed):
        head = protect(spec)
        head.fit(pairs, same, seed=seed)
        return head.logit(pairs)

    keyed = f"keyed_noise:key={SECRET_KEY}"
    np.testing.assert_array_equal(answers(keyed, 1), answers(keyed, 2))
    assert (answers("keyed_noise", 1) != answers("keyed_noise", 2)).mean() > 0.9
    assert (answers(keyed, 1) != answers("keyed_noise", 1)).mean() > 0.9
    np.testing.assert_array_equal(answers("keyed_noise", 1), answers("keyed_noise", 1))


def test_bad_settings_are_refused_and_show_no_key():
    with pytest.raises(UsageError, match="scale: must be a number of more than 0"):
        KeyedNoiseSettings(scale=0)
    with pytest.raises(UsageError, match="distribution: must be one of laplace, gaussian"):
        KeyedNoiseSettings(distribution="normal")
    with pytest.raises(UsageError, match="key: must have at least 16 characters, got 5"):
        KeyedNoiseSettings(key="abcde")
    made = KeyedNoise(KeyedNoiseSettings(key=SECRET_KEY))
    for shown in (made.spec(), made.effect(), repr(made.settings), str(made.public_settings())):
        assert SECRET_KEY not in shown
    assert made.effect().endswith("(laplace of 1)")
