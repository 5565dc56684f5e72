"""The synthetic data set."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facebone.data.dataset import load_dataset
from facebone.data.faces.align import align
from facebone.data.faces.templates import get_template
from facebone.data.pictures import RGB
from facebone.data.synthesis.recipe import Recipe
from facebone.data.synthesis.render import render_face
from facebone.data.synthetic import (
    DEFAULT_PEOPLE,
    DEFAULT_PICTURES,
    SyntheticSource,
    export_folder,
    synthetic_dataset,
)
from facebone.errors import DecodeError, StorageError, UsageError
from facebone.progress import SilentProgress


def pixels(dataset: object, position: int) -> RGB:
    source = dataset.pictures[position].source  # type: ignore[attr-defined]
    decoded: RGB = source.decode(source.read())
    return decoded


def test_the_registered_data_set() -> None:
    dataset = load_dataset("synthetic", seed=3)
    assert dataset.name == "synthetic"
    assert len(dataset.people) == DEFAULT_PEOPLE
    assert len(dataset.pictures) == DEFAULT_PEOPLE * DEFAULT_PICTURES
    assert dataset.pictures[12 * DEFAULT_PICTURES + 3].id == "s00012/003"
    assert dataset.pictures[12 * DEFAULT_PICTURES + 3].person == "s00012"


def test_a_root_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="root: the synthetic data set reads nothing"):
        load_dataset("synthetic", tmp_path, seed=0)


@pytest.mark.parametrize(("people", "each"), [(0, 1), (1, 0), (-3, 2)])
def test_numbers_below_one_are_refused(people: int, each: int) -> None:
    with pytest.raises(UsageError, match="must be 1 or more"):
        synthetic_dataset(people, each, seed=0)


def test_a_seed_out_of_range_is_refused() -> None:
    with pytest.raises(UsageError, match="seed: must be in"):
        synthetic_dataset(2, 2, seed=-1)


def test_pictures_do_not_depend_on_how_many_there_are() -> None:
    few, many = synthetic_dataset(3, 2, seed=8), synthetic_dataset(9, 5, seed=8)
    for position, picture in enumerate(few.pictures):
        other = many.index[picture.id]
        np.testing.assert_array_equal(pixels(few, position), pixels(many, other))
        assert few.attributes[picture.id] == many.attributes[picture.id]


def test_another_seed_gives_other_people() -> None:
    a, b = synthetic_dataset(5, 2, seed=1), synthetic_dataset(5, 2, seed=2)
    for position in range(len(a.pictures)):
        gap = np.abs(pixels(a, position).astype(int) - pixels(b, position)).mean()
        assert gap > 8
    traits = {tuple(d.attributes[p.id].values()) for d in (a, b) for p in d.pictures}
    assert len(traits) == 10


def test_fingerprints_tell_seed_size_and_view_apart() -> None:
    sets = [
        synthetic_dataset(3, 2, seed=1),
        synthetic_dataset(3, 2, seed=2),
        synthetic_dataset(3, 3, seed=1),
        synthetic_dataset(3, 2, seed=1, view="scene"),
    ]
    assert len({dataset.fingerprint for dataset in sets}) == 4
    assert sets[0].fingerprint == synthetic_dataset(3, 2, seed=1).fingerprint


def test_every_picture_is_another_one() -> None:
    dataset = synthetic_dataset(6, 6, seed=0)
    contents = {picture.source.read() for picture in dataset.pictures}
    assert len(contents) == 36
    images = {pixels(dataset, position).tobytes() for position in range(36)}
    assert len(images) == 36


def test_no_picture_is_of_a_training_person() -> None:
    for seed in (0, 1, 99):
        for picture in synthetic_dataset(20, 2, seed=seed).pictures:
            source = picture.source
            assert isinstance(source, SyntheticSource)
            assert source.recipe.namespace == "public"
            assert b'"namespace": "public"' in source.read()


@pytest.mark.parametrize("view", ["crop", "scene"])
def test_a_source_survives_pickling_and_is_small(view: str) -> None:
    dataset = synthetic_dataset(2, 2, seed=5, view=view)  # type: ignore[arg-type]
    source = dataset.pictures[3].source
    data = pickle.dumps(source)
    again = pickle.loads(data)
    assert len(data) < 400
    assert again == source
    np.testing.assert_array_equal(again.decode(again.read()), pixels(dataset, 3))
    np.testing.assert_array_equal(again.landmarks, source.landmarks)


def test_landmarks_align_scenes_and_crops_to_the_same_place() -> None:
    # A scene and a crop of one recipe show the same head: aligned, they agree in the middle.
    template = get_template("arcface-112x112")
    crops = synthetic_dataset(8, 1, seed=6)
    scenes = synthetic_dataset(8, 1, seed=6, view="scene")
    for position in range(8):
        faces = [
            align(pixels(d, position), d.pictures[position].source.landmarks, template)
            for d in (crops, scenes)
        ]
        a, b = (face[40:100, 35:77].mean(axis=2) for face in faces)
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.8
    assert pixels(scenes, 0).shape == (250, 250, 3)


def test_bytes_of_something_else_are_refused_by_name() -> None:
    source = synthetic_dataset(3, 2, seed=4).pictures[5].source
    with pytest.raises(DecodeError, match="synthetic:4/s00002/001: not the recipe"):
        source.decode(b"GIF89a")


def test_attributes_are_numbers_and_the_same_for_all_pictures_of_a_person() -> None:
    dataset = synthetic_dataset(30, 2, seed=0)
    assert set(dataset.attributes) == set(dataset.index)
    for positions in dataset.people.values():
        first, second = (dataset.attributes[dataset.pictures[p].id] for p in positions)
        assert first == second
        assert all(isinstance(value, float) for value in first.values())


def test_the_glasses_attribute_is_what_the_pixels_show() -> None:
    dataset = synthetic_dataset(40, 1, seed=2)
    seen = set()
    for position, picture in enumerate(dataset.pictures):
        recipe = Recipe(2, position, 0)
        person, nuisance = recipe.identity(), recipe.nuisance()
        if nuisance.surroundings.occlusion == "sunglasses":
            continue
        bare = replace(person, extras=replace(person.extras, glasses="none"))
        without = render_face(bare, nuisance).image
        glasses = dataset.attributes[picture.id]["glasses"]
        assert np.array_equal(without, pixels(dataset, position)) == (glasses == 0.0)
        seen.add(glasses)
    assert seen == {0.0, 1.0}


def test_export_writes_a_folder_a_person(tmp_path: Path) -> None:
    dataset = synthetic_dataset(3, 2, seed=1)
    out = tmp_path / "with space" / "gesichter"
    files = export_folder(dataset, out)
    assert [file.relative_to(out).as_posix() for file in files[:3]] == [
        "s00000/s00000_000.png",
        "s00000/s00000_001.png",
        "s00001/s00001_000.png",
    ]
    for position, file in enumerate(files):
        with Image.open(file) as image:
            np.testing.assert_array_equal(np.asarray(image), pixels(dataset, position))


def test_an_export_cut_off_leaves_nothing(tmp_path: Path) -> None:
    class Cut(SilentProgress):
        def advance(self, count: int) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_folder(synthetic_dataset(3, 2, seed=1), tmp_path / "out", progress=Cut)
    assert list(tmp_path.iterdir()) == []


def test_export_as_jpeg_is_close(tmp_path: Path) -> None:
    dataset = synthetic_dataset(1, 2, seed=1)
    files = export_folder(dataset, tmp_path / "out", file_format="jpg")
    with Image.open(files[1]) as image:
        assert image.format == "JPEG"
        gap = np.abs(np.asarray(image).astype(int) - pixels(dataset, 1))
    assert gap.mean() < 6


def test_an_exported_folder_is_a_data_set(tmp_path: Path) -> None:
    dataset = synthetic_dataset(3, 2, seed=1)
    export_folder(dataset, tmp_path / "out")
    again = load_dataset("folder", tmp_path / "out")
    assert sorted(again.people) == sorted(dataset.people)
    np.testing.assert_array_equal(pixels(again, 4), pixels(dataset, 4))


def test_export_into_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(StorageError, match="is not an empty folder"):
        export_folder(synthetic_dataset(1, 1, seed=1), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_export_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"a part of this path is a file|already there"):
        export_folder(synthetic_dataset(1, 1, seed=1), tmp_path / "file" / "out")


def test_export_in_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must be 'png' or 'jpg', got 'bmp'"):
        export_folder(synthetic_dataset(1, 1, seed=1), tmp_path / "out", file_format="bmp")  # type: ignore[arg-type]
