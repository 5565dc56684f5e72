"""Embedded units: a half is chosen, all of it is trained on, and what is lost goes altogether."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from facebone.audit.gallery import changed_arrays
from facebone.audit.unit_material import UnitMaterial, members_of
from facebone.data.pairs import Pairs
from facebone.data.splits import Level
from facebone.errors import DatasetError

LEVELS = pytest.mark.parametrize("level", [Level.IMAGE, Level.IDENTITY], ids=str)
COUNTS = (*[4] * 30, *[5] * 30, *[9] * 30, *[16] * 20)


@pytest.fixture(scope="module")
def made(make_unit_material: Callable[..., UnitMaterial]) -> dict[Level, UnitMaterial]:
    return {
        level: make_unit_material(level, COUNTS, limit=150, versions=2, widths=(6, 4))
        for level in (Level.IMAGE, Level.IDENTITY)
    }


@LEVELS
def test_half_of_the_units_are_chosen_and_half_of_those_like_each_other(
    made: dict[Level, UnitMaterial], level: Level
) -> None:
    material = made[level]
    candidates = ~material.control_units
    for seed in range(5):
        chosen = material.choose(seed=seed)
        assert not chosen[material.control_units].any()
        assert abs(chosen.sum() - candidates.sum() / 2) <= 1
        for stratum in np.unique(material.strata[candidates]):
            mine = candidates & (material.strata == stratum)
            assert abs(chosen[mine].sum() - mine.sum() / 2) <= 1
    assert (material.choose(seed=3) == material.choose(seed=3)).all()
    both = (material.choose(seed=3) & material.choose(seed=4)).sum() / (candidates.sum() / 2)
    assert 0.3 < both < 0.7


@LEVELS
def test_a_head_is_trained_on_chosen_units_alone_and_meets_all_of_them(
    made: dict[Level, UnitMaterial], level: Level
) -> None:
    material = made[level]
    for seed in range(4):
        chosen = material.choose(seed=seed)
        rows = material.training_rows(chosen, seed=seed)
        assert (np.diff(rows) > 0).all()
        inside = {i for i, (a, b) in enumerate(material.training_units) if chosen[a] and chosen[b]}
        assert set(rows.tolist()) <= inside
        assert {i for i in inside if material.training.same[i]} <= set(rows.tolist())
        reachable = {int(unit) for i in inside for unit in material.training_units[i]}
        assert set(np.flatnonzero(material.met(rows)).tolist()) == reachable
        matched = int(material.training.same[rows].sum())
        assert matched <= len(rows) - matched <= 1.5 * matched
    assert (rows == material.training_rows(chosen, seed=3)).all()
    assert set(rows) != set(material.training_rows(chosen, seed=4))


def test_mismatched_pairs_are_as_many_as_matched_ones_unless_somebody_would_be_left_out() -> None:
    """Six units: a matched pair of the first two, and mismatched ones in a ring."""
    left = np.array([0, 0, 1, 2, 3, 4, 5])
    right = np.array([1, 1, 2, 3, 4, 5, 0])
    same = np.arange(7) < 2
    material = tiny(Pairs(left, right, same))
    everyone = np.ones(6, dtype=np.bool_)
    for seed in range(20):
        rows = material.training_rows(everyone, seed=seed)
        assert {0, 1} <= set(rows)
        assert material.met(rows).all()
        assert 2 <= len(rows) - 2 <= 4
    # Without the middle ones nobody is left out: as many mismatched as matched ones, if there are.
    few = np.array([True, True, True, False, False, True])
    assert all(len(material.training_rows(few, seed=seed)) == 4 for seed in range(5))
    assert not material.met(material.training_rows(few, seed=0))[[3, 4]].any()
    alone = np.array([True, False, False, True, False, False])
    assert not len(material.training_rows(alone, seed=0))


def tiny(training: Pairs) -> UnitMaterial:
    """Six pictures that are units, without embeddings worth the name."""
    names = np.array(list("abcdef"))
    return UnitMaterial(
        ("one",),
        (np.ones((6, 2), dtype=np.float32),),
        names,
        names,
        level=Level.IMAGE,
        names=names,
        person=names,
        strata=np.zeros(6, dtype=np.intp),
        control_units=np.zeros(6, dtype=np.bool_),
        training=training,
        training_units=np.stack([training.left, training.right], axis=1),
        questions=training,
        asked=np.zeros((0, 3), dtype=np.intp),
    )


@LEVELS
def test_members_are_those_of_whom_a_picture_is_trained_on(
    made: dict[Level, UnitMaterial], level: Level
) -> None:
    material = made[level]
    chosen, rows, member = members_of(material, seed=5)
    trained = material.training.take(rows)
    unit_of = {}
    for pair, units in zip(
        zip(material.training.left, material.training.right, strict=True),
        material.training_units,
        strict=True,
    ):
        unit_of.update(zip(pair, units, strict=True))
    expected = {int(unit_of[picture]) for picture in trained.pictures()}
    assert set(np.flatnonzero(member).tolist()) == expected
    assert not (member & ~chosen).any()
    assert member.sum() >= 0.97 * chosen.sum()
    again = members_of(material, seed=5)
    assert all((a == b).all() for a, b in zip(again, (chosen, rows, member), strict=True))


@LEVELS
def test_pairs_point_to_the_embeddings_of_their_pictures(
    made: dict[Level, UnitMaterial], level: Level
) -> None:
    material = made[level]
    assert len(set(material.ids)) == len(material.ids) == len(material.matrices[0])
    assert (material.people == np.array([name[:5] for name in material.ids])).all()
    for pairs in (material.training, material.questions):
        same = material.people[pairs.left] == material.people[pairs.right]
        assert (same == pairs.same).all()
    if level is Level.IMAGE:
        question, unit, _ = material.asked.T
        pairs = material.questions
        sides = np.stack([material.ids[pairs.left], material.ids[pairs.right]])
        assert (sides[:, question] == material.names[unit]).any(axis=0).all()


@LEVELS
def test_control_pairs_show_control_people_alone(
    made: dict[Level, UnitMaterial], level: Level
) -> None:
    material = made[level]
    pairs = material.control_pairs()
    control = set(material.person[material.control_units])
    assert set(material.people[pairs.pictures()]) <= control
    assert pairs.same.any()
    assert not pairs.same.all()
    trained = set(material.training.pictures().tolist())
    assert not trained & set(pairs.pictures().tolist())


@LEVELS
def test_pictures_that_cannot_be_embedded_take_their_pairs_and_units_along(
    make_unit_material: Callable[..., UnitMaterial],
    made: dict[Level, UnitMaterial],
    level: Level,
) -> None:
    whole = made[level]
    rng = np.random.default_rng(0)
    nobody = str(whole.person[np.flatnonzero(~whole.control_units)[3]])
    lost = {str(name) for name in whole.ids[rng.random(len(whole.ids)) < 0.1]}
    lost |= {str(name) for name in whole.ids if str(name).startswith(nobody)}
    part = make_unit_material(level, COUNTS, limit=150, widths=(6, 4), broken=sorted(lost))
    assert set(part.ids) == set(whole.ids) - lost
    assert nobody not in set(part.person)
    assert 0.8 * len(whole.names) <= len(part.names) < len(whole.names)

    def by_name(material: UnitMaterial) -> tuple[set[tuple[str, str]], set[tuple[str, ...]]]:
        """Training pairs, and questions about each unit, by ids."""
        known = set(part.names)

        def named(pairs: Pairs) -> list[tuple[str, str]]:
            left, right = material.ids[pairs.left], material.ids[pairs.right]
            return list(zip(left.tolist(), right.tolist(), strict=True))

        questions = named(material.questions)
        units = material.names[material.training_units]
        trained = {
            pair
            for pair, sides in zip(named(material.training), units, strict=True)
            if not lost & set(pair) and known >= set(sides)
        }
        asked = {
            (*questions[q], str(material.names[unit]), str(number))
            for q, unit, number in material.asked
            if not lost & set(questions[q])
        }
        return trained, asked

    assert by_name(part) == by_name(whole)
    assert (np.diff(part.asked[:, 1]) >= 0).all()
    assert set(part.asked[:, 1].tolist()) == set(range(len(part.names)))
    assert (part.control_units == np.isin(part.names, whole.names[whole.control_units])).all()


@LEVELS
def test_if_next_to_nothing_could_be_embedded_the_first_reason_is_given(
    make_unit_material: Callable[..., UnitMaterial],
    made: dict[Level, UnitMaterial],
    level: Level,
) -> None:
    broken = [str(name) for name in made[level].ids[1:]]
    with pytest.raises(DatasetError, match=r"too few pictures .* first reason: no face"):
        make_unit_material(level, COUNTS, limit=150, widths=(6, 4), broken=broken)


@LEVELS
def test_material_survives_as_arrays(made: dict[Level, UnitMaterial], level: Level) -> None:
    material = made[level]
    facts, arrays = material.to_arrays()
    back = UnitMaterial.from_arrays(json.loads(json.dumps(facts)), arrays)
    assert back.changed == ()
    full = UnitMaterial.from_arrays(facts, arrays | changed_arrays(material.changed))
    for mine, theirs in zip(full.changed, material.changed, strict=True):
        assert all((a == b).all() for a, b in zip(mine, theirs, strict=True))
    same = replace(full, changed=()).to_arrays()
    for facts_again, arrays_again in (back.to_arrays(), same):
        assert facts_again == facts
        assert arrays_again.keys() == arrays.keys()
        assert all((arrays_again[name] == arrays[name]).all() for name in arrays)
        assert all(arrays_again[name].dtype == arrays[name].dtype for name in arrays)
