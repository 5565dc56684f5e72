"""The whole chain, from target to figure: a planted leak is found, an absent one is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from facebone.attacks.base import ATTACKS
from facebone.audit.material import Material
from facebone.audit.planted import hide_in_last_bits, memorise_pairs
from facebone.audit.score_table import MEMBER, NON_MEMBER, ScoreTable
from facebone.audit.target import TargetRecipe, make_null_target, make_target
from facebone.audit.trial import Trial, run_trial
from facebone.verification.estimates import Estimate

SMALL = {"layers": [32, 16], "batch_norm": [], "epochs": 15, "learning_rate": 3e-3}
MLP = TargetRecipe("mlp", "none", head_settings=SMALL)
LOGISTIC = TargetRecipe("logistic", "none", head="logistic")


@pytest.fixture(scope="module")
def large(make_material: Callable[..., Material]) -> Material:
    """Enough people that intervals over people mean something."""
    return make_material(people=200, pictures=4, control_people=120, pairs=400, control_pairs=240)


def attack(name: str, table: ScoreTable, *, seed: int = 0) -> Trial:
    return run_trial(partial(ATTACKS.make, name), table, seed=seed, replicates=400)


def auc(trial: Trial) -> Estimate:
    assert isinstance(trial.leak.auc, Estimate)
    return trial.leak.auc


def test_a_target_trained_on_other_people_scores_a_half_in_18_of_20_seeds(large: Material) -> None:
    """With intervals that hold what they promise one series of twenty in 13 would fall short."""
    inside = 0
    for seed in range(20):
        table = make_null_target(MLP, large, seed=seed)
        figure = auc(attack("loss_threshold", table, seed=seed))
        inside += figure.low <= 0.5 <= figure.high
    assert inside >= 18


@pytest.mark.parametrize("recipe", [MLP, LOGISTIC], ids=["mlp", "logistic"])
def test_planted_leaks_are_found_whatever_the_target(large: Material, recipe: TargetRecipe) -> None:
    table = make_target(recipe, large, seed=0).table
    bits = attack("score_bits", hide_in_last_bits(table))
    assert auc(bits).value > 0.95
    assert isinstance(bits.control, Estimate)
    assert bits.control.low <= 0.5 <= bits.control.high
    for name in ("loss_threshold", "modified_entropy", "art_gb"):
        assert auc(attack(name, memorise_pairs(table))).value > 0.95, name


def test_swapped_labels_mirror_the_auc_exactly(large: Material) -> None:
    table = make_target(MLP, large, seed=3).table
    swapped = replace(
        table,
        membership=table.membership.copy(),
    )
    swapped.membership[table.membership == MEMBER] = NON_MEMBER
    swapped.membership[table.membership == NON_MEMBER] = MEMBER
    for name in ("loss_threshold", "entropy", "gap"):
        here, there = auc(attack(name, table)), auc(attack(name, swapped))
        assert there.value == 1 - here.value, name


def test_a_defence_that_learns_little_leaks_less_than_one_that_learns_by_heart(
    large: Material,
) -> None:
    mlp, logistic = (
        auc(attack("loss_threshold", make_target(recipe, large, seed=1).table))
        for recipe in (MLP, LOGISTIC)
    )
    assert mlp.low > 0.5
    assert mlp.low > logistic.high
