"""Answers about the pairs that were asked about a picture or a person, against plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facebone.attacks.probe_answers import ProbeAnswers
from facebone.errors import UsageError


def answers(counts=(2, 0, 3, 1), shadows=3, seed=0):
    """As many pairs about each candidate as told, every answer another number."""
    rng = np.random.default_rng(seed)
    candidate = np.repeat(np.arange(len(counts)), counts)
    r = len(candidate)
    return ProbeAnswers(
        candidate,
        rng.normal(size=r),
        rng.random(r) < 0.5,
        rng.normal(size=(shadows, r)).astype(np.float32),
        len(counts),
    )


def listed(probes):
    """Every pair as one tuple, with the candidate in front."""
    return [
        (int(c), float(m), bool(s), tuple(float(x) for x in probes.margins[:, i]))
        for i, (c, m, s) in enumerate(
            zip(probes.candidate, probes.margin, probes.same, strict=True)
        )
    ]


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=6).flatmap(
        lambda counts: st.tuples(
            st.just(counts), st.lists(st.integers(0, len(counts) - 1), max_size=8)
        )
    )
)
def test_taking_candidates_is_a_loop_over_them(case):
    counts, rows = case
    probes, wanted = answers(counts), []
    for place, row in enumerate(rows):
        wanted += [(place, *rest) for c, *rest in listed(probes) if c == row]
    taken = probes.take(np.array(rows, dtype=np.intp))
    assert listed(taken) == wanted
    assert taken.size == len(rows)
    assert taken.margins.dtype == np.float32
    assert len(taken.margins) == 3


def test_a_mask_takes_what_its_positions_take():
    probes, mask = answers(), np.array([False, True, True, True])
    assert listed(probes.take(mask)) == listed(probes.take(np.flatnonzero(mask)))
    assert listed(probes.take(np.ones(4, dtype=bool))) == listed(probes)


def test_sums_and_counts_are_those_of_a_loop():
    probes = answers()
    values = np.arange(6.0)
    wanted = [0.0] * 4
    for candidate, value in zip(probes.candidate, values, strict=True):
        wanted[candidate] += value
    np.testing.assert_array_equal(probes.sums(values), wanted)
    np.testing.assert_array_equal(probes.counts(), [2, 0, 3, 1])
    none = answers(counts=(0, 0))
    for found in (none.sums(np.zeros(0)), none.counts()):
        np.testing.assert_array_equal(found, [0, 0])
        assert found.dtype == np.float64


@pytest.mark.parametrize("shadow", [0, 1, 2])
def test_a_shadow_takes_the_place_of_the_target(shadow):
    probes = answers()
    played = probes.in_place_of_target(shadow)
    np.testing.assert_array_equal(played.margin, probes.margins[shadow].astype(np.float64))
    assert played.margin.dtype == np.float64
    others = [probes.margins[s] for s in range(3) if s != shadow]
    np.testing.assert_array_equal(played.margins, others)
    np.testing.assert_array_equal(played.same, probes.same)
    np.testing.assert_array_equal(played.candidate, probes.candidate)
    assert played.size == probes.size


def test_the_only_shadow_stands_beside_none():
    assert answers(shadows=1).in_place_of_target(0).margins.shape == (0, 6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"margin": np.zeros(5)}, "6 pairs do not fit answers of"),
        ({"same": np.ones(7, dtype=bool)}, "6 pairs do not fit answers of"),
        ({"margins": np.zeros((3, 5), dtype=np.float32)}, "6 pairs do not fit answers of"),
        ({"candidate": np.array([0, 0, 2, 1, 2, 3])}, "must be ordered by candidate"),
        ({"size": 3}, r"candidates must be in 0 \.\. 2"),
        ({"candidate": np.array([-1, 0, 2, 2, 2, 3])}, r"candidates must be in 0 \.\. 3"),
        ({"margin": np.array([0, 0, np.nan, 0, 0, 0])}, "answers are not finite"),
        ({"margins": np.full((1, 6), np.inf, dtype=np.float32)}, "answers are not finite"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    with pytest.raises(UsageError, match=f"probes: {message}"):
        replace(answers(), **change)
