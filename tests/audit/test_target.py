"""Targets: half of the pool is learnt from, everything is asked, nothing leaks by the way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from facebone.audit.answers import REPEATED_QUERIES
from facebone.audit.material import Material
from facebone.audit.score_table import CONTROL, MEMBER, NON_MEMBER, ScoreTable
from facebone.audit.target import (
    TargetRecipe,
    draw_membership,
    make_null_target,
    make_target,
)
from facebone.errors import UnknownNameError
from facebone.verification.heads import make_head
from facebone.verification.metrics import auc

SMALL = {"layers": [32, 16], "batch_norm": [], "epochs": 40, "learning_rate": 3e-3}


def recipe(mitigation: str = "none", head: str = "mlp", **settings: object) -> TargetRecipe:
    return TargetRecipe("t", mitigation, settings, head, SMALL if head == "mlp" else {})


def leak(table: ScoreTable) -> float:
    rows = table.candidates
    return auc(table.answers.margin()[rows], table.member[rows])


def test_a_target_is_asked_about_members_non_members_and_control(material: Material) -> None:
    table = make_target(recipe(), material, seed=1).table
    counts = {kind: int((table.membership == kind).sum()) for kind in (MEMBER, NON_MEMBER, CONTROL)}
    assert counts == {MEMBER: 150, NON_MEMBER: 150, CONTROL: 120}
    for kind in counts:
        assert table.same[table.membership == kind].mean() == 0.5
    assert table.people is not None
    assert all((table.people[0] == table.people[1]) == table.same)
    shown = set(zip(table.left, table.right, strict=True))
    pool = material.pool
    expected = set(zip(material.ids[pool.left], material.ids[pool.right], strict=True))
    inside = table.candidates
    assert shown >= expected
    assert set(zip(table.left[inside], table.right[inside], strict=True)) == expected


def test_the_scores_are_those_of_a_head_fitted_to_the_members_alone(material: Material) -> None:
    """An oracle: the head fitted by hand to the rows that the table calls members."""
    from facebone.data.pairs import Pairs
    from facebone.seeding import derive_seed

    table = make_target(recipe(head="logistic"), material, seed=5).table
    row = {name: i for i, name in enumerate(material.ids)}
    pairs = Pairs(
        np.array([row[name] for name in table.left]),
        np.array([row[name] for name in table.right]),
        table.same,
    )
    head = make_head("logistic")
    members = pairs.take(table.member)
    head.fit(material.embedded(members, (0, 1, 2)), members.same, seed=derive_seed(5, "target"))
    expected = head.score(material.embedded(pairs, (0, 1, 2)))
    np.testing.assert_allclose(table.scores(), expected, rtol=1e-9)


def test_an_overfitted_target_leaks_and_one_of_other_people_does_not(material: Material) -> None:
    assert leak(make_target(recipe(), material, seed=0).table) > 0.7
    null = [leak(make_null_target(recipe(), material, seed=seed)) for seed in range(4)]
    # 150 against 150: one standard error of the AUC is 0.033, of the mean of four 0.017.
    assert abs(np.mean(null) - 0.5) < 0.06


def test_utility_is_of_non_members(material: Material) -> None:
    target = make_target(recipe(), material, seed=0)
    table = target.table
    held_out = table.membership == NON_MEMBER
    expected = auc(table.scores()[held_out], table.same[held_out])
    # The strangers add mismatched pairs, so that the two differ a little.
    assert target.utility.to_json()["auc"]["value"] == pytest.approx(expected, abs=0.03)
    assert np.mean(target.member_accuracy) > target.utility.accuracy.value


def test_the_blind_answers_know_nothing_of_the_members(
    make_material: Callable[..., Material],
) -> None:
    """The same whoever the members are: they depend on the pair and on control people alone."""
    material = make_material()
    tables = [make_target(recipe(), material, seed=seed).table for seed in (0, 1)]
    seen = []
    for table in tables:
        assert table.blind is not None
        pairs = zip(table.left, table.right, strict=True)
        seen.append(dict(zip(pairs, table.blind.score[:, 0], strict=True)))
    assert seen[0] == seen[1]


def test_seeds_split_anew_and_repeat_exactly(material: Material) -> None:
    first, again, other = (make_target(recipe(), material, seed=seed).table for seed in (0, 0, 1))
    assert (first.answers.score == again.answers.score).all()
    members = [set(zip(t.left[t.member], t.right[t.member], strict=True)) for t in (first, other)]
    assert 0.3 < len(members[0] & members[1]) / 150 < 0.7


def test_a_target_whose_answers_vary_is_asked_again_and_again(material: Material) -> None:
    varying = make_target(
        recipe("facebone", assignment="pair", query="random"), material, seed=0
    ).table
    assert varying.answers.queries == REPEATED_QUERIES
    assert (varying.answers.score[:, 0] != varying.answers.score[:, 1]).any()
    steady = make_target(recipe("facebone", assignment="pair", query="mean"), material, seed=0)
    assert steady.table.answers.queries == 1


def test_a_target_uses_the_backbones_it_names(material: Material) -> None:
    one = make_target(recipe(backbones=["backbone_1"]), material, seed=0).table
    blinder = make_target(recipe(), material, seed=0).table
    assert not np.allclose(one.answers.score, blinder.answers.score)
    with pytest.raises(UnknownNameError, match="did you mean 'backbone_1'"):
        make_target(recipe(backbones=["backbone_11"]), material, seed=0)


def test_a_head_that_learns_nothing_can_be_audited(material: Material) -> None:
    table = make_target(recipe(head="cosine"), material, seed=0).table
    assert abs(leak(table) - 0.5) < 0.1
    assert table.answers.right().mean() > 0.8


def test_a_coin_makes_half_of_each_kind_of_control_pairs_members() -> None:
    same = np.arange(40) % 2 == 0
    control = np.arange(40) >= 8
    drawn = draw_membership(same, control, seed=3)
    assert not drawn[:8].any()
    assert drawn[control & same].sum() == drawn[control & ~same].sum() == 8


def test_material_survives_as_arrays(material: Material) -> None:
    facts, arrays = material.to_arrays()
    back = Material.from_arrays(facts, arrays)
    assert back.backbones == material.backbones
    assert all((a == b).all() for a, b in zip(back.matrices, material.matrices, strict=True))
    for part in ("pool", "control", "strangers"):
        assert getattr(back, part).tobytes() == getattr(material, part).tobytes()


def test_a_table_survives_as_arrays(material: Material) -> None:
    table = make_target(recipe(head="logistic"), material, seed=0).table
    back = ScoreTable.from_arrays(table.to_arrays())
    assert back.to_arrays().keys() == table.to_arrays().keys()
    for name, array in table.to_arrays().items():
        assert (back.to_arrays()[name] == array).all()
