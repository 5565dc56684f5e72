"""Decisions alone."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.errors import UsageError
from facebone.mitigations.guards.decision import DecisionGuard, DecisionOnly, DecisionSettings
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads.base import sigmoid

ROWS = np.zeros((5, 1), dtype=np.float32)
PAIRS = EmbeddedPairs((ROWS,), (ROWS,))


def test_scores_are_a_quarter_or_three():
    guard = DecisionGuard(DecisionSettings())
    found = guard.show(np.array([-700.0, -1e-300, 0.0, 1e-300, 40.0]), PAIRS)
    np.testing.assert_allclose(sigmoid(found), [0.25, 0.25, 0.75, 0.75, 0.75], rtol=1e-15)
    assert guard.keeps_decisions


def test_decided_at_another_score():
    guard = DecisionGuard(DecisionSettings(at=0.9))
    odds = np.log([0.5 / 0.5, 0.89 / 0.11, 0.91 / 0.09, 0.1 / 0.9, 0.99 / 0.01])
    assert (guard.show(odds, PAIRS) > 0).tolist() == [False, False, True, False, True]
    assert not guard.keeps_decisions


@pytest.mark.parametrize("at", [0, 1, "half"])
def test_a_place_that_decides_nothing(at):
    with pytest.raises(UsageError, match="at: must be a number of more than 0 and less than 1"):
        DecisionSettings(at=at)


def test_what_it_says():
    expected = "only decisions are shown, no scores (one person from a score of 0.9 on)"
    assert DecisionOnly(DecisionSettings(at=0.9)).effect() == expected
