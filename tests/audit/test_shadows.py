"""Shadows: the target's recipe on other halves, kept for later audits, compared with the target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facebone.attacks.access import Channel
from facebone.attacks.base import ATTACKS
from facebone.audit.fidelity import fidelity
from facebone.audit.level_material import LevelMaterial
from facebone.audit.material import Material
from facebone.audit.plan import Job, JobStore, Result, run_plan
from facebone.audit.shadow_plan import ShadowSource, train_all
from facebone.audit.shadows import (
    AT_ONCE,
    ShadowBatch,
    ask_shadows,
    attach,
    membership,
    pool_rows,
    train_shadows,
)
from facebone.audit.target import TargetRecipe, make_null_target, make_target
from facebone.audit.trial import run_trial
from facebone.data.splits import Level
from facebone.errors import UsageError
from facebone.scale.executor import SerialExecutor
from facebone.verification.estimates import Estimate, Refused
from facebone.verification.metrics import auc

SMALL = {"layers": [32, 16], "batch_norm": [], "epochs": 15, "learning_rate": 3e-3}
MLP = TargetRecipe("mlp", "none", head_settings=SMALL)


@pytest.fixture(scope="module")
def large(make_material: Callable[..., Material]) -> Material:
    return make_material(people=200, pictures=4, control_people=120, pairs=400, control_pairs=240)


def train_and_ask(
    recipe: TargetRecipe,
    material: Material,
    numbers: Sequence[int],
    channels: Sequence[Channel] = (),
) -> ShadowBatch:
    heads = train_shadows(recipe, material, seed=0, numbers=numbers)
    return ask_shadows(heads, recipe, material, seed=0, numbers=numbers, channels=channels)


@pytest.fixture(scope="module")
def batch(large: Material) -> ShadowBatch:
    return train_and_ask(MLP, large, range(12))


def test_shadows_are_trained_on_halves_that_differ(large: Material, batch: ShadowBatch) -> None:
    assert batch.log_odds.shape == batch.trained.shape == (12, 800)
    assert (batch.trained.sum(axis=1) == 400).all()
    assert (batch.trained[:, large.pool.same].sum(axis=1) == 200).all()
    overlap = (batch.trained[0] & batch.trained[1]).sum() / 400
    assert 0.35 < overlap < 0.65


def test_a_shadow_depends_on_its_number_alone(large: Material, batch: ShadowBatch) -> None:
    alone = train_and_ask(MLP, large, [7])
    assert (alone.trained[0] == batch.trained[7]).all()
    # Trained together, sums are rounded in another order.
    correlation = np.corrcoef(alone.log_odds[0], batch.log_odds[7])[0, 1]
    assert correlation > 0.999
    assert (membership(large, seed=0, number=7) == batch.trained[7]).all()


def test_shadows_stand_beside_the_right_candidates(large: Material, batch: ShadowBatch) -> None:
    """An oracle: a shadow is right about the pairs that the table says it was trained on."""
    target = make_target(MLP, large, seed=3)
    table = attach(target.table, batch, pool_rows(large, seed=3))
    shadows = table.answers.shadows
    assert shadows is not None
    place = {
        pair: i
        for i, pair in enumerate(
            zip(large.ids[large.pool.left], large.ids[large.pool.right], strict=True)
        )
    }
    for row in np.flatnonzero(table.candidates)[::37]:
        i = place[(table.left[row], table.right[row])]
        assert (shadows.log_odds[:, row] == batch.log_odds[:, i]).all()
        assert (shadows.trained[:, row] == batch.trained[:, i]).all()
    assert not shadows.trained[:, table.control].any()


def test_lira_finds_members_and_nothing_in_a_target_of_other_people(
    large: Material, batch: ShadowBatch
) -> None:
    rows = pool_rows(large, seed=3)
    table = attach(make_target(MLP, large, seed=3).table, batch, rows)
    control = attach(make_null_target(MLP, large, seed=3), batch, rows)
    lira = run_trial(partial(ATTACKS.make, "lira"), table, seed=0, replicates=200, control=control)
    assert isinstance(lira.leak.auc, Estimate)
    assert lira.leak.auc.low > 0.6
    assert lira.beats_control
    assert lira.beats_baseline
    for nothing in (lira.control, lira.baseline):
        assert isinstance(nothing, Estimate)
        assert nothing.low <= 0.5 <= nothing.high


def test_without_a_target_of_other_people_there_is_no_control(
    large: Material, batch: ShadowBatch
) -> None:
    table = attach(make_target(MLP, large, seed=3).table, batch, pool_rows(large, seed=3))
    trial = run_trial(partial(ATTACKS.make, "lira"), table, seed=0, replicates=50)
    assert isinstance(trial.control, Refused)
    assert trial.beats_control is None


def test_faithful_shadows_are_told_from_others(large: Material, batch: ShadowBatch) -> None:
    rows = pool_rows(large, seed=3)
    faithful = fidelity(attach(make_target(MLP, large, seed=3).table, batch, rows))
    assert faithful.count == 12
    assert faithful.alike
    assert faithful.target[0] > faithful.target[1]
    other = TargetRecipe("logistic", "none", head="logistic")
    assert not fidelity(attach(make_target(other, large, seed=3).table, batch, rows)).alike


@pytest.mark.parametrize(
    "settings",
    [
        {"assignment": "pair", "query": "random"},
        {"assignment": "batch", "query": "fixed"},
        {"assignment": "fusion"},
    ],
    ids=lambda settings: "-".join(settings.values()),
)
def test_every_defence_has_shadows_of_its_own(material: Material, settings: dict[str, str]) -> None:
    recipe = TargetRecipe("f", "facebone", settings, "mlp", SMALL)
    shadows = train_and_ask(recipe, material, range(3))
    table = attach(
        make_target(recipe, material, seed=0).table, shadows, pool_rows(material, seed=0)
    )
    right = shadows.log_odds > 0
    assert ((right == material.pool.same) & shadows.trained).sum() > 0.6 * shadows.trained.sum()
    assert fidelity(table).count == 3


def test_a_head_that_learns_nothing_has_no_shadows(material: Material) -> None:
    with pytest.raises(UsageError, match="learns nothing"):
        train_shadows(TargetRecipe("c", "none", head="cosine"), material, seed=0, numbers=[0])


def test_more_shadows_later_train_only_what_is_missing(material: Material, tmp_path: Path) -> None:
    facts, arrays = material.to_arrays()

    def give(_settings: Mapping[str, Any], _inputs: Mapping[str, Result]) -> Result:
        return Result(facts, arrays)

    source = Job("material", give, {"seed": 1})
    store = JobStore(tmp_path / "audit")
    run_plan([source], store, SerialExecutor())
    level = LevelMaterial(Level.PAIR, (source,), material, 0)
    recipe = replace(MLP, head_settings=SMALL | {"epochs": 2})

    def train(count: int, seed: int = 0, channels: Sequence[Channel] = ()) -> Result:
        shared = ShadowSource(tmp_path / "shadows", SerialExecutor(), count, seed)
        return train_all([recipe], [channels], level, store, shared)["mlp"]

    def kept() -> dict[str, int]:
        return {p.name: p.stat().st_mtime_ns for p in (tmp_path / "shadows").iterdir()}

    few = train(AT_ONCE - 3)
    first = kept()
    many = train(2 * AT_ONCE)
    second = kept()
    assert len(second) == len(first) + 2, "heads of one more batch, and their answers"
    assert {name: second[name] for name in first} == first
    assert (many.arrays["log_odds"][: AT_ONCE - 3] == few.arrays["log_odds"]).all()
    assert (train(AT_ONCE - 3).arrays["log_odds"] == few.arrays["log_odds"]).all()
    assert kept() == second
    inside = train(AT_ONCE, channels=[Channel.INSIDE])
    assert inside.arrays["channel_inside"].shape[:2] == (AT_ONCE, len(material.pool))
    assert (inside.arrays["log_odds"][: AT_ONCE - 3] == few.arrays["log_odds"]).all()
    assert len(kept()) == len(second) + 1, "the same heads are asked something else"
    train(AT_ONCE, seed=1)
    assert len(kept()) == len(second) + 3


def test_swapping_who_was_trained_on_mirrors_lira(large: Material, batch: ShadowBatch) -> None:
    """With in and out exchanged the likelihood ratio turns over."""
    table = attach(make_target(MLP, large, seed=3).table, batch, pool_rows(large, seed=3))
    inside = np.flatnonzero(table.candidates)
    seen, member = table.answers.take(inside), table.member[inside]
    shadows = seen.shadows
    assert shadows is not None
    swapped = replace(seen, shadows=replace(shadows, trained=~shadows.trained))
    attack = ATTACKS.make("lira", {"mode": "online"})
    here, there = (auc(attack.score(one), member) for one in (seen, swapped))
    assert there == pytest.approx(1 - here, abs=1e-6)
