"""Label-only: the share of right decisions, against a loop; leaks planted where no score shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facebone.attacks.access import Access, Channel
from facebone.attacks.base import ATTACKS
from facebone.attacks.observations import Observations
from facebone.verification.metrics import auc


def decided(n=1000, versions=9, seed=0, leak=0.0):
    """Constant scores, and decisions about changed pictures that leak as told."""
    rng = np.random.default_rng(seed)
    member = rng.random(n) < 0.5
    right = rng.random((n, versions)) < (0.6 + leak * member)[:, None]
    observed = Observations.from_scores(np.full(n, 0.5), rng.random(n) < 0.5)
    return replace(observed, channels={Channel.DECISIONS: right.astype(np.float64)}), member


def test_is_the_share_of_right_decisions():
    observed, _ = decided(50)
    wanted = []
    for row in observed.channels[Channel.DECISIONS].tolist():
        right = 0
        for decision in row:
            right += decision == 1.0
        wanted.append(right / len(row))
    assert len(set(wanted)) > 4
    np.testing.assert_allclose(ATTACKS.make("label_only").score(observed), wanted, rtol=1e-12)


def test_finds_members_whose_decisions_survive_changes():
    observed, member = decided(leak=0.4)
    assert auc(ATTACKS.make("label_only").score(observed), member) > 0.95
    # Neither scores nor the pair as it is tell.
    assert auc(ATTACKS.make("loss_threshold").score(observed), member) == pytest.approx(
        0.5, abs=0.1
    )


def test_finds_nothing_where_decisions_turn_alike():
    observed, member = decided(3000)
    found = ATTACKS.make("label_only").score(observed)
    assert auc(found, member) == pytest.approx(0.5, abs=3.5 * (1 / 9000) ** 0.5)


def test_the_order_of_versions_and_candidates_does_not_matter():
    observed, _ = decided(60)
    attack, rng = ATTACKS.make("label_only"), np.random.default_rng(1)
    found, rows = attack.score(observed), rng.permutation(60)
    np.testing.assert_array_equal(attack.score(observed.take(rows)), found[rows])
    turned = observed.channels[Channel.DECISIONS][:, rng.permutation(9)]
    other = replace(observed, channels={Channel.DECISIONS: turned})
    np.testing.assert_allclose(attack.score(other), found, rtol=1e-12)


def test_of_one_version_it_is_the_gap_attack():
    observed, _ = decided(40, versions=1)
    right = observed.channels[Channel.DECISIONS][:, 0] == 1
    score = np.where(right == observed.same, 0.9, 0.1)
    shown = replace(Observations.from_scores(score, observed.same), channels=observed.channels)
    assert ATTACKS.make("label_only").access is Access.DECISION
    np.testing.assert_array_equal(
        ATTACKS.make("label_only").score(shown), ATTACKS.make("gap").score(shown)
    )
