"""Fine-tuning is audited as every adaptation is: people, targets and shadows, from pixels on."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.attacks.access import Ask
from facebone.attacks.base import ATTACKS
from facebone.attacks.shadow_answers import ShadowAnswers
from facebone.audit.shadow_heads import pack, unpack
from facebone.audit.shadows import ShadowBatch, ask_shadows, train_shadows
from facebone.audit.target import TargetRecipe
from facebone.audit.unit_candidates import draw_units
from facebone.audit.unit_material import UnitMaterial, embed_units, members_of
from facebone.audit.unit_target import (
    UnitAnswers,
    make_null_unit_target,
    make_unit_target,
    unit_table,
)
from facebone.data.splits import Level
from facebone.data.synthetic import synthetic_dataset
from facebone.verification.adaptation.fine_tuning_settings import place_cut
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.metrics import auc
from facebone.verification.routes import open_routes

SHADOWS, TARGETS = range(10), range(8)
SETTINGS, NAMES = place_cut({"blocks": 2, "epochs": 40, "learning_rate": 3e-3}, ["tiny_plain"])
RECIPE = TargetRecipe("tuned", "none", head="fine_tuning", head_settings=SETTINGS)


@pytest.fixture(scope="module")
def material() -> UnitMaterial:
    """60 synthetic people with 8 pictures each, embedded at the cut by the engine."""
    dataset = synthetic_dataset(60, 8, seed=11)
    engine = EmbeddingEngine(open_routes(list(NAMES), device="cpu"), workers=1)
    units = draw_units(dataset, Level.IDENTITY, limit=400, seed=0)
    return embed_units(engine, dataset, units)[0]


@pytest.fixture(scope="module")
def shadows(material: UnitMaterial) -> ShadowBatch:
    heads = train_shadows(RECIPE, material, seed=1, numbers=SHADOWS)
    kept = unpack(RECIPE, material, *pack(heads))
    return ask_shadows(kept, RECIPE, material, seed=1, numbers=SHADOWS)


def attacked(material: UnitMaterial, answered: UnitAnswers, shadows: ShadowBatch) -> float:
    """AUC of the likelihood-ratio attack on who was trained on."""
    nobody = np.zeros((len(SHADOWS), len(material.questions)), dtype=np.bool_)
    table = unit_table(
        material,
        answered,
        ShadowAnswers(shadows.log_odds, nobody),
        shadow_members=shadows.trained,
        ask=Ask.AMONG,
    )
    rows = np.flatnonzero(table.candidates)
    return auc(ATTACKS.make("lira").score(table.answers.take(rows)), table.member[rows])


def test_target_is_trained_on_rows_at_the_cut_and_learns_its_members(
    material: UnitMaterial,
) -> None:
    assert material.backbones == ("tiny_plain@3",)
    assert material.matrices[0].shape[1] == 80 * 8 * 8 + 1
    target = make_unit_target(RECIPE, material, seed=0)
    assert target.head == "fine_tuning"
    assert np.mean(target.member_accuracy) == 1.0
    np.testing.assert_array_equal(target.answers.member, members_of(material, seed=0)[2])


def test_shadows_tell_who_was_trained_on_and_nothing_of_other_targets(
    material: UnitMaterial, shadows: ShadowBatch
) -> None:
    """From pictures that no target was trained on; held against targets of control people."""
    found = [
        attacked(material, make_unit_target(RECIPE, material, seed=seed).answers, shadows)
        for seed in TARGETS
    ]
    nothing = [
        attacked(material, make_null_unit_target(RECIPE, material, seed=seed), shadows)
        for seed in TARGETS
    ]
    assert np.mean(found) > 0.6
    assert abs(np.mean(nothing) - 0.5) < 0.1
