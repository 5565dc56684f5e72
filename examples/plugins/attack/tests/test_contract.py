"""The attack keeps FaceBone's contract, and finds what a threshold cannot."""

import numpy as np
import pytest
from facebone_loss_density import LossDensity

from facebone.attacks.observations import Observations
from facebone.testing import attack_checks
from facebone.verification.metrics import auc


@pytest.mark.parametrize("check", attack_checks(LossDensity), ids=str)
def test_contract(check):
    check()


def test_it_finds_members_whose_margins_are_only_less_spread():
    rng = np.random.default_rng(0)

    def drawn():
        member = rng.random(2000) < 0.5
        margin = 2 + rng.normal(size=2000) * np.where(member, 0.5, 2.0)
        return Observations.from_scores(1 / (1 + np.exp(-margin)), np.ones(2000, bool)), member

    attack = LossDensity()
    attack.fit(*drawn(), seed=0)
    observed, member = drawn()
    assert auc(attack.score(observed), member) > 0.75
    assert auc(observed.margin(), member) < 0.55
