from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facebone.audit.existing import check_direction
from facebone.errors import UsageError


def test_distances_are_refused_and_similarities_pass() -> None:
    rng = np.random.default_rng(0)
    same = np.arange(200) % 2 == 0
    scores = rng.normal(size=200) + same
    check_direction(scores, same)
    with pytest.raises(UsageError, match=r"mine: matched pairs score lower .*AUC 0\.2") as error:
        check_direction(-scores, same, where="mine")
    assert (
        error.value.hint
        == "where smaller means the same person, give sign=-1, or --smaller-is-same"
    )


@pytest.mark.parametrize("each", [10, 40, 500])
def test_scores_that_know_nothing_pass(each: int) -> None:
    """With few pairs chance alone goes below 0.4; of 200 draws hardly any may be refused."""
    rng = np.random.default_rng(each)
    same = np.arange(2 * each) < each
    refused = 0
    for _ in range(200):
        try:
            check_direction(rng.normal(size=2 * each), same)
        except UsageError:
            refused += 1
    # Two standard errors below: 2.3 % on average, 12 of 200 are beyond its 99.9 % quantile.
    assert refused <= 12
    with pytest.raises(UsageError):
        check_direction(-same.astype(float), same)


@given(st.integers(10, 60), st.integers(10, 60), st.integers(0, 2**32 - 1))
def test_never_both_ways(matched: int, mismatched: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    same = np.arange(matched + mismatched) < matched
    scores = rng.normal(size=len(same)).round(1)
    verdicts = []
    for sign in (1, -1):
        try:
            check_direction(sign * scores, same)
            verdicts.append(True)
        except UsageError:
            verdicts.append(False)
    assert any(verdicts)


def test_pairs_of_one_kind_tell_no_direction() -> None:
    with pytest.raises(UsageError, match="needs matched and mismatched pairs"):
        check_direction(np.arange(4.0), np.ones(4, dtype=np.bool_))
