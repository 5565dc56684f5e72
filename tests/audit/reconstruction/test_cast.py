"""Who is attacked, who is control, whose faces the attacker has."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.audit.reconstruction import cast as module
from facebone.audit.reconstruction.cast import draw_cast
from facebone.data.synthetic import synthetic_dataset
from facebone.errors import DatasetError


@pytest.fixture(scope="module")
def dataset():
    return synthetic_dataset(36, 3, seed=0)


def people_of(dataset, positions):
    return {dataset.pictures[i].person for i in positions}


def test_nobody_stands_in_two_groups(dataset):
    cast = draw_cast(dataset, seed=0)
    groups = [people_of(dataset, part) for part in (cast.own, cast.attacked, cast.control)]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 36
    assert [len(group) for group in groups] == [12, 12, 12]
    assert len(cast.own) == 36
    assert len(cast.control) == 12


def test_others_are_the_other_pictures_of_the_attacked(dataset):
    cast = draw_cast(dataset, seed=0)
    assert not set(cast.others) & set(cast.attacked)
    for place, position in zip(cast.of, cast.others, strict=True):
        attacked = dataset.pictures[cast.attacked[place]]
        assert dataset.pictures[position].person == attacked.person
    assert np.bincount(cast.of).tolist() == [2] * 12


def test_the_seed_decides_who(dataset):
    one, again, other = (draw_cast(dataset, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.attacked, again.attacked)
    np.testing.assert_array_equal(one.own, again.own)
    assert people_of(dataset, one.attacked) != people_of(dataset, other.attacked)


def test_limits_are_kept(dataset, monkeypatch):
    monkeypatch.setattr(module, "MOST_ATTACKED", 10)
    monkeypatch.setattr(module, "MOST_OWN", 20)
    cast = draw_cast(dataset, seed=0)
    assert (len(cast.attacked), len(cast.control), len(cast.own)) == (10, 10, 20)


def test_copies_of_the_attacked_are_taken_away_from_the_attacker(dataset):
    from dataclasses import replace

    cast = draw_cast(dataset, seed=0)
    twin = int(cast.own[0])
    pictures = list(dataset.pictures)
    leaked = pictures[cast.attacked[0]]
    pictures[twin] = replace(pictures[twin], source=leaked.source)
    copied = replace(dataset, pictures=tuple(pictures))
    assert twin not in draw_cast(copied, seed=0).own


def test_too_few_people_are_refused():
    with pytest.raises(DatasetError, match="has 20 people with two pictures or more"):
        draw_cast(synthetic_dataset(20, 2, seed=0), seed=0)
