"""Label-only beside shadows: LiRA on smoothed log odds, with variances no finer than the steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm

from facebone.attacks.access import Access, Channel
from facebone.attacks.base import ATTACKS
from facebone.attacks.observations import Observations
from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.errors import UsageError
from facebone.verification.metrics import auc

ATTACK = "label_only_shadows"


def observe(right, trained):
    """From decisions (1 + S, n, v), the target's first; scores are constant and tell nothing."""
    right = np.asarray(right, dtype=np.float64)
    n = right.shape[1]
    return replace(
        Observations.from_scores(np.full(n, 0.5), np.arange(n) % 2 == 0),
        channels={Channel.DECISIONS: right[0]},
        shadows=ShadowAnswers(
            np.zeros(trained.shape, dtype=np.float32),
            trained,
            {Channel.DECISIONS: right[1:].astype(np.float32)},
        ),
    )


def world(gap, n=2000, shadows=16, versions=25, seed=0):
    """Decisions about changed pictures: candidates differ widely in how many they survive."""
    rng = np.random.default_rng(seed)
    trained = rng.random((shadows + 1, n)) < 0.5
    margin = 1.5 * rng.normal(size=n) + gap * trained
    right = rng.random((shadows + 1, n, versions)) < expit(margin)[..., None]
    return observe(right, trained[1:]), trained[0]


def log_odds(right, versions):
    return np.log((right + 0.5) / (versions - right + 0.5))


def test_is_the_ratio_of_normal_densities_of_smoothed_log_odds():
    observed, _ = world(1.0, n=150, shadows=12)
    channel, shadows = Channel.DECISIONS, observed.shadows
    found = ATTACKS.make(ATTACK, {"variance": "candidate"}).score(observed)
    checked = 0
    for i in range(150):
        target = log_odds(observed.channels[channel][i].sum(), 25)
        densities = []
        for kind in (True, False):
            values = [
                log_odds(float(shadows.channels[channel][s, i].sum()), 25)
                for s in range(12)
                if shadows.trained[s, i] == kind
            ]
            deviation = np.std(values)
            # Where the rounding is smaller than what shadows differ by, it changes nothing.
            if len(values) > 1 and deviation > 0.5:
                densities.append(norm.logpdf(target, np.mean(values), deviation))
        if len(densities) == 2:
            assert found[i] == pytest.approx(densities[0] - densities[1], rel=1e-6, abs=1e-6)
            checked += 1
    assert checked > 10


def test_where_shadows_agree_the_variance_is_that_of_rounding():
    # Untrained shadows are right about 3 of 5, trained ones about all; the target about 4.
    n, versions = 30, 5
    trained = np.zeros((6, n), dtype=bool)
    trained[:3] = True
    count = np.full((7, n), 3)
    count[0], count[1:4] = 4, 5
    right = np.arange(versions) < count[..., None]
    found = ATTACKS.make(ATTACK).score(observe(right, trained))
    inside = log_odds(5, versions), log_odds(5, versions) - log_odds(4.5, versions)
    outside = log_odds(3, versions), log_odds(3.5, versions) - log_odds(2.5, versions)
    target = log_odds(4, versions)
    wanted = norm.logpdf(target, inside[0], inside[1] / 12**0.5)
    wanted -= norm.logpdf(target, outside[0], outside[1] / 12**0.5)
    np.testing.assert_allclose(found, np.full(n, wanted), rtol=1e-6)


def test_finds_what_only_a_comparison_shows():
    observed, member = world(2.5)
    found = auc(ATTACKS.make(ATTACK).score(observed), member)
    assert found > 0.95
    assert auc(ATTACKS.make("label_only").score(observed), member) < found - 0.1


def test_finds_nothing_where_training_changes_no_decision():
    observed, member = world(0.0, n=3000)
    found = ATTACKS.make(ATTACK).score(observed)
    assert auc(found, member) == pytest.approx(0.5, abs=3.5 * (1 / 9000) ** 0.5)


def test_the_order_of_versions_candidates_and_shadows_does_not_matter():
    observed, _ = world(1.0, n=200, shadows=8)
    attack, rng = ATTACKS.make(ATTACK), np.random.default_rng(1)
    found, rows = attack.score(observed), rng.permutation(200)
    np.testing.assert_allclose(attack.score(observed.take(rows)), found[rows], atol=1e-9)
    versions, order, channel = rng.permutation(25), rng.permutation(8), Channel.DECISIONS
    turned = replace(
        observed,
        channels={channel: observed.channels[channel][:, versions]},
        shadows=observed.shadows.choose(order),
    )
    np.testing.assert_allclose(attack.score(turned), found, atol=1e-9)


@pytest.mark.parametrize("right", [0, 5])
@pytest.mark.parametrize("guess", [True, False])
def test_decisions_that_are_all_alike_are_finite(right, guess):
    # Beyond all means lies the guess for a candidate that every shadow was trained on.
    trained = np.array([[True, True, False], [guess, False, False]])
    decisions = np.broadcast_to(np.arange(5) < right, (3, 3, 5))
    assert np.isfinite(ATTACKS.make(ATTACK).score(observe(decisions, trained))).all()


def test_settings_are_those_of_lira():
    assert ATTACKS.make(ATTACK).access is Access.DECISION
    observed, _ = world(1.0, n=200)
    offline = ATTACKS.make(ATTACK, {"mode": "offline"}).score(observed)
    assert not np.allclose(offline, ATTACKS.make(ATTACK).score(observed))
    with pytest.raises(UsageError, match="mode: must be online or offline"):
        ATTACKS.make(ATTACK, {"mode": "x"})
