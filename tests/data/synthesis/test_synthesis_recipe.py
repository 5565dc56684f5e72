"""Recipes: what a picture depends on, and who is reserved for training."""

import json

import numpy as np
import pytest

from facebone.data.synthesis.recipe import GENERATOR, Recipe, stream
from facebone.errors import DecodeError, UsageError


def test_recipe_survives_the_way_through_bytes() -> None:
    recipe = Recipe(7, 12, 3, "scene", "training")
    assert Recipe.from_bytes(recipe.to_bytes(), location="x") == recipe


def test_bytes_name_the_generator_and_every_field() -> None:
    base = Recipe(7, 12, 3)
    fields = json.loads(base.to_bytes())
    assert fields["generator"] == GENERATOR
    others = [
        Recipe(8, 12, 3),
        Recipe(7, 13, 3),
        Recipe(7, 12, 4),
        Recipe(7, 12, 3, "scene"),
        Recipe(7, 12, 3, namespace="training"),
    ]
    assert len({base.to_bytes(), *(other.to_bytes() for other in others)}) == 6


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xd8\xff\xe0 a photograph",
        b"[]",
        b'"text"',
        b"{}",
        b'{"generator": "facebone-faces/1", "seed": 1}',
        b'{"generator": "facebone-faces/1", "seed": -1, "person": 0, "picture": 0}',
        b'{"generator": "facebone-faces/1", "seed": 0, "person": 0, "picture": 0, "x": 1}',
        b'{"generator": "facebone-faces/1", "seed": 0, "person": "0", "picture": 0}',
    ],
)
def test_bytes_that_are_no_recipe_are_refused(content: bytes) -> None:
    with pytest.raises(DecodeError, match="here: not the recipe of a synthetic face"):
        Recipe.from_bytes(content, location="here")


def test_recipe_of_another_generator_is_refused() -> None:
    content = Recipe(0, 0, 0).to_bytes().replace(GENERATOR.encode(), b"facebone-faces/0")
    with pytest.raises(DecodeError, match="facebone-faces/0, this is"):
        Recipe.from_bytes(content, location="here")


def test_negative_numbers_are_refused() -> None:
    with pytest.raises(UsageError, match="start at 0, got -1 and 0"):
        Recipe(0, -1, 0)
    with pytest.raises(UsageError, match="start at 0, got 0 and -2"):
        Recipe(0, 0, -2)


def test_seed_out_of_range_is_refused() -> None:
    with pytest.raises(UsageError, match="seed: must be in"):
        Recipe(2**32, 0, 0)


def test_unknown_view_or_namespace_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown view 'aerial'"):
        Recipe(0, 0, 0, "aerial")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="namespace 'private'"):
        Recipe(0, 0, 0, namespace="private")  # type: ignore[arg-type]


def test_one_person_in_all_pictures_in_other_circumstances() -> None:
    a, b = Recipe(1, 2, 0), Recipe(1, 2, 1)
    assert a.identity() == b.identity()
    assert a.nuisance() != b.nuisance()


def test_training_people_are_nobody_else() -> None:
    # The shipped networks were trained on seeds 0 and 1 of the training namespace. The streams are
    # seeded by 128 bits of a hash, so equal people would mean equal streams.
    seeds, people = (0, 1, 2, 77), 60
    training = {
        Recipe(s, i, 0, namespace="training").identity() for s in seeds for i in range(people)
    }
    public = {Recipe(s, i, 0).identity() for s in seeds for i in range(people)}
    assert len(training) == len(public) == len(seeds) * people
    assert not training & public


def test_streams_depend_on_every_part_of_their_purpose() -> None:
    draws = {
        stream(*purpose).integers(2**62)
        for purpose in [
            ("public", 1, 23),
            ("public", 12, 3),
            ("public", 1, 2, 3),
            ("training", 1, 23),
        ]
    }
    assert len(draws) == 4


def test_people_are_spread_over_the_traits() -> None:
    traits = [Recipe(5, i, 0).identity().attributes() for i in range(300)]
    names = set(traits[0])
    assert all(set(t) == names and all(np.isfinite(list(t.values()))) for t in traits)
    tone = np.array([t["skin_tone"] for t in traits])
    assert tone.min() < 0.1
    assert tone.max() > 0.9
    for share in ("glasses", "beard", "bald", "long_hair"):
        mean = np.mean([t[share] for t in traits])
        assert 0.02 < mean < 0.6, share
    assert {t["hair_style"] for t in traits} == set(range(9))
