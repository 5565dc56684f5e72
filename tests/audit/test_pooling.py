"""Pooling over seeds: no seed outside the interval, no credit for more seeds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facebone.audit.pooling import (
    from_schema,
    pool,
    pool_leaks,
    pool_utilities,
    rates_to_schema,
    to_schema,
)
from facebone.audit.schema import Interval, Refusal, UtilityFigures
from facebone.audit.statistics import Leak
from facebone.errors import UsageError
from facebone.verification.estimates import Estimate, Refused
from facebone.verification.utility import measure_utility


@st.composite
def estimates(draw):
    low, value, high = sorted(draw(st.tuples(*[st.floats(0, 1)] * 3)))
    return Estimate(value, low, high)


def test_by_hand():
    found = pool([Estimate(0.6, 0.55, 0.65), Estimate(0.7, 0.61, 0.79)])
    assert found == Estimate(pytest.approx(0.65), pytest.approx(0.58), pytest.approx(0.72))
    # Seeds further apart than their own intervals say: every one is held.
    found = pool([Estimate(0.5, 0.49, 0.51), Estimate(0.7, 0.69, 0.71)])
    assert found == Estimate(pytest.approx(0.6), 0.5, 0.7)


@given(st.lists(estimates(), min_size=1, max_size=6))
def test_every_seed_is_held_and_none_narrows(figures):
    found = pool(figures)
    assert isinstance(found, Estimate)
    assert all(found.low <= figure.value <= found.high for figure in figures)
    assert found.value == pytest.approx(np.mean([figure.value for figure in figures]))
    mean_width = np.mean([figure.high - figure.low for figure in figures])
    assert found.high - found.low >= mean_width - 1e-12
    # The order of seeds says nothing, but for how a mean rounds.
    turned = pool(figures[::-1])
    assert turned == Estimate(*map(pytest.approx, (found.value, found.low, found.high)))
    # More of the same is no more certain.
    again = pool(figures * 3)
    assert again == Estimate(*map(pytest.approx, (found.value, found.low, found.high)))


def test_one_seed_is_itself():
    figure = Estimate(0.1, 0.05, 0.3)
    assert pool([figure]) == figure


def test_one_refusal_refuses():
    figures = [Estimate(0.5, 0.4, 0.6), Refused("first"), Refused("second")]
    assert pool(figures) == Refused("first")


@pytest.mark.parametrize("join", [pool, pool_leaks, pool_utilities])
def test_no_seeds(join):
    with pytest.raises(UsageError, match="at least one seed, got none"):
        join([])


def test_leaks():
    leaks = [
        Leak(
            300 + i, 310 - i, Estimate(0.6 + i / 10, 0.5, 0.8), Estimate(0.55, 0.5, 0.6),
            {0.01: Estimate(0.02, 0.01, 0.03), 0.001: Refused("needs more")},
        )
        for i in range(2)
    ]  # fmt: skip
    found = pool_leaks(leaks)
    assert (found.members, found.non_members) == (300, 309)
    assert found.auc == pool([leak.auc for leak in leaks])
    assert found.balanced_accuracy == Estimate(0.55, 0.5, 0.6)
    assert found.tpr_at_fpr[0.01] == Estimate(0.02, 0.01, 0.03)
    assert found.tpr_at_fpr[0.001] == Refused("needs more")


def test_utilities_measured_or_read():
    rng = np.random.default_rng(0)
    same = np.arange(700) < 350
    measured = [
        measure_utility(rng.normal(size=700) + 2 * same, same, seed=seed, replicates=20)
        for seed in (0, 1)
    ]
    found = pool_utilities(measured)
    assert isinstance(found, UtilityFigures)
    for name in ("accuracy", "auc", "eer"):
        expected = pool([getattr(utility, name) for utility in measured])
        assert from_schema(getattr(found, name)) == expected
    assert set(found.tar_at_far) == {"0.01", "0.001"}
    assert isinstance(found.tar_at_far["0.01"], Interval)
    refusal = found.tar_at_far["0.001"]
    assert isinstance(refusal, Refusal)
    assert "needs at least 3000 mismatched pairs, got 350" in refusal.refused
    read = [UtilityFigures.model_validate(utility.to_json()) for utility in measured]
    assert pool_utilities(read) == found


def test_figures_of_the_schema_and_back():
    for figure in (Estimate(0.5, 0.4, 0.6), Refused("why")):
        assert from_schema(to_schema(figure)) == figure
        assert to_schema(figure).model_dump() == figure.to_json()
    assert rates_to_schema({0.01: Refused("why"), 0.001: Estimate(0, 0, 1)}) == {
        "0.01": Refusal(refused="why"),
        "0.001": Interval(value=0, low=0, high=1),
    }
