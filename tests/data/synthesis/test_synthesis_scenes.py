"""Scenes: any size, any number of people, boxes and landmarks that fit the pixels."""

import numpy as np
import pytest

from facebone.data.synthesis.backdrop import busy_backdrop, soft_backdrop
from facebone.data.synthesis.identity import Identity
from facebone.data.synthesis.nuisance import Camera, Nuisance, Pose
from facebone.data.synthesis.recipe import Recipe, stream
from facebone.data.synthesis.render import render_face
from facebone.data.synthesis.scenes import (
    Sitter,
    draw_scene,
    portrait,
    portrait_landmarks,
    render_scene,
)
from facebone.errors import UsageError

PLAIN = Nuisance(camera=Camera(noise=0.0, blur=0.0))


def people(count: int, seed: int = 5) -> list[tuple[Identity, Nuisance]]:
    recipes = [Recipe(seed, number, 0) for number in range(count)]
    return [(recipe.identity(), recipe.nuisance()) for recipe in recipes]


@pytest.mark.parametrize("shape", [(16, 16), (250, 250), (90, 301), (333, 71)])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_shapes_of_what_comes_back(shape: tuple[int, int], count: int) -> None:
    sitters = [
        Sitter(person, nuisance, 0.3 * shape[1] * (k + 1), 0.5 * shape[0], shape[0] / 300)
        for k, (person, nuisance) in enumerate(people(count))
    ]
    scene = render_scene(sitters, shape)
    assert scene.image.shape == (*shape, 3)
    assert scene.image.dtype == np.uint8
    assert scene.boxes.shape == (count, 4)
    assert scene.landmarks.shape == (count, 5, 2)


def test_a_sitter_in_the_middle_of_112_pixels_is_the_crop() -> None:
    person = Recipe(2, 1, 0).identity()
    crop = render_face(person, PLAIN)
    sitter = Sitter(person, PLAIN, x=56.0, y=112 * 0.62, scale=1.0)
    scene = render_scene([sitter], (112, 112))
    np.testing.assert_allclose(scene.landmarks[0], crop.landmarks, atol=1e-3)
    # The backgrounds differ, the faces do not.
    middle = np.s_[45:100, 38:74]
    gap = np.abs(scene.image[middle].astype(float) - crop.image[middle])
    assert gap.mean() < 0.05


def test_scale_and_place_move_the_landmarks() -> None:
    person, _ = people(1)[0]
    small = render_scene([Sitter(person, PLAIN, 60.0, 70.0, 0.8)]).landmarks[0]
    large = render_scene([Sitter(person, PLAIN, 120.0, 140.0, 1.6)]).landmarks[0]
    np.testing.assert_allclose(large, 2 * small, atol=1e-3)


def test_boxes_hold_the_landmarks() -> None:
    for number in range(20):
        scene = draw_scene(stream("scene test", number), people(2, seed=number))
        for (x, y, width, height), marks in zip(scene.boxes, scene.landmarks, strict=True):
            assert ((marks >= (x, y)) & (marks <= (x + width, y + height))).all()
            assert 0.9 < height / width < 1.7


def test_only_the_place_of_the_sitter_changes() -> None:
    person, _ = people(1)[0]
    empty = render_scene([], backdrop_seed=3).image.astype(int)
    scene = render_scene([Sitter(person, PLAIN, 70.0, 80.0, 0.6)], backdrop_seed=3)
    changed = np.abs(scene.image.astype(int) - empty).sum(axis=2) > 0
    x, y, width, height = scene.boxes[0].astype(int)
    assert changed[y + 5 : y + height - 5, x + 10 : x + width - 10].mean() > 0.98
    assert not changed[:, 150:].any()


def test_a_sitter_outside_the_picture_changes_nothing() -> None:
    person, _ = people(1)[0]
    empty = render_scene([], backdrop_seed=3).image
    scene = render_scene([Sitter(person, PLAIN, -900.0, 80.0, 1.0)], backdrop_seed=3)
    np.testing.assert_array_equal(scene.image, empty)


def test_drawn_faces_are_whole_and_apart() -> None:
    for number in range(30):
        scene = draw_scene(stream("apart", number), people(3, seed=number), (240, 320))
        assert 1 <= len(scene.boxes) <= 3
        assert (scene.landmarks.reshape(-1, 2) >= 0).all()
        assert (scene.landmarks.reshape(-1, 2) < (320, 240)).all()
        centres = scene.landmarks.mean(axis=1)
        for i in range(len(centres)):
            for j in range(i):
                inside = (
                    np.abs(centres[i] - centres[j]) * 2
                    < (scene.boxes[i, 2:] + scene.boxes[j, 2:]) * 0.8
                )
                assert not inside.all()


def test_a_portrait_is_the_recipes_own() -> None:
    recipe = Recipe(2, 3, 4, "scene")
    person, nuisance = recipe.identity(), recipe.nuisance()
    first = portrait(person, nuisance, recipe.stream("portrait", 4))
    again = portrait(person, nuisance, recipe.stream("portrait", 4))
    other = portrait(person, nuisance, recipe.stream("portrait", 5))
    assert first.image.shape == (250, 250, 3)
    np.testing.assert_array_equal(first.image, again.image)
    assert not np.array_equal(first.image, other.image)
    marks = portrait_landmarks(person, nuisance, recipe.stream("portrait", 4))
    np.testing.assert_array_equal(marks, first.landmarks[0])


def test_roll_turns_the_eyes() -> None:
    person, _ = people(1)[0]
    nuisance = Nuisance(pose=Pose(roll=30.0))
    marks = render_scene([Sitter(person, nuisance, 125.0, 125.0, 1.0)]).landmarks[0]
    angle = np.degrees(np.arctan2(*(marks[1] - marks[0])[::-1]))
    assert 26 < angle < 34


def test_backdrops_differ_by_seed_and_repeat() -> None:
    for backdrop in (soft_backdrop, busy_backdrop):
        np.testing.assert_array_equal(backdrop((40, 60), 1), backdrop((40, 60), 1))
        assert backdrop((40, 60), 1).shape == (40, 60, 3)
        assert not np.array_equal(backdrop((40, 60), 1), backdrop((40, 60), 2))


def test_a_scene_too_small_is_refused() -> None:
    with pytest.raises(UsageError, match="16x16 pixels at least, got 15x200"):
        render_scene([], (15, 200))


def test_a_sitter_without_size_is_refused() -> None:
    person, nuisance = people(1)[0]
    with pytest.raises(UsageError, match="scale is above 0, got 0"):
        render_scene([Sitter(person, nuisance, 50, 50, 0.0)])
