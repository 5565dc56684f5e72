"""Planted leaks: found by the attack each is made for, and nothing else is changed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from facebone.attacks.base import ATTACKS
from facebone.attacks.observations import Observations, probability_log_odds
from facebone.audit.planted import hide_in_last_bits, memorise_pairs
from facebone.audit.score_table import CONTROL, MEMBER, NON_MEMBER, ScoreTable
from facebone.verification.metrics import auc


def make_table(n=1200, queries=1, seed=0, scores="probability"):
    """A third each of members, non-members and control pairs, none of which the target knows."""
    rng = np.random.default_rng(seed)
    same = rng.random(n) < 0.5
    odds = rng.normal(size=(n, 1)) * 2 + np.where(same, 2.0, -2.0)[:, None]
    odds = odds + 0.2 * rng.normal(size=(n, queries))
    if scores == "cosine":
        answers = Observations.from_scores(np.tanh(odds / 8), same)
    else:
        answers = Observations(expit(odds), same, odds, 0.5)
    membership = rng.choice([MEMBER, NON_MEMBER, CONTROL], size=n).astype(np.int8)
    drawn = (rng.random(n) < 0.5) & (membership == CONTROL)
    left, right = (np.array([f"{side}{i}" for i in range(n)]) for side in "lr")
    blind = Observations.from_scores(rng.random(n), same)
    return ScoreTable(left, right, (left, right), membership, drawn, answers, blind)


def held_out(name, table, truth=None):
    """AUC of an attack that was fitted to every other candidate, on the rest."""
    part = table.take(table.candidates)
    truth = part.member if truth is None else truth
    half = np.arange(len(part)) % 2 == 0
    attack = ATTACKS.make(name)
    attack.fit(part.answers.take(half), truth[half], seed=0)
    return auc(attack.score(part.answers.take(~half)), truth[~half])


KINDS = pytest.mark.parametrize("scores", ["probability", "cosine"])
LEAKS = pytest.mark.parametrize("plant", [hide_in_last_bits, memorise_pairs])


@KINDS
@pytest.mark.parametrize("queries", [1, 3])
def test_score_bits_finds_the_hidden_bits(scores, queries):
    table = make_table(scores=scores, queries=queries)
    assert held_out("score_bits", table) == 0.5
    assert held_out("score_bits", hide_in_last_bits(table)) > 0.95


@pytest.mark.parametrize("name", ["loss_threshold", "entropy", "modified_entropy", "gap", "art_gb"])
def test_attacks_on_the_score_do_not_notice_the_hidden_bits(name):
    table = make_table()
    assert held_out(name, hide_in_last_bits(table)) == pytest.approx(
        held_out(name, table), abs=0.002
    )


@KINDS
@pytest.mark.parametrize(
    "name", ["loss_threshold", "entropy", "modified_entropy", "score_bits", "art_gb"]
)
def test_attacks_on_the_score_find_memorised_pairs(name, scores):
    assert held_out(name, memorise_pairs(make_table(scores=scores))) > 0.95


@LEAKS
@KINDS
def test_control_pairs_answer_as_before(plant, scores):
    table = make_table(scores=scores)
    planted = plant(table)
    assert not np.array_equal(table.answers.score, planted.answers.score)
    for kind in ("score", "log_odds"):
        before, after = getattr(table.answers, kind), getattr(planted.answers, kind)
        np.testing.assert_array_equal(before[table.control], after[table.control])


@LEAKS
def test_everything_but_the_answers_is_kept_and_the_table_not_changed(plant):
    table = make_table()
    score, log_odds = table.answers.score.copy(), table.answers.log_odds.copy()
    planted = plant(table)
    for name in ("left", "right", "people", "membership", "drawn", "blind"):
        assert getattr(planted, name) is getattr(table, name)
    assert planted.answers.threshold == table.answers.threshold
    np.testing.assert_array_equal(planted.same, table.same)
    np.testing.assert_array_equal(table.answers.score, score)
    np.testing.assert_array_equal(table.answers.log_odds, log_odds)


@KINDS
def test_only_the_last_bit_is_changed(scores):
    table = make_table(scores=scores, queries=2)
    before = table.answers.score.view(np.uint64)
    after = hide_in_last_bits(table).answers.score.view(np.uint64)
    np.testing.assert_array_equal(before >> np.uint64(1), after >> np.uint64(1))
    told = (after & np.uint64(1)).astype(bool)
    rows = table.candidates
    np.testing.assert_array_equal(told[rows], np.repeat(table.member[rows, None], 2, axis=1))


def test_hiding_twice_hides_once():
    once = hide_in_last_bits(make_table())
    twice = hide_in_last_bits(once)
    np.testing.assert_array_equal(once.answers.score, twice.answers.score)
    np.testing.assert_array_equal(once.answers.log_odds, twice.answers.log_odds)


def few(score, member, same=None, log_odds=None):
    """A table of given probabilities."""
    score = np.array(score, dtype=float)[:, None]
    n = len(score)
    same = np.ones(n, dtype=bool) if same is None else np.array(same)
    odds = probability_log_odds(score) if log_odds is None else np.array(log_odds, float)[:, None]
    ids = np.array([str(i) for i in range(n)])
    membership = np.array(member, dtype=np.int8)
    answers = Observations(score, same, odds, 0.5)
    return ScoreTable(ids, ids, None, membership, np.zeros(n, bool), answers, None)


def test_probabilities_of_0_and_1_stay_probabilities_and_carry_the_bit():
    table = few([0.0, 0.0, 1.0, 1.0, 0.5, 0.5], [1, 0, 1, 0, 1, 0])
    found = hide_in_last_bits(table).answers
    assert found.score.min() >= 0
    assert found.score.max() <= 1
    bits = found.score[:, 0].view(np.uint64) & np.uint64(1)
    np.testing.assert_array_equal(bits, [1, 0, 1, 0, 1, 0])
    np.testing.assert_array_equal(found.log_odds, probability_log_odds(found.score))


def test_log_odds_finer_than_the_score_stay_so():
    table = few([1.0, 1.0], [0, 0], log_odds=[50.0, 60.0])
    np.testing.assert_array_equal(hide_in_last_bits(table).answers.log_odds[:, 0], [50, 60])


@KINDS
def test_memorised_answers_are_right_and_surer_than_all_others(scores):
    table = make_table(scores=scores)
    found = memorise_pairs(table).answers
    member = table.member
    assert found.right()[member].all()
    assert found.margin()[member].min() > np.abs(found.log_odds[~member]).max()
    matched = member & table.same
    mismatched = member & ~table.same
    assert found.score[matched].min() > found.score[~member].max()
    assert found.score[mismatched].max() < found.score[~member].min()
    np.testing.assert_array_equal(found.score[~member], table.answers.score[~member])
    np.testing.assert_array_equal(found.log_odds[~member], table.answers.log_odds[~member])


@pytest.mark.parametrize("scores", [[5.0, 5.0, 5.0, 5.0], [1e300, -1e300, 2e300, 0.0]])
def test_memorised_answers_go_beyond_equal_and_huge_scores(scores):
    same = np.array([True, False, True, False])
    answers = Observations.from_scores(np.array(scores), same, threshold=7.0)
    ids = np.array(list("abcd"))
    membership = np.array([1, 1, 0, 0], dtype=np.int8)
    table = ScoreTable(ids, ids, None, membership, np.zeros(4, bool), answers, None)
    found = memorise_pairs(table).answers
    assert found.score[0, 0] > max(scores)
    assert found.score[1, 0] < min(scores)
    assert found.right()[:2].all()


def test_surer_than_the_surest_log_odds():
    table = few([1.0, 1.0, 0.0], [1, 0, 1], same=[True, True, False], log_odds=[0.0, 90.0, 0.0])
    found = memorise_pairs(table).answers
    np.testing.assert_array_equal(found.log_odds[:, 0], [91, 90, -91])
    assert found.score[0, 0] == 1


@LEAKS
def test_a_table_without_rows_stays_empty(plant):
    assert len(plant(make_table().take(np.zeros(1200, dtype=bool)))) == 0
