"""Schedules: against loops written out, and what they must not depend on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facebone.mitigations.multi_backbone.assignment import ASSIGNMENTS, assign


@given(st.integers(1, 200), st.integers(2, 5), st.integers(1, 70))
def test_batch_is_the_prototypes_loop(count, backbones, block):
    wanted = []
    turn = 0
    for start in range(0, count, block):
        wanted += [turn] * len(range(start, min(start + block, count)))
        turn = (turn + 1) % backbones
    schedule = assign("batch", count, backbones, epochs=30, block=block, seed=0)
    assert schedule.tolist() == [wanted]


def test_epoch_rotates_and_shows_one_backbone_at_a_time():
    schedule = assign("epoch", 5, 3, epochs=30, block=64, seed=0)
    assert schedule.tolist() == [[0] * 5, [1] * 5, [2] * 5]


def test_pair_draws_evenly_and_anew_in_each_epoch():
    schedule = assign("pair", 6000, 3, epochs=4, block=64, seed=7)
    assert schedule.shape == (4, 6000)
    for row in schedule:
        # Three sigma of a share of a third of 6,000.
        np.testing.assert_allclose(np.bincount(row) / 6000, 1 / 3, atol=0.019)
    # Two epochs agree by chance alone: a third of the pairs.
    assert (schedule[0] == schedule[1]).mean() == pytest.approx(1 / 3, abs=0.02)
    # Neighbours are independent too.
    assert (schedule[0, 1:] == schedule[0, :-1]).mean() == pytest.approx(1 / 3, abs=0.02)


def test_more_epochs_begin_as_fewer_do():
    few, many = (assign("pair", 50, 3, epochs=e, block=64, seed=7) for e in (3, 9))
    np.testing.assert_array_equal(many[:3], few)


def test_pair_for_a_head_without_epochs_shows_everything():
    schedule = assign("pair", 5, 3, epochs=None, block=64, seed=7)
    assert [sorted(column) for column in schedule.T.tolist()] == [[0, 1, 2]] * 5


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_the_seed_counts_for_what_is_drawn_alone(name):
    one, again, other = (assign(name, 99, 3, epochs=5, block=8, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.array_equal(one, other) == (name != "pair")
    assert one.dtype == np.intp
