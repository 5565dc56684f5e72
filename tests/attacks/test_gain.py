"""What answers gained over the public backbones: lines by another way, and what they uncover."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from facebone.attacks.access import Channel
from facebone.attacks.base import ATTACKS
from facebone.attacks.gain import gain, gained
from facebone.attacks.observations import Observations
from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.verification.metrics import auc


def answers(n=600, seed=0, shadows=3):
    """Easy faces are answered well by everybody, a member's a little better than it would be."""
    rng = np.random.default_rng(seed)
    same, member = np.arange(n) % 2 == 0, rng.random(n) < 0.5
    sign = np.where(same, 1.0, -1.0)
    easy = rng.normal(size=n)
    trained = np.vstack([member, rng.random((shadows, n)) < 0.5])
    slopes = np.array([4.0, 3.0, 7.0, 5.0])[: shadows + 1, None]
    margins = slopes * easy + 2 + trained + 0.2 * rng.normal(size=(shadows + 1, n))
    public = (0.1 * sign * easy + 0.3)[:, None]
    odds = (margins[0] * sign)[:, None]
    return (
        Observations(
            expit(odds),
            same,
            odds,
            0.5,
            ShadowAnswers(
                (margins[1:] * sign).astype(np.float32),
                trained[1:],
                {Channel.UNADAPTED: np.stack([public] * shadows).astype(np.float32)},
            ),
            {Channel.UNADAPTED: public},
        ),
        member,
    )


def test_what_is_left_of_answers_once_the_easy_ones_are_told():
    observed, member = answers()
    attack = ATTACKS.make("loss_threshold")
    assert auc(attack.score(observed), member) < 0.65
    found = gained(observed)
    assert auc(attack.score(found), member) > 0.95
    # Each shadow by a line of its own: after that the slopes of all are forgotten.
    for margins, trained in zip(
        found.shadows.margins(observed.same), found.shadows.trained, strict=True
    ):
        assert auc(margins, trained) > 0.95
        assert margins.std() == pytest.approx(found.margin().std(), rel=0.1)
    np.testing.assert_allclose(found.score, expit(found.log_odds))


def test_the_line_is_that_of_least_squares_of_each_kind():
    """An oracle: the normal equations, written out."""
    observed, _ = answers(n=40)
    odds, public = observed.log_odds[:, 0], observed.channels[Channel.UNADAPTED][:, 0]
    found = gain(odds, public, observed.same)
    for kind in (observed.same, ~observed.same):
        design = np.column_stack([public[kind], np.ones(kind.sum())])
        line = np.linalg.solve(design.T @ design, design.T @ odds[kind])
        np.testing.assert_allclose(found[kind], odds[kind] - design @ line, atol=1e-9)
        assert found[kind].mean() == pytest.approx(0, abs=1e-9)
        assert found[kind] @ public[kind] == pytest.approx(0, abs=1e-9)


def test_no_scale_and_no_order_of_what_is_public_matters():
    observed, _ = answers(n=60)
    odds, public = observed.log_odds[:, 0], observed.channels[Channel.UNADAPTED][:, 0]
    found = gain(odds, public, observed.same)
    np.testing.assert_allclose(gain(odds, 3 - 20 * public, observed.same), found, atol=1e-9)
    # A whole line more, as another threshold would give, is taken away again.
    np.testing.assert_allclose(gain(odds + 5 * public - 1, public, observed.same), found, atol=1e-9)
    order = np.random.default_rng(1).permutation(60)
    mixed = gain(odds[order], public[order], observed.same[order])
    np.testing.assert_allclose(mixed, found[order], atol=1e-9)


def test_who_says_no_more_than_the_backbones_gained_nothing():
    observed, _ = answers(n=80)
    public = observed.channels[Channel.UNADAPTED].astype(np.float32)
    odds = 8.1 * public.astype(np.float64) - 2.3
    told = replace(observed, log_odds=odds, score=expit(odds), shadows=None)
    # Rounding alone would rank them.
    assert (gained(told).log_odds == 0).all()
    assert (gained(told).score == 0.5).all()


def test_faces_that_are_all_alike_or_of_one_kind():
    odds, same = np.array([1.0, 2.0, 6.0]), np.array([True, True, True])
    np.testing.assert_allclose(gain(odds, np.full(3, 0.2), same), [-2, -1, 3])
    np.testing.assert_allclose(gain(odds[:1], np.array([0.2]), same[:1]), [0])
    assert gain(odds[:0], odds[:0], same[:0]).shape == (0,)
