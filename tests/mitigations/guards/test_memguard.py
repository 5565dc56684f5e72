"""MemGuard by hand: where scores go, how often, and what the defender's attack then tells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from facebone.errors import UsageError
from facebone.mitigations.guards.aside import keep_aside, keep_people_aside
from facebone.mitigations.guards.membership import Membership, features
from facebone.mitigations.guards.memguard import MemGuardGuard, MemGuardSettings
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads.base import sigmoid
from facebone.verification.metrics import auc


def crossing_at(place):
    """Membership whose log odds are a line in the size of the log odds, 0 at the place."""
    return Membership(
        np.array([0.0, 1.0]), np.array([-place]), np.zeros(2), np.ones(2),
        np.array([10.0]),
    )  # fmt: skip


def guard_of(membership, budget=0.5):
    guard = MemGuardGuard(MemGuardSettings(budget=budget))
    guard._membership = membership
    guard._key, guard._centre = bytes(32), np.zeros(16)
    guard._open()
    return guard


def asked(count, seed=0):
    rows = np.random.default_rng(seed).normal(size=(2, count, 16)).astype(np.float32)
    return EmbeddedPairs((rows[0],), (rows[1],))


def test_features_by_hand():
    for score in (0.2, 0.5, 0.93):
        log_odds = np.log(score / (1 - score))
        expected = [score, abs(log_odds)]
        np.testing.assert_allclose(features(np.array([log_odds]))[0], expected, atol=1e-12)
    assert np.isfinite(features(np.array([-900.0, 900.0]))).all()


def test_the_attack_is_logistic_regression_of_membership():
    rng = np.random.default_rng(0)
    trained, aside = rng.normal(0, 6, 500), rng.normal(0, 3, 150)
    made = Membership.fit(trained, aside)
    rows = features(np.append(trained, aside))
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    weight = np.repeat([650 / 1000, 650 / 300], [500, 150])
    member = np.arange(650) < 500
    other = LogisticRegression(max_iter=5000, tol=1e-10).fit(rows, member, sample_weight=weight)
    told = made.log_odds(np.append(trained, aside))
    np.testing.assert_allclose(told, other.decision_function(rows), atol=1e-3)
    assert auc(told, member) > 0.65


def test_answers_that_tell_nothing():
    made = crossing_at(3.0)
    np.testing.assert_allclose(made.untold(1), [3.0], rtol=1e-12)
    np.testing.assert_allclose(made.untold(-1), [-3.0], rtol=1e-12)
    rng = np.random.default_rng(1)
    fitted = Membership.fit(rng.normal(0, 6, 500), rng.normal(0, 3, 200))
    for side in (1, -1):
        places = fitted.untold(side)
        assert (np.sign(places) == side).all()
        np.testing.assert_allclose(fitted.log_odds(places), 0, atol=1e-9)
    # Nowhere on the grid is it at a loss: where it tells least it is nearest to that.
    np.testing.assert_allclose(crossing_at(20.0).untold(1), [10.0])
    np.testing.assert_allclose(crossing_at(-5.0).untold(-1), [-10 / 4096])


def test_where_answers_go_by_hand():
    """All of the budget: 9 tells more than 3 does, and so does 1; each goes there on its side."""
    guard = guard_of(crossing_at(3.0))
    odds = np.array([9.0, 1.0, -9.0, -0.5, 0.0])
    np.testing.assert_allclose(guard.show(odds, asked(5)), [3, 3, -3, -3, 3], rtol=1e-9)


def test_the_nearest_of_several_is_taken():
    guard = guard_of(crossing_at(3.0))
    guard._untold[1] = np.array([0.5, 3.0])
    scores = sigmoid(np.array([0.5, 3.0]))
    middle = scores.mean()
    for score, expected in ((middle - 0.01, 0.5), (middle + 0.01, 3.0), (0.999, 3.0), (0.5, 0.5)):
        found = guard.nearest(np.array([np.log(score / (1 - score))]))
        assert found == [expected]


@pytest.mark.parametrize("budget", [0.01, 0.05, 0.2])
def test_scores_move_by_the_budget_on_average_at_most(budget):
    guard = guard_of(crossing_at(3.0), budget=budget)
    for log_odds in (0.3, -0.3, -9.0):
        odds = np.full(4000, log_odds)
        shown = guard.show(odds, asked(4000))
        change = np.abs(sigmoid(shown) - sigmoid(odds))
        farthest = abs(sigmoid(np.array([3.0])) - sigmoid(np.array([abs(log_odds)])))[0]
        assert change.mean() == pytest.approx(min(budget, farthest), rel=0.1)
        assert set(np.unique(shown).round(9)) <= {log_odds, np.copysign(3.0, log_odds)}


def test_what_would_tell_more_is_not_shown():
    guard = guard_of(crossing_at(20.0))
    # At 10 it tells as much as the line is high there; beyond the grid, 15 tells less.
    assert guard.show(np.array([15.0]), asked(1)) == [15.0]
    assert guard.show(np.array([5.0]), asked(1)) == [10.0]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-700, 700), min_size=1, max_size=30), st.integers(0, 2**31))
def test_decisions_stay(odds, seed):
    rng = np.random.default_rng(seed)
    guard = guard_of(Membership.fit(rng.normal(0, 6, 60), rng.normal(0, 3, 60)), budget=0.1)
    assert guard.keeps_decisions
    given_odds = np.array(odds)
    shown = guard.show(given_odds, asked(len(odds), seed=1))
    assert np.isfinite(shown).all()
    np.testing.assert_array_equal(shown >= 0, given_odds >= 0)


def test_the_defenders_attack_is_at_a_loss(toy, protect):
    """An MLP learns its pairs by heart; shown scores tell its own attack nothing any more."""
    by_heart = {"layers": [64], "batch_norm": [], "epochs": 60, "learning_rate": 1e-2}
    head = protect("memguard:budget=0.5,share=0.4", "mlp", by_heart)
    pairs, same = toy(noise=1.2)
    report = head.fit(pairs, same, seed=3)
    kept, aside = head._split(same, 3)
    assert (report.pairs, report.held_out) == (180, 120)
    told, hidden = (
        auc(np.abs(odds), np.isin(np.arange(300), kept))
        for odds in (head._inner.logit(pairs), head.logit(pairs))
    )
    assert told > 0.7
    assert abs(hidden - 0.5) < 0.05
    assert len(aside) == 120


def test_it_learns_from_what_it_was_given(toy, protect):
    head = protect("memguard")
    pairs, same = toy()
    head.fit(pairs, same, seed=3)
    kept, aside = head._split(same, 3)
    plain = protect("none")
    plain.fit(pairs.take(kept), same[kept], seed=3)
    expected = Membership.fit(plain.logit(pairs.take(kept)), plain.logit(pairs.take(aside)))
    np.testing.assert_array_equal(head.guards[0]._membership.weights, expected.weights)
    np.testing.assert_array_equal(head.guards[0]._membership.offset, expected.offset)


def test_pairs_aside_are_as_large_a_share_of_both_kinds():
    same = np.arange(100) < 30
    kept, aside = keep_aside(same, 0.2, seed=1, where="test")
    assert (same[aside].sum(), (~same[aside]).sum()) == (6, 14)
    np.testing.assert_array_equal(np.sort(np.append(kept, aside)), np.arange(100))
    other = keep_aside(same, 0.2, seed=2, where="test")[1]
    assert set(other) != set(aside)
    everything, nothing = keep_aside(same, 0.0, seed=1, where="test")
    assert (len(everything), len(nothing)) == (100, 0)
    with pytest.raises(UsageError, match=r"test: 3 pairs are too few to keep a share of 0\.2"):
        keep_aside(np.arange(100) < 3, 0.2, seed=1, where="test")


def test_people_aside_stand_on_one_side():
    person = np.concatenate([np.repeat(np.arange(20), 3), np.arange(20, 60)])
    kept, aside = keep_people_aside(person, 0.2, seed=1, where="test")
    assert not set(person[kept]) & set(person[aside])
    counts = np.unique(person[aside], return_counts=True)[1]
    assert sorted(counts) == [1] * 8 + [3] * 4
    np.testing.assert_array_equal(np.sort(np.append(kept, aside)), np.arange(100))
    with pytest.raises(UsageError, match="3 people with two pictures are too few"):
        keep_people_aside(np.repeat(np.arange(3), 2), 0.2, seed=1, where="test")


def test_settings_out_of_range():
    for name, value in (("budget", 0), ("share", 0), ("share", 1)):
        with pytest.raises(UsageError, match=f"{name}: must be a number"):
            MemGuardSettings(**{name: value})
