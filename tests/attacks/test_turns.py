"""A shadow in the target's place: its own answers, the others beside it, and whom it knows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from facebone.attacks.access import Channel
from facebone.attacks.observations import Observations
from facebone.attacks.probe_answers import ProbeAnswers
from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.attacks.turns import in_place_of_target
from facebone.errors import UsageError


def observe(n=7, shadows=4, queries=2, probes=True, seed=0):
    rng = np.random.default_rng(seed)
    odds = rng.normal(size=(n, queries)) * 3
    candidate = np.repeat(np.arange(n), 2)
    asked = rng.normal(size=(shadows, 2 * n)).astype(np.float32)
    about = ProbeAnswers(candidate, rng.normal(size=2 * n), rng.random(2 * n) < 0.5, asked, n)
    return Observations(
        expit(odds) * 5,
        rng.random(n) < 0.5,
        odds,
        2.0,
        ShadowAnswers(
            3 * rng.normal(size=(shadows, n)).astype(np.float32),
            rng.random((shadows, n)) < 0.5,
            {Channel.INSIDE: rng.normal(size=(shadows, n, 3)).astype(np.float32)},
        ),
        {Channel.INSIDE: rng.normal(size=(n, 3)), Channel.DECISIONS: np.ones((n, 1))},
        about if probes else None,
    )


@pytest.mark.parametrize("number", [0, 2, 3])
def test_the_shadow_is_seen_as_the_target_was(number):
    observed = observe()
    played, member = in_place_of_target(observed, number)
    shadows = observed.shadows
    for i in range(7):
        odds = float(shadows.log_odds[number, i])
        assert played.log_odds[i].tolist() == [odds]
        assert played.score[i, 0] == pytest.approx(float(expit(odds)))
        # As probabilities the threshold is a half, whatever the target's was.
        assert played.right()[i] == ((odds >= 0) == observed.same[i])
    assert played.log_odds.dtype == np.float64
    np.testing.assert_array_equal(member, shadows.trained[number])
    np.testing.assert_array_equal(played.same, observed.same)


@pytest.mark.parametrize("number", [0, 2, 3])
def test_the_others_stand_beside_it(number):
    observed = observe()
    played, _ = in_place_of_target(observed, number)
    rest = [s for s in range(4) if s != number]
    np.testing.assert_array_equal(played.shadows.log_odds, observed.shadows.log_odds[rest])
    np.testing.assert_array_equal(played.shadows.trained, observed.shadows.trained[rest])
    inside = observed.shadows.channels[Channel.INSIDE]
    np.testing.assert_array_equal(played.shadows.channels[Channel.INSIDE], inside[rest])
    np.testing.assert_array_equal(played.channels[Channel.INSIDE], inside[number])
    assert played.channels[Channel.INSIDE].dtype == np.float64
    np.testing.assert_array_equal(played.probes.margin, observed.probes.margins[number])
    np.testing.assert_array_equal(played.probes.margins, observed.probes.margins[rest])


def test_what_shadows_do_not_show_is_not_seen_of_it():
    played, _ = in_place_of_target(observe(probes=False), 1)
    assert set(played.channels) == {Channel.INSIDE}
    assert played.probes is None


def test_the_target_itself_is_not_looked_at():
    first = observe(seed=0)
    other = Observations(
        first.score[::-1] / 2, first.same, -first.log_odds, 0.1, first.shadows, {}, first.probes
    )
    (a, _), (b, _) = in_place_of_target(first, 2), in_place_of_target(other, 2)
    np.testing.assert_array_equal(a.score, b.score)
    np.testing.assert_array_equal(a.probes.margin, b.probes.margin)
    assert a.threshold == b.threshold


def test_without_shadows_nobody_takes_the_place():
    observed = observe()
    alone = Observations(observed.score, observed.same, observed.log_odds, 0.5)
    with pytest.raises(UsageError, match="needs shadow verifiers, and none were trained"):
        in_place_of_target(alone, 0)
