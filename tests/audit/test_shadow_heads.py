"""Shadow heads as arrays: what is unpacked answers as what was packed, to the bit."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from facebone.attacks.access import Channel
from facebone.audit.answers import answer
from facebone.audit.material import Material
from facebone.audit.shadow_heads import pack, train_heads, unpack
from facebone.audit.target import TargetRecipe
from facebone.audit.unit_material import UnitMaterial
from facebone.data.splits import Level
from facebone.errors import UsageError

SMALL = {"layers": [16, 8], "batch_norm": [1], "epochs": 3, "learning_rate": 3e-3}
RECIPES = {
    "mlp": TargetRecipe("t", "none", {}, "mlp", SMALL),
    "logistic": TargetRecipe("t", "none", {}, "logistic", {}),
    "products": TargetRecipe("t", "none", {}, "products", {}),
    "one backbone": TargetRecipe("t", "none", {"backbones": ["backbone_1"]}, "mlp", SMALL),
    "fusion": TargetRecipe("t", "facebone", {"assignment": "fusion"}, "mlp", SMALL),
} | {
    query: TargetRecipe("t", "facebone", {"assignment": "pair", "query": query}, "mlp", SMALL)
    for query in ("fixed", "secret", "random", "mean")
}
CHANNELS = (Channel.THROUGH, Channel.TEMPLATES, Channel.INSIDE)
ROWS = [np.arange(0, 300, 2), np.arange(1, 300, 2), np.arange(50, 250)]


@pytest.fixture(params=RECIPES)
def recipe(request: pytest.FixtureRequest) -> TargetRecipe:
    return RECIPES[request.param]


def test_unpacked_heads_answer_to_the_bit(recipe: TargetRecipe, material: Material) -> None:
    heads = train_heads(recipe, material, material.pool, ROWS, [1, 2, 3])
    facts, arrays = pack(heads)
    back = unpack(recipe, material, json.loads(json.dumps(facts)), arrays)
    assert len(back) == 3
    columns = recipe.columns(material.backbones)
    said = []
    for before, after in zip(heads, back, strict=True):
        first, second = (
            answer(one, material, material.pool, columns, channels=CHANNELS, seed=7)
            for one in (before, after)
        )
        assert (first.log_odds == second.log_odds).all()
        for channel in CHANNELS:
            assert (first.channels[channel] == second.channels[channel]).all(), channel
        said.append(first.log_odds)
    # And none in another's place.
    assert not (said[0] == said[1]).all()
    assert not (said[1] == said[2]).all()


def test_a_head_is_kept_a_row_and_all_arrays_are_plain(
    recipe: TargetRecipe, material: Material
) -> None:
    facts, arrays = pack(train_heads(recipe, material, material.pool, ROWS, [1, 2, 3]))
    assert len(facts["heads"]) == 3
    assert arrays
    for name, array in arrays.items():
        assert name.startswith("head.")
        assert len(array) == 3
        assert array.dtype.kind in "fiu"


def test_other_arrays_may_lie_beside_them(material: Material) -> None:
    recipe = RECIPES["logistic"]
    heads = train_heads(recipe, material, material.pool, ROWS[:1], [1])
    facts, arrays = pack(heads)
    back = unpack(recipe, material, {**facts, "more": 1}, arrays | {"trained": np.zeros(3)})
    embedded = material.embedded(material.pool, (0, 1, 2))
    assert (back[0].logit(embedded) == heads[0].logit(embedded)).all()


def test_units_train_heads_from_their_own_pairs(
    make_unit_material: Callable[..., UnitMaterial],
) -> None:
    """An oracle: a head of one recipe, fitted alone to the same rows by the same seed."""
    material = make_unit_material(Level.IMAGE, (3,) * 40, limit=60, widths=(6, 4))
    recipe, pairs = RECIPES["logistic"], material.training
    rows = [np.arange(len(pairs)), np.arange(0, len(pairs), 3)]
    heads = train_heads(recipe, material, pairs, rows, [4, 5])
    for head, own, seed in zip(heads, rows, (4, 5), strict=True):
        alone = recipe.unfitted(material.backbones)
        part = pairs.take(own)
        alone.fit(material.embedded(part, (0, 1)), part.same, seed=seed)
        questions = material.embedded(material.questions, (0, 1))
        np.testing.assert_allclose(head.score(questions), alone.score(questions), rtol=1e-6)


def test_heads_of_more_or_fewer_people_are_kept_side_by_side(
    make_unit_material: Callable[..., UnitMaterial],
) -> None:
    """A row for everybody who was trained on: as many rows as people, one head unlike another."""
    material = make_unit_material(Level.IMAGE, (3,) * 40, limit=60, widths=(6, 4))
    recipe, pairs = TargetRecipe("t", "facebone", head="whitening"), material.training
    few = np.isin(material.people, np.unique(material.people)[:20])
    rows = [np.arange(len(pairs)), np.flatnonzero(few[pairs.left] & few[pairs.right])]
    heads = train_heads(recipe, material, pairs, rows, [4, 5])
    facts, arrays = pack(heads)
    people = [len(head.state()[1]["registry"]) for head in heads]
    assert people[0] > people[1]
    assert [len(arrays[f"head{i}.registry"]) for i in range(2)] == people
    assert len(arrays["head.line"]) == 2
    back = unpack(recipe, material, json.loads(json.dumps(facts)), arrays)
    questions = material.embedded(material.questions, (0, 1))
    for before, after in zip(heads, back, strict=True):
        assert (before.logit(questions) == after.logit(questions)).all()


def test_a_head_that_learns_nothing_is_refused(material: Material) -> None:
    recipe = TargetRecipe("c", "none", head="cosine")
    with pytest.raises(UsageError, match="head cosine: learns nothing"):
        train_heads(recipe, material, material.pool, ROWS[:1], [0])
    with pytest.raises(UsageError, match="head cosine: learns nothing"):
        unpack(recipe, material, {"heads": []}, {})
