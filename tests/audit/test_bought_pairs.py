"""Pairs by which it is told what training bought: whose they are, how many, and which first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from facebone.audit import bought_pairs
from facebone.audit.bought_pairs import Groups, pair_groups, shifted_rows, unit_groups
from facebone.audit.material import Material
from facebone.audit.target import members_of_seed
from facebone.audit.unit_material import UnitMaterial, members_of
from facebone.data.pairs import Pairs
from facebone.data.splits import Level

MakeUnits = Callable[..., UnitMaterial]


@pytest.fixture(scope="module")
def people(make_unit_material: MakeUnits) -> UnitMaterial:
    return make_unit_material(Level.IDENTITY, (4, 6, 9) * 30)


@pytest.fixture(scope="module")
def pictures(make_unit_material: MakeUnits) -> UnitMaterial:
    return make_unit_material(Level.IMAGE, (3, 5) * 40, limit=150)


def keys(pairs: Pairs) -> list[tuple[int, int]]:
    return [(min(a, b), max(a, b)) for a, b in zip(pairs.left, pairs.right, strict=True)]


def check_balanced(pairs: Pairs, people: np.ndarray) -> None:
    half = len(pairs) // 2
    assert half > 10
    assert pairs.same[:half].all()
    assert not pairs.same[half:].any()
    np.testing.assert_array_equal(people[pairs.left] == people[pairs.right], pairs.same)
    assert len(set(keys(pairs))) == len(pairs)
    assert (pairs.left != pairs.right).all()


def units_of(material: UnitMaterial, seed: int) -> Groups:
    return unit_groups(material, *members_of(material, seed=seed))


def test_pairs_trained_on_and_those_not(material: Material) -> None:
    member = members_of_seed(material, seed=3)
    found = pair_groups(material, member)
    for group, mask in ((found.members, member), (found.strangers, ~member)):
        check_balanced(group, material.people)
        assert set(keys(group)) == set(keys(material.pool.take(mask)))


@pytest.mark.parametrize("seed", [0, 1])
def test_people_are_asked_about_by_pictures_that_were_not_trained_on(
    people: UnitMaterial, seed: int
) -> None:
    chosen, rows, member = members_of(people, seed=seed)
    found = units_of(people, seed)
    trainable = set(people.ids[people.training.pictures()])
    for group, units in ((found.members, member), (found.strangers, ~chosen)):
        check_balanced(group, people.people)
        who = set(people.person[units & ~people.control_units])
        shown = group.pictures()
        assert set(people.people[shown]) <= who
        # Nearly everybody is asked about, whatever the number of their pictures.
        assert len(set(people.people[shown])) > 0.9 * len(who)
        assert not trainable & set(people.ids[shown])
    assert not set(people.people[found.strangers.pictures()]) & set(
        people.people[people.training.take(rows).pictures()]
    )


def test_one_pair_of_each_person_comes_before_a_second_of_any(
    people: UnitMaterial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bought_pairs, "MOST", 30)
    found = units_of(people, 0).strangers
    count = Counter(people.people[found.left[found.same]].tolist())
    assert sum(count.values()) == 30
    assert max(count.values()) - min(count.values()) <= 1


def test_pictures_trained_on_and_pairs_of_pictures_that_were_not(pictures: UnitMaterial) -> None:
    _, rows, member = members_of(pictures, seed=0)
    found = units_of(pictures, 0)
    check_balanced(found.members, pictures.people)
    check_balanced(found.strangers, pictures.people)
    assert set(keys(found.members)) <= set(keys(pictures.training.take(rows)))
    known = set(pictures.names[member])
    control = set(pictures.names[pictures.control_units])
    shown = set(pictures.ids[found.strangers.pictures()])
    assert not shown & (known | control)


def test_there_are_never_more_than_the_most(
    material: Material,
    people: UnitMaterial,
    pictures: UnitMaterial,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    full = [pair_groups(material, members_of_seed(material, seed=0))]
    full += [units_of(one, 0) for one in (people, pictures)]
    monkeypatch.setattr(bought_pairs, "MOST", 20)
    few = [pair_groups(material, members_of_seed(material, seed=0))]
    few += [units_of(one, 0) for one in (people, pictures)]
    for many, some in zip(full, few, strict=True):
        for wide, narrow in zip(many, some, strict=True):
            assert int(narrow.same.sum()) == int((~narrow.same).sum()) == 20
            assert len(wide) > 40
    # They are the first of all, so a larger sample takes over what a smaller one has.
    for wide, narrow in zip(full[0], few[0], strict=True):
        assert keys(wide)[:20] == keys(narrow)[:20]


def test_targets_of_several_seeds_are_asked_about_the_same_pairs_where_they_can(
    make_material: Callable[..., Material], monkeypatch: pytest.MonkeyPatch
) -> None:
    material = make_material(pairs=400)
    monkeypatch.setattr(bought_pairs, "MOST", 50)
    groups = [pair_groups(material, members_of_seed(material, seed=seed)) for seed in range(8)]
    asked = [set(keys(group.strangers)) for group in groups]
    together = set().union(*asked)
    # Eight draws of 100 in 400 would hold nearly all of the 800; those of highest rank are few.
    assert len(together) < 260
    np.testing.assert_array_equal(
        shifted_rows(groups), sorted({row for pair in together for row in pair})
    )


def test_rows_of_no_group_are_none() -> None:
    assert shifted_rows([]).tolist() == []
