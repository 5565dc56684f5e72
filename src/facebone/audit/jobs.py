"""The jobs of an audit: each a function of its settings and of earlier results alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from facebone.attacks.base import make_attack
from facebone.audit.material import Material
from facebone.audit.plan import Result
from facebone.audit.planted import hide_in_last_bits, memorise_pairs
from facebone.audit.score_table import ScoreTable
from facebone.audit.shadows import ShadowBatch, attach, fidelity, pool_rows, train_shadows
from facebone.audit.target import TargetRecipe, ask, make_null_target, make_target, train
from facebone.audit.trial import Trial, reference_trial, run_trial
from facebone.data.splits import split_pairs
from facebone.seeding import derive_seed
from facebone.verification.intervals import clopper_pearson
from facebone.verification.utility import fold_figure

Settings = Mapping[str, Any]
Inputs = Mapping[str, Result]

REFERENCE_SHARE = 0.8
"""Share of the pairs that the prototype trained on, fitted its attack to and scored it on."""

PLANTS: dict[str, Callable[[ScoreTable], ScoreTable]] = {
    "planted bits": hide_in_last_bits,
    "planted table": memorise_pairs,
}
"""Self-tests that plant a leak into a target's answers, by name."""


def train_and_ask(settings: Settings, inputs: Inputs) -> Result:
    """A target of one seed: its answers, its utility, its accuracy on members."""
    material = _material(inputs)
    target = make_target(TargetRecipe(**settings["recipe"]), material, seed=settings["seed"])
    members = int(target.table.member.sum())
    values = {
        "utility": target.utility.to_json(),
        "member_accuracy": fold_figure(target.member_accuracy, members).to_json(),
        "head": target.head,
    }
    return Result(values, target.table.to_arrays())


def train_null(settings: Settings, inputs: Inputs) -> Result:
    """The answers of a target that was trained on control people alone."""
    recipe = TargetRecipe(**settings["recipe"])
    table = make_null_target(recipe, _material(inputs), seed=settings["seed"])
    return Result({}, table.to_arrays())


def redraw_membership(settings: Settings, inputs: Inputs) -> Result:
    """Answers as they are, with membership dealt out anew: no attack may find anything."""
    table = _table(inputs)
    rng = np.random.default_rng(derive_seed(settings["seed"], "redraw"))
    membership = table.membership.copy()
    for same in (True, False):
        rows = np.flatnonzero(table.candidates & (table.same == same))
        membership[rows] = rng.permutation(membership[rows])
    arrays = table.to_arrays() | {"membership": membership}
    return Result({}, arrays)


def plant(settings: Settings, inputs: Inputs) -> Result:
    """Answers with a leak planted into them."""
    return Result({}, PLANTS[settings["plant"]](_table(inputs)).to_arrays())


def train_batch(settings: Settings, inputs: Inputs) -> Result:
    """Some shadows by a target's recipe, and their answers about the pool."""
    batch = train_shadows(
        TargetRecipe(**settings["recipe"]),
        _material(inputs),
        seed=settings["seed"],
        numbers=settings["numbers"],
    )
    return Result({}, {"log_odds": batch.log_odds, "trained": batch.trained})


def try_attack(settings: Settings, inputs: Inputs) -> Result:
    """One attack on the answers of one target."""
    trial = run_trial(
        partial(make_attack, settings["attack"], settings["attack_settings"]),
        _table(inputs),
        seed=settings["seed"],
        queries=settings["queries"],
    )
    return _tried(trial)


def try_shadow_attack(settings: Settings, inputs: Inputs) -> Result:
    """One attack that compares a target with shadows; its control is a target of other people."""
    batch, rows = inputs[settings["shadows"]].arrays, inputs[settings["rows"]].arrays["rows"]
    shadows = ShadowBatch(batch["log_odds"], batch["trained"])
    table = attach(ScoreTable.from_arrays(inputs[settings["table"]].arrays), shadows, rows)
    control = attach(ScoreTable.from_arrays(inputs[settings["control"]].arrays), shadows, rows)
    trial = run_trial(
        partial(make_attack, settings["attack"], settings["attack_settings"]),
        table,
        seed=settings["seed"],
        queries=settings["queries"],
        control=control,
    )
    return _tried(trial)


def compare_with_shadows(settings: Settings, inputs: Inputs) -> Result:
    """Whether shadows are like the target of a seed."""
    batch, rows = inputs[settings["shadows"]].arrays, inputs[settings["rows"]].arrays["rows"]
    shadows = ShadowBatch(batch["log_odds"], batch["trained"])
    table = attach(ScoreTable.from_arrays(inputs[settings["table"]].arrays), shadows, rows)
    return Result(fidelity(table).to_json())


def find_rows(settings: Settings, inputs: Inputs) -> Result:
    """The pool's row of each candidate in the tables of a seed."""
    return Result({}, {"rows": pool_rows(_material(inputs), seed=settings["seed"])})


def _tried(trial: Trial) -> Result:
    values = trial.to_json() | {
        "beats_control": trial.beats_control,
        "beats_baseline": trial.beats_baseline,
    }
    return Result(values, {"attack_score": trial.attack_score, "claimed": trial.claimed})


def try_reference(settings: Settings, inputs: Inputs) -> Result:
    """The prototype's protocol: 80 % members, attack fitted and scored on the same pairs."""
    material, seed = _material(inputs), settings["seed"]
    split = split_pairs(
        material.pool, fraction=REFERENCE_SHARE, seed=derive_seed(seed, "reference membership")
    )
    recipe = TargetRecipe(**settings["recipe"])
    head, columns = train(recipe, material, split.members, seed=seed)
    nobody = material.control.take(np.empty(0, dtype=np.intp))
    table = ask(head, material, columns, [split.members, split.non_members, nobody], seed=seed)
    trial = reference_trial(
        partial(make_attack, settings["attack"]), table, seed=derive_seed(seed, "reference attack")
    )
    tested = table.answers.take(~table.member)
    values = trial.to_json() | {
        "head": head.base_name,
        "utility_accuracy": clopper_pearson(int(tested.right().sum()), len(tested)).to_json(),
    }
    return Result(values)


def _material(inputs: Inputs) -> Material:
    """The one input, taken for material."""
    (result,) = inputs.values()
    return Material.from_arrays(result.values, result.arrays)


def _table(inputs: Inputs) -> ScoreTable:
    """The one input, taken for a target's answers."""
    (result,) = inputs.values()
    return ScoreTable.from_arrays(result.arrays)
