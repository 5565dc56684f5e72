"""What every attack inherits: checks before learning and scoring, and names."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest

from facebone.attacks.access import Access
from facebone.attacks.attack import Goal
from facebone.attacks.base import ATTACKS, MembershipAttack
from facebone.attacks.membership.score_bits import ScoreBitsSettings
from facebone.attacks.observations import Observations
from facebone.errors import UnknownNameError, UsageError

MEMBER = np.array([True, True, False])
OBSERVED = Observations.from_scores(np.array([0.9, 0.8, 0.1]), np.array([True, True, False]))


@dataclass(frozen=True)
class Shift:
    """Settings of the attack below."""

    by: float = 0.0


class Plain(MembershipAttack):
    """An attack that keeps what it was given."""

    name = "plain"
    access = Access.SCORE
    settings_type = Shift

    def _score(self, observed):
        return observed.margin().astype(np.float32) + self.settings.by


class Learner(Plain):
    """An attack that must learn."""

    name = "learner"
    learns = True

    def _fit(self, known, member, *, seed):
        self.learnt = known, member, seed


def test_the_attacks_there_are():
    assert set(ATTACKS.names()) >= {
        "loss_threshold", "entropy", "modified_entropy", "gap", "score_bits", "art_rf", "art_gb",
        "art_nn", "art_lr", "art_dt", "art_knn", "art_svm",
    }  # fmt: skip


def test_access_is_ordered_from_least_to_most():
    assert [access.value for access in Access] == ["decision", "score", "embedding", "weights"]
    assert Plain.goal is Goal.MEMBERSHIP


def test_scores_are_float64_and_use_the_settings():
    found = Plain(Shift(1.0)).score(OBSERVED)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, OBSERVED.margin() + 1, rtol=1e-6)


def test_no_candidates_give_no_scores_without_asking_the_attack():
    class Picky(Plain):
        def _score(self, observed):
            raise AssertionError("asked about nobody")

    found = Picky().score(OBSERVED.take(np.array([], dtype=np.intp)))
    assert found.shape == (0,)
    assert found.dtype == np.float64


def test_settings_of_another_attack_are_refused():
    with pytest.raises(UsageError, match=r"attack plain: needs settings of type Shift, got ScoreB"):
        Plain(ScoreBitsSettings())


def test_a_learner_scores_nothing_before_it_is_fitted():
    attack = Learner()
    with pytest.raises(UsageError, match=r"attack learner: scores nothing before it is fitted"):
        attack.score(OBSERVED)
    attack.fit(OBSERVED, MEMBER, seed=3)
    assert attack.learnt[2] == 3
    assert attack.score(OBSERVED).shape == (3,)


def test_a_fit_that_fails_leaves_the_attack_unfitted():
    class Broken(Learner):
        def _fit(self, known, member, *, seed):
            raise UsageError("no")

    attack = Broken()
    with pytest.raises(UsageError, match="no"):
        attack.fit(OBSERVED, MEMBER, seed=0)
    with pytest.raises(UsageError, match="before it is fitted"):
        attack.score(OBSERVED)


@pytest.mark.parametrize("value", [True, False])
def test_one_class_of_membership_is_refused(value):
    counts = "3 and 0" if value else "0 and 3"
    with pytest.raises(UsageError, match=f"needs members and non-members .*got {counts}"):
        Learner().fit(OBSERVED, np.full(3, value), seed=0)


@pytest.mark.parametrize("member", [np.array([True, False]), np.array([1, 1, 0]), MEMBER[:, None]])
def test_membership_of_another_shape_or_type_is_refused(member):
    with pytest.raises(UsageError, match=r"membership must be bool of shape \(3,\)"):
        Learner().fit(OBSERVED, member, seed=0)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(UsageError, match="seed: must be in"):
        Learner().fit(OBSERVED, MEMBER, seed=seed)


@pytest.mark.parametrize("wrong", [np.array([0.0, np.nan, 1.0]), np.zeros(2), np.zeros((3, 1))])
def test_an_attack_that_answers_nonsense_is_a_defect_not_a_usage_error(wrong):
    class Nonsense(Plain):
        def _score(self, observed):
            return wrong

    with pytest.raises(RuntimeError, match="attack plain gave"):
        Nonsense().score(OBSERVED)


def test_an_unknown_attack_names_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'loss_threshold'"):
        ATTACKS.make("loss_treshold")


def test_an_unknown_setting_names_the_known_ones():
    with pytest.raises(UnknownNameError, match=r"attack score_bits.*known: significance"):
        ATTACKS.make("score_bits", {"significanse": 0.1})
    with pytest.raises(UnknownNameError, match="setting of attack gap"):
        ATTACKS.make("gap", {"threshold": 0.1})


def test_settings_reach_the_attack():
    assert ATTACKS.make("score_bits", {"significance": 0.2}).settings.significance == 0.2


def test_naming_and_making_attacks_loads_neither_art_nor_learners():
    code = """
import sys
from facebone.attacks.base import ATTACKS
for name in ATTACKS.names():
    ATTACKS.make(name)
print([m for m in ("art", "torch", "sklearn", "scipy") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
