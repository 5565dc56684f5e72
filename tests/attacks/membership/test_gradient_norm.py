"""The gradient norm attack: minus one column, and a flat loss found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facebone.attacks.access import Access, Channel
from facebone.attacks.base import ATTACKS
from facebone.attacks.observations import Observations
from facebone.verification.metrics import auc


def observe(n=1000, leak=0.0, seed=0):
    rng = np.random.default_rng(seed)
    member, inside = rng.random(n) < 0.5, rng.normal(size=(n, 6))
    inside[:, 1] -= leak * member
    observed = Observations.from_scores(rng.random(n), rng.random(n) < 0.5)
    return replace(observed, channels={Channel.INSIDE: inside}), member


def test_is_minus_the_log_length_of_the_whole_gradient():
    inside = np.array([[0.3, np.log(5.0), 7.0], [0.1, np.log(0.2), 9.0]])
    observed = Observations.from_scores(np.array([0.4, 0.4]), np.array([True, False]))
    found = ATTACKS.make("gradient_norm").score(
        replace(observed, channels={Channel.INSIDE: inside})
    )
    np.testing.assert_allclose(np.exp(-found), [5.0, 0.2])
    assert ATTACKS.make("gradient_norm").access is Access.WEIGHTS


def test_finds_members_where_the_loss_is_flat_and_scores_say_nothing():
    observed, member = observe(leak=3.0)
    assert auc(ATTACKS.make("gradient_norm").score(observed), member) > 0.95
    assert auc(ATTACKS.make("loss_threshold").score(observed), member) == pytest.approx(
        0.5, abs=0.1
    )


def test_finds_nothing_where_gradients_are_alike():
    observed, member = observe(3000)
    found = ATTACKS.make("gradient_norm").score(observed)
    assert auc(found, member) == pytest.approx(0.5, abs=3.5 * (1 / 9000) ** 0.5)


def test_other_columns_and_the_order_of_candidates_do_not_matter():
    observed, _ = observe(50)
    attack, rows = ATTACKS.make("gradient_norm"), np.random.default_rng(1).permutation(50)
    found = attack.score(observed)
    np.testing.assert_array_equal(attack.score(observed.take(rows)), found[rows])
    turned = observed.channels[Channel.INSIDE][:, [5, 1, 4, 0, 3, 2]]
    other = replace(observed, channels={Channel.INSIDE: turned})
    np.testing.assert_array_equal(attack.score(other), found)
