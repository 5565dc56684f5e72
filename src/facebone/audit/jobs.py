"""The jobs of an audit that make answers: each a function of settings and of earlier results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from facebone.attacks.access import Channel
from facebone.attacks.base import ATTACKS
from facebone.audit.candidates import join
from facebone.audit.material import Material
from facebone.audit.plan import Result
from facebone.audit.planted import hide_in_last_bits, memorise_pairs, memorise_units
from facebone.audit.score_table import ScoreTable
from facebone.audit.shadow_heads import pack, unpack
from facebone.audit.shadows import ask_shadows, pool_rows, train_shadows
from facebone.audit.shifted import shifted_from_arrays
from facebone.audit.target import TargetRecipe, ask, make_null_target, make_target, train
from facebone.audit.trial import reference_trial
from facebone.audit.unit_material import UnitMaterial
from facebone.audit.unit_target import UnitAnswers, make_null_unit_target, make_unit_target
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
    """A target of one seed: its answers, its utility, its accuracy on members, what it bought."""
    recipe, seed = TargetRecipe(**settings["recipe"]), settings["seed"]
    material, channels = material_of(settings, inputs), _channels(settings)
    if settings.get("shifted") is not None:
        given = inputs[settings["shifted"]]
        material = replace(material, shifted=shifted_from_arrays(given.values, given.arrays))
    if isinstance(material, UnitMaterial):
        made = make_unit_target(recipe, material, seed=seed, channels=channels)
        arrays, members = made.answers.to_arrays(), made.members
        return Result(_facts(made, members), arrays)
    target = make_target(recipe, material, seed=seed, channels=channels)
    return Result(_facts(target, int(target.table.member.sum())), target.table.to_arrays())


def train_null(settings: Settings, inputs: Inputs) -> Result:
    """The answers of a target that was trained on control people alone."""
    recipe, seed = TargetRecipe(**settings["recipe"]), settings["seed"]
    material, channels = material_of(settings, inputs), _channels(settings)
    if isinstance(material, UnitMaterial):
        answers = make_null_unit_target(recipe, material, seed=seed, channels=channels)
        return Result({}, answers.to_arrays())
    table = make_null_target(recipe, material, seed=seed, channels=channels)
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
    if "material" in settings:
        answers = UnitAnswers.from_arrays(inputs[settings["table"]].arrays)
        return Result({}, memorise_units(units_of(settings, inputs), answers).to_arrays())
    return Result({}, PLANTS[settings["plant"]](_table(inputs)).to_arrays())


def train_batch(settings: Settings, inputs: Inputs) -> Result:
    """Some shadows by a target's recipe, kept as heads."""
    heads = train_shadows(
        TargetRecipe(**settings["recipe"]),
        material_of(settings, inputs),
        seed=settings["seed"],
        numbers=settings["numbers"],
    )
    return Result(*pack(heads))


def ask_batch(settings: Settings, inputs: Inputs) -> Result:
    """What some shadows answer about the candidates."""
    recipe = TargetRecipe(**settings["recipe"])
    material, packed = material_of(settings, inputs), inputs[settings["heads"]]
    batch = ask_shadows(
        unpack(recipe, material, packed.values, packed.arrays),
        recipe,
        material,
        seed=settings["seed"],
        numbers=settings["numbers"],
        channels=_channels(settings),
    )
    return Result({}, batch.to_arrays())


def find_rows(settings: Settings, inputs: Inputs) -> Result:
    """The pool's row of each candidate in the tables of a seed, at the level of pairs."""
    material = material_of(settings, inputs)
    if isinstance(material, UnitMaterial):  # the plan asks this at the level of pairs alone
        raise TypeError(material.level)
    return Result({}, {"rows": pool_rows(material, seed=settings["seed"])})


def try_reference(settings: Settings, inputs: Inputs) -> Result:
    """The prototype's protocol: 80 % members, attack fitted and scored on the same pairs."""
    (given,) = inputs.values()
    material, seed = Material.from_arrays(given.values, given.arrays), settings["seed"]
    split = split_pairs(
        material.pool, fraction=REFERENCE_SHARE, seed=derive_seed(seed, "reference membership")
    )
    recipe = TargetRecipe(**settings["recipe"])
    head, columns = train(recipe, material, split.members, seed=seed)
    asked = join([split.members, split.non_members])
    member = np.arange(len(asked)) < len(split.members)
    table = ask(head, material, columns, asked, member, seed=seed)
    trial = reference_trial(
        partial(ATTACKS.make, settings["attack"]), table, seed=derive_seed(seed, "reference attack")
    )
    tested = table.answers.take(~table.member)
    values = trial.to_json() | {
        "head": head.base_name,
        "utility_accuracy": clopper_pearson(int(tested.right().sum()), len(tested)).to_json(),
    }
    return Result(values)


def material_of(settings: Settings, inputs: Inputs) -> Material | UnitMaterial:
    """The material that a job names, with changed pictures if it names these too."""
    given = inputs[settings["material"]]
    arrays = dict(given.arrays)
    if settings.get("changed") is not None:
        arrays |= inputs[settings["changed"]].arrays
    kind = UnitMaterial if "level" in given.values else Material
    return kind.from_arrays(given.values, arrays)


def units_of(settings: Settings, inputs: Inputs) -> UnitMaterial:
    """The material of pictures or people that a job names, without changed pictures."""
    given = inputs[settings["material"]]
    return UnitMaterial.from_arrays(given.values, given.arrays)


def _facts(made: Any, members: int) -> dict[str, Any]:
    """What is known of a target besides its answers."""
    return {
        "utility": made.utility.to_json(),
        "member_accuracy": fold_figure(made.member_accuracy, members).to_json(),
        "head": made.head,
        "bought": None if made.bought is None else made.bought.to_json(),
    }


def _channels(settings: Settings) -> list[Channel]:
    return [Channel(name) for name in settings.get("channels", ())]


def _table(inputs: Inputs) -> ScoreTable:
    """The one input, taken for a target's answers at the level of pairs."""
    (result,) = inputs.values()
    return ScoreTable.from_arrays(result.arrays)
