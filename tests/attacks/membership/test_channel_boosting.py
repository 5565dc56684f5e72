"""Boosting on a channel, white box and templates alike: what its columns tell is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from facebone.attacks.access import Access, Channel
from facebone.attacks.base import ATTACKS
from facebone.attacks.membership.channel_boosting import mean_of
from facebone.verification.metrics import auc

KINDS = {
    "white_box": (Channel.INSIDE, Access.WEIGHTS),
    "template_probing": (Channel.TEMPLATES, Access.EMBEDDING),
}


@pytest.fixture(params=KINDS)
def name(request):
    return request.param


@pytest.fixture
def world(beside):
    """Margins and columns of a channel; each leaks by so many deviations of the noise."""

    def make(channel, margin_gap=0.0, column_gap=0.0, n=1500, shadows=9, columns=4, seed=0):
        rng = np.random.default_rng(seed)
        trained = rng.random((shadows + 1, n)) < 0.5
        margins = 3 * rng.normal(size=n) + margin_gap * trained
        margins = margins + rng.normal(size=(shadows + 1, n))
        shown = rng.normal(size=(shadows + 1, n, columns))
        # Candidates differ in the telling column by more than the leak.
        shown[:, :, 2] += 4 * rng.normal(size=n) + column_gap * trained
        observed = beside(margins[0], margins[1:], trained[1:], rng.random(n) < 0.5)
        singles = shown[1:].astype(np.float32)
        return (
            replace(
                observed,
                channels={channel: shown[0]},
                shadows=replace(observed.shadows, channels={channel: singles}),
            ),
            trained[0],
        )

    return make


def permuted(observed, channel, order):
    shadows = observed.shadows
    return replace(
        observed,
        channels=dict(observed.channels) | {channel: observed.channels[channel][:, order]},
        shadows=replace(
            shadows,
            channels=dict(shadows.channels) | {channel: shadows.channels[channel][:, :, order]},
        ),
    )


def test_means_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    values, chosen = rng.normal(size=(5, 7, 3)), rng.random((5, 7)) < 0.5
    chosen[:, 4] = False
    found = mean_of(values, chosen)
    for i in range(7):
        for f in range(3):
            told = [values[s, i, f] for s in range(5) if chosen[s, i]]
            wanted = sum(told) / len(told) if told else np.nan
            np.testing.assert_allclose(found[i, f], wanted, rtol=1e-12)
    assert np.isnan(found[4]).all()


def test_finds_what_the_channel_alone_shows_beside_shadows(name, world):
    channel, access = KINDS[name]
    observed, member = world(channel, column_gap=4.0)
    attack = ATTACKS.make(name)
    assert attack.access is access
    assert auc(attack.score(observed), member) > 0.95
    assert auc(ATTACKS.make("shadow_boosting").score(observed), member) < 0.6
    # Without shadows to compare with, candidates differ too much.
    assert auc(observed.channels[channel][:, 2], member) < 0.85


def test_margin_and_channel_together_come_near_the_best_test(name, world):
    observed, member = world(KINDS[name][0], 1.2, 1.6, n=4000, shadows=16)
    found = auc(ATTACKS.make(name).score(observed), member)
    # Two independent shifts make one of sqrt(1.2^2 + 1.6^2) = 2 deviations.
    assert found == pytest.approx(float(ndtr(2 / 2**0.5)), abs=0.04)
    assert found > auc(ATTACKS.make("shadow_boosting").score(observed), member) + 0.05


def test_finds_nothing_where_there_is_nothing(name, world):
    observed, member = world(KINDS[name][0], n=3000)
    found = ATTACKS.make(name).score(observed)
    assert auc(found, member) == pytest.approx(0.5, abs=3.5 * (1 / 9000) ** 0.5)


def test_the_order_of_candidates_and_shadows_and_columns_does_not_matter(name, world):
    channel = KINDS[name][0]
    observed, _ = world(channel, 1.0, 2.0, n=600, shadows=7)
    attack, rng = ATTACKS.make(name, {"rounds": 30}), np.random.default_rng(1)
    found, rows = attack.score(observed), rng.permutation(600)
    np.testing.assert_allclose(attack.score(observed.take(rows)), found[rows], atol=1e-6)
    shadows = observed.shadows.choose(rng.permutation(7))
    np.testing.assert_allclose(attack.score(replace(observed, shadows=shadows)), found, atol=1e-6)
    turned = permuted(observed, channel, [3, 0, 2, 1])
    np.testing.assert_allclose(attack.score(turned), found, atol=1e-6)


def test_other_channels_are_not_looked_at(name, world):
    channel = KINDS[name][0]
    other = next(c for c, _ in KINDS.values() if c is not channel)
    observed, _ = world(channel, 1.0, 2.0, n=300, shadows=4)
    extra, _ = world(other, column_gap=5.0, n=300, shadows=4)
    both = replace(
        observed,
        channels={**observed.channels, **extra.channels},
        shadows=replace(
            observed.shadows, channels={**observed.shadows.channels, **extra.shadows.channels}
        ),
    )
    attack = ATTACKS.make(name, {"rounds": 20})
    np.testing.assert_array_equal(attack.score(both), attack.score(observed))


def test_a_candidate_that_all_shadows_were_trained_on_is_scored(name, world):
    observed, _ = world(KINDS[name][0], 1.0, 3.0, n=400)
    trained = observed.shadows.trained.copy()
    trained[:, :5] = True
    given = replace(observed, shadows=replace(observed.shadows, trained=trained))
    assert np.isfinite(ATTACKS.make(name).score(given)).all()


def test_one_shadow_teaches_from_columns_alone(name, world):
    channel = KINDS[name][0]
    observed, member = world(channel, n=1500, shadows=1)
    told = replace(
        observed,
        channels={channel: observed.channels[channel] + 3.0 * member[:, None]},
        shadows=replace(
            observed.shadows,
            channels={
                channel: observed.shadows.channels[channel]
                + np.float32(3.0) * observed.shadows.trained[..., None]
            },
        ),
    )
    assert auc(ATTACKS.make(name).score(told), member) > 0.95


def test_eight_shadows_play_the_target(name, world, monkeypatch):
    channel = KINDS[name][0]
    observed, _ = world(channel, n=200, shadows=12)
    attack, seen = ATTACKS.make(name, {"rounds": 5}), []
    describe = type(attack)._describe

    def counted(self, beside):
        seen.append(len(beside.margins))
        return describe(self, beside)

    monkeypatch.setattr(type(attack), "_describe", counted)
    attack.score(observed)
    assert seen == [11] * 8 + [12]
