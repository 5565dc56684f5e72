"""The defence keeps FaceBone's contract, and does what it says."""

import numpy as np
import pytest
from facebone_score_ceiling import ScoreCeiling, ScoreCeilingSettings

from facebone.errors import UsageError
from facebone.testing import defence_checks
from facebone.testing.heads_world import NAMES, turned_pairs


@pytest.mark.parametrize("check", defence_checks(ScoreCeiling), ids=str)
def test_contract(check):
    check()


def test_no_score_is_beyond_the_ceiling_and_no_decision_changes():
    pairs, same = turned_pairs()
    plain = ScoreCeiling(ScoreCeilingSettings(ceiling=0.999999)).protect(
        "logistic", {}, backbones=NAMES
    )
    capped = ScoreCeiling(ScoreCeilingSettings(ceiling=0.8)).protect(
        "logistic", {}, backbones=NAMES
    )
    for head in (plain, capped):
        head.fit(pairs, same, seed=0)
    free, shown = plain.score(pairs), capped.score(pairs)
    assert free.max() > 0.9
    assert 0.2 - 1e-9 <= shown.min() <= shown.max() <= 0.8 + 1e-9
    np.testing.assert_array_equal(shown >= 0.5, free >= 0.5)


@pytest.mark.parametrize("ceiling", [0.5, 1.0, -1, "high"])
def test_ceilings_that_are_none_are_refused(ceiling):
    with pytest.raises(UsageError, match="ceiling: must be a number of more than"):
        ScoreCeilingSettings(ceiling=ceiling)
