"""The oracle: what it shows, what it counts, when it stops, what it keeps."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.attacks.access import Access
from facebone.attacks.extraction.answers import AnswerFile
from facebone.attacks.extraction.oracle import ASKED_AT_ONCE, BudgetError, Oracle
from facebone.errors import UsageError


def oracle(world, **changes):
    given = {
        "pictures": len(world.people),
        "access": Access.SCORE,
        "threshold": 2.0,
        "queries": 1000,
    }
    return Oracle(world.victim, **given | changes)


def test_scores_are_shown_about_the_threshold(world):
    left, right, _ = world.pairs(50)
    found = oracle(world).ask(left, right, see=Access.SCORE)
    np.testing.assert_array_equal(found.margin, world.victim(left, right) - 2.0)


def test_decisions_are_all_that_decision_access_shows(world):
    left, right, _ = world.pairs(50)
    for shown in (oracle(world), oracle(world, access=Access.DECISION)):
        found = shown.ask(left, right, see=Access.DECISION)
        expected = np.where(world.victim(left, right) >= 2.0, np.inf, -np.inf)
        np.testing.assert_array_equal(found.margin, expected)


def test_more_than_the_access_shows_is_refused(world):
    left, right, _ = world.pairs(50)
    shown = oracle(world, access=Access.DECISION)
    with pytest.raises(UsageError, match=r"score access is needed, .* shows decision alone"):
        shown.ask(left, right, see=Access.SCORE)
    assert world.asked == shown.asked == 0


def test_a_question_is_asked_once_and_its_order_matters(world):
    shown = oracle(world)
    left, right = np.array([0, 1, 0, 0]), np.array([1, 0, 1, 2])
    first = shown.ask(left, right, see=Access.SCORE)
    assert world.asked == shown.asked == 3
    again = shown.ask(left[::-1], right[::-1], see=Access.SCORE)
    assert world.asked == 3
    np.testing.assert_array_equal(again.margin, first.margin[::-1])


def test_it_stops_at_its_budget_and_keeps_what_was_answered(world):
    shown = oracle(world, queries=30)
    left, right = np.arange(50), np.arange(50) + 50
    with pytest.raises(BudgetError, match="30 questions are used up, 20 more") as caught:
        shown.ask(left, right, see=Access.SCORE)
    assert caught.value.budget == "queries"
    assert (world.asked, shown.asked, shown.left_over) == (30, 30, 0)
    assert len(shown.ask(left[:30], right[:30], see=Access.SCORE)) == 30
    with pytest.raises(BudgetError):
        shown.ask(left[30:31], right[30:31], see=Access.SCORE)
    assert world.asked == 30


def test_it_stops_at_its_time_between_two_blocks(world):
    seconds = iter([0.0, 1.0, 9.0, 10.0, 10.0])
    shown = oracle(world, queries=50_000, seconds=10, clock=lambda: next(seconds))
    left, right = np.divmod(np.arange(3 * ASKED_AT_ONCE), len(world.people))
    with pytest.raises(BudgetError, match="10 seconds are used up after 8192") as caught:
        shown.ask(left, right, see=Access.SCORE)
    assert caught.value.budget == "seconds"
    assert world.asked == 2 * ASKED_AT_ONCE


def test_an_interrupted_run_goes_on_without_asking_again(world, tmp_path):
    kept = AnswerFile(tmp_path / "answers.npz", identity="the victim")
    left, right, _ = world.pairs(200)
    different = len(set(zip(left.tolist(), right.tolist(), strict=True)))
    first = oracle(world, kept=kept).ask(left[:120], right[:120], see=Access.SCORE)
    before = world.asked
    shown = oracle(world, kept=kept)
    assert shown.asked == before
    found = shown.ask(left, right, see=Access.SCORE)
    assert world.asked == different
    np.testing.assert_array_equal(found.margin[:120], first.margin)
    np.testing.assert_array_equal(found.margin, world.victim(left, right) - 2.0)


def test_answers_of_a_larger_budget_are_not_silently_used(world, tmp_path):
    kept = AnswerFile(tmp_path / "answers.npz", identity="the victim")
    oracle(world, kept=kept).ask(np.arange(50), np.arange(50) + 50, see=Access.SCORE)
    with pytest.raises(UsageError, match="more than the budget of 20"):
        oracle(world, kept=kept, queries=20)


def test_a_file_of_decisions_holds_no_scores(world, tmp_path):
    kept = AnswerFile(tmp_path / "answers.npz", identity="the victim")
    left, right, _ = world.pairs(50)
    oracle(world, kept=kept, access=Access.DECISION).ask(left, right, see=Access.DECISION)
    assert set(np.unique(kept.load().margin)) == {-np.inf, np.inf}


def test_shuffled_answers_are_the_same_ones_dealt_out_anew(world):
    shown, (left, right, _) = oracle(world), world.pairs(100)
    rows = np.unique(left * 1000 + right, return_index=True)[1]
    left, right = left[rows], right[rows]
    true = shown.ask(left, right, see=Access.SCORE).margin
    dealt = shown.shuffled(seed=1).ask(left, right, see=Access.SCORE).margin
    np.testing.assert_array_equal(np.sort(dealt), np.sort(true))
    assert abs(np.corrcoef(dealt, true)[0, 1]) < 0.4
    other = shown.shuffled(seed=2).ask(left, right, see=Access.SCORE).margin
    assert (dealt != other).any()
    assert shown.asked == len(left)


@pytest.mark.parametrize("access", [Access.EMBEDDING, Access.WEIGHTS])
def test_more_access_than_scores_needs_no_oracle(world, access):
    with pytest.raises(UsageError, match=f"shows decision or score, not {access}"):
        oracle(world, access=access)


@pytest.mark.parametrize(
    "change", [{"queries": 0}, {"seconds": -1.0}, {"threshold": np.nan}, {"pictures": 1}]
)
def test_budgets_and_thresholds_that_are_none_are_refused(world, change):
    with pytest.raises(UsageError, match=next(iter(change))):
        oracle(world, **change)


@pytest.mark.parametrize("left", [np.array([-1]), np.array([360])])
def test_pictures_that_are_not_there_are_refused(world, left):
    with pytest.raises(UsageError, match="counted from 0 to 359"):
        oracle(world).ask(left, np.array([0]), see=Access.SCORE)


@pytest.mark.parametrize("answer", [np.nan, None])
def test_a_victim_that_answers_nonsense_is_said(world, answer):
    def broken(left, right):
        return np.zeros(len(left) + 1) if answer is None else np.full(len(left), answer)

    world.victim = broken
    with pytest.raises(UsageError, match="a victim must give 1 numbers"):
        oracle(world).ask(np.array([0]), np.array([1]), see=Access.SCORE)
