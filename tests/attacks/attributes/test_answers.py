"""Asking within a budget, and going on where a run stopped."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.attacks.attributes import answers as module
from facebone.attacks.attributes.answers import Budget, ask_grid
from facebone.attacks.attributes.asked import ask_about, order_gallery
from facebone.errors import LeakageError, StorageError, UsageError

PICTURES, BESIDE = np.arange(10, 17), np.array([3, 1, 4, 5, 9])


class Counting:
    """A verifier that says which pair it was asked about, and counts."""

    def __init__(self, fail_after=None):
        self.asked = []
        self.fail_after = fail_after

    def __call__(self, left, right):
        if self.fail_after is not None and len(self.asked) >= self.fail_after:
            raise KeyboardInterrupt
        self.asked += list(zip(left.tolist(), right.tolist(), strict=True))
        return (100 * left + right).astype(np.float32)


def expected(columns=5):
    return np.array([[100.0 * a + b for b in BESIDE[:columns]] for a in PICTURES])


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(module, "AT_ONCE", len(PICTURES))


def test_every_pair_is_asked_once():
    oracle = Counting()
    found = ask_grid(oracle, PICTURES, BESIDE)
    np.testing.assert_array_equal(found.scores, expected())
    assert len(oracle.asked) == len(set(oracle.asked)) == 35 == found.queries
    assert (found.wanted, found.stopped) == (5, "")


@pytest.mark.parametrize(("queries", "columns"), [(7, 1), (20, 2), (21, 3), (35, 5), (99, 5)])
def test_a_budget_of_queries_is_never_exceeded(queries, columns):
    oracle = Counting()
    found = ask_grid(oracle, PICTURES, BESIDE, budget=Budget(queries=queries))
    np.testing.assert_array_equal(found.scores, expected(columns))
    assert len(oracle.asked) == 7 * columns <= queries
    assert found.stopped == ("queries" if columns < 5 else "")


def test_a_budget_that_allows_nothing_is_refused():
    with pytest.raises(UsageError, match="queries: 6 are too few to ask once about each of 7"):
        ask_grid(Counting(), PICTURES, BESIDE, budget=Budget(queries=6))


@pytest.mark.usefixtures("small_blocks")
def test_a_budget_of_time_stops_after_the_block_that_exceeds_it():
    ticks = iter([0.0, 1.0, 2.0, 3.0])
    found = ask_grid(
        Counting(), PICTURES, BESIDE, budget=Budget(seconds=1.5), clock=lambda: next(ticks)
    )
    np.testing.assert_array_equal(found.scores, expected(2))
    assert found.stopped == "seconds"


@pytest.mark.usefixtures("small_blocks")
def test_an_interrupted_run_goes_on(tmp_path):
    keep = tmp_path / "answers.npz"
    with pytest.raises(KeyboardInterrupt):
        ask_grid(Counting(fail_after=14), PICTURES, BESIDE, keep=keep)
    oracle = Counting()
    found = ask_grid(oracle, PICTURES, BESIDE, keep=keep)
    np.testing.assert_array_equal(found.scores, expected())
    assert len(oracle.asked) == 21
    assert ask_grid(Counting(fail_after=0), PICTURES, BESIDE, keep=keep).stopped == ""


def test_earlier_questions_count_towards_the_budget(tmp_path):
    keep, oracle = tmp_path / "answers.npz", Counting()
    ask_grid(oracle, PICTURES, BESIDE, keep=keep, budget=Budget(queries=14))
    found = ask_grid(oracle, PICTURES, BESIDE, keep=keep, budget=Budget(queries=28))
    assert len(oracle.asked) == found.queries == 28
    fewer = ask_grid(oracle, PICTURES, BESIDE, keep=keep, budget=Budget(queries=14))
    np.testing.assert_array_equal(fewer.scores, expected(2))
    assert len(oracle.asked) == 28


def test_answers_to_other_questions_are_refused(tmp_path):
    keep = tmp_path / "answers.npz"
    ask_grid(Counting(), PICTURES, BESIDE, keep=keep)
    for pictures, beside, about in (
        (PICTURES[::-1], BESIDE, ""),
        (PICTURES, BESIDE[:4], ""),
        (PICTURES, BESIDE, "another verifier"),
    ):
        with pytest.raises(StorageError, match=r"answers\.npz: holds answers to other questions"):
            ask_grid(Counting(), pictures, beside, keep=keep, about=about)


@pytest.mark.parametrize("content", [b"", b"rubbish", b"PK\x03\x04 cut short"])
def test_a_damaged_file_is_refused(tmp_path, content):
    keep = tmp_path / "answers.npz"
    keep.write_bytes(content)
    with pytest.raises(StorageError, match="holds no answers that can be read"):
        ask_grid(Counting(), PICTURES, BESIDE, keep=keep)


@pytest.mark.parametrize("wrong", [lambda a, _: a[:1] * 1.0, lambda a, _: a * np.nan])
def test_answers_that_are_none_are_a_defect_of_the_verifier(wrong):
    with pytest.raises(RuntimeError, match="the verifier gave"):
        ask_grid(wrong, PICTURES, BESIDE)


@pytest.mark.parametrize("settings", [{"queries": 0}, {"queries": 1.5}, {"seconds": 0}])
def test_a_budget_out_of_range_is_refused(settings):
    with pytest.raises(UsageError, match=next(iter(settings))):
        Budget(**settings)


def test_both_groups_are_asked_beside_the_same_within_one_budget():
    person = np.arange(20) // 2
    asked = ask_about(
        Counting(),
        person,
        known=np.arange(4),
        seen=np.arange(4, 10),
        gallery=np.arange(10, 20),
        budget=Budget(queries=30),
    )
    np.testing.assert_array_equal(asked.gallery, [10, 11, 12])
    assert asked.known.scores.shape == (4, 3)
    assert asked.seen.scores[2, 1] == 100 * 6 + 11
    np.testing.assert_array_equal(asked.seen.person, person[4:10])
    assert asked.seen.templates is None


@pytest.mark.parametrize("group", ["known", "seen", "gallery"])
def test_a_person_in_two_groups_is_refused(group):
    rows = {"known": np.arange(2), "seen": np.arange(2, 4), "gallery": np.arange(4, 6)}
    rows[group] = np.array([*rows[group], 1 if group != "known" else 3])
    with pytest.raises(LeakageError, match="is also among the"):
        ask_about(Counting(), np.arange(6) // 2, **rows)


def test_every_person_of_a_gallery_comes_once_before_any_comes_twice():
    person = np.repeat(np.arange(30), [1, 2, 3] * 10)
    pictures = np.flatnonzero(person >= 3)
    found = order_gallery(person, pictures, seed=0)
    assert sorted(found) == sorted(pictures)
    assert len(set(person[found[:27]])) == 27
    assert len(set(person[found[27:45]])) == 18
    assert not np.array_equal(found, order_gallery(person, pictures, seed=1))
