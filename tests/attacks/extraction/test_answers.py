"""Answers as columns: chances, orders, and the file that keeps them."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.attacks.extraction.answers import AnswerFile, Answers
from facebone.errors import StorageError, UsageError


def some(n=40, seed=0, margin=None):
    rng = np.random.default_rng(seed)
    left = np.arange(n, dtype=np.intp)
    right = left + n
    return Answers(left, right, rng.normal(size=n) * 5 if margin is None else margin)


def turned(noise, n=30, decisions=False):
    """Answers of which each pair was asked in both orders."""
    first = some(n)
    rng = np.random.default_rng(1)
    second = first.margin + noise * rng.normal(size=n)
    margin = np.concatenate([first.margin, second])
    if decisions:
        margin = np.where(margin >= 0, np.inf, -np.inf)
    return Answers(
        np.concatenate([first.left, first.right]), np.concatenate([first.right, first.left]), margin
    )


@pytest.mark.parametrize("decisions", [False, True])
def test_a_victim_that_minds_the_order_is_told_from_one_that_does_not(decisions):
    assert turned(0.0, decisions=decisions).symmetric()
    assert not turned(5.0, decisions=decisions).symmetric()


def test_without_pairs_in_both_orders_a_victim_is_taken_for_symmetric():
    assert some().symmetric()
    assert some().take(np.arange(0)).symmetric()
    few = turned(5.0).take(np.array([0, 30, 1, 31]))
    assert few.symmetric()


def test_the_order_of_answers_does_not_change_what_is_told():
    answers = turned(5.0)
    order = np.random.default_rng(3).permutation(len(answers))
    assert answers.take(order).symmetric() == answers.symmetric()


def test_both_orders_are_twice_the_answers():
    both = some(3).both_orders()
    np.testing.assert_array_equal(both.left[3:], both.right[:3])
    np.testing.assert_array_equal(both.right[3:], both.left[:3])
    np.testing.assert_array_equal(both.margin[3:], both.margin[:3])


def test_a_file_gives_back_what_it_was_given(tmp_path):
    kept, answers = AnswerFile(tmp_path / "deep" / "answers.npz", identity="a"), some()
    assert kept.load() is None
    kept.save(answers)
    found = kept.load()
    for name in ("left", "right", "margin"):
        np.testing.assert_array_equal(getattr(found, name), getattr(answers, name))
    assert [path.name for path in kept.path.parent.iterdir()] == ["answers.npz"]


def test_a_file_of_another_victim_is_refused(tmp_path):
    AnswerFile(tmp_path / "answers.npz", identity="mlp").save(some())
    with pytest.raises(UsageError, match="holds answers of 'mlp', not of 'logistic'"):
        AnswerFile(tmp_path / "answers.npz", identity="logistic").load()


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 half an archive"])
def test_a_file_that_cannot_be_read_is_said(tmp_path, content):
    path = tmp_path / "answers.npz"
    path.write_bytes(content)
    with pytest.raises(StorageError, match="holds no answers that can be read"):
        AnswerFile(path, identity="a").load()


@pytest.mark.parametrize("change", [{"margin": np.array([np.nan])}, {"left": np.arange(2)}])
def test_a_file_whose_columns_do_not_fit_is_said(tmp_path, change):
    columns = {
        "left": np.arange(1),
        "right": np.arange(1, 2),
        "margin": np.ones(1),
        "identity": np.array("a"),
    }
    np.savez(tmp_path / "answers.npz", **columns | change)
    with pytest.raises(StorageError, match="columns do not fit"):
        AnswerFile(tmp_path / "answers.npz", identity="a").load()
