"""One folder a person: any names, any of the usual formats, everything else listed."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import pytest

from facebone.data.dataset import load_dataset
from facebone.data.folder import load_folder
from facebone.errors import DatasetError, UsageError


def make(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def test_people_and_pictures_in_order(tmp_path: Path) -> None:
    make(tmp_path, "b/2.jpg", "b/10.jpg", "a/z.png", "a/y.png")
    dataset = load_dataset("folder", tmp_path)
    assert [p.id for p in dataset.pictures] == ["a/y.png", "a/z.png", "b/10.jpg", "b/2.jpg"]
    assert dataset.people == {"a": (0, 1), "b": (2, 3)}
    assert dataset.official_pairs is None
    assert dataset.warnings == ()
    assert dataset.pictures[0].source.location == str(tmp_path / "a" / "y.png")


def test_names_with_spaces_and_of_all_scripts(tmp_path: Path) -> None:
    names = ["Анна Каренина", "山田 太郎", "نجيب محفوظ", "Zoë O'Hara, jr.", "b&b"]
    make(tmp_path / "мои лица", *(f"{name}/{i} фото.jpg" for name in names for i in (1, 2)))
    dataset = load_folder(tmp_path / "мои лица")
    assert sorted(dataset.people) == sorted(names)
    assert "Анна Каренина/1 фото.jpg" in dataset.index
    assert len(dataset.fingerprint) == 32


def test_formats_whatever_the_case(tmp_path: Path) -> None:
    suffixes = ["jpg", "JPEG", "png", "Bmp", "webp", "TIF", "tiff", "GIF"]
    make(tmp_path, *(f"a/{i}.{suffix}" for i, suffix in enumerate(suffixes)))
    assert len(load_folder(tmp_path).pictures) == len(suffixes)


def test_hidden_files_are_passed_over_and_others_listed(tmp_path: Path) -> None:
    make(
        tmp_path,
        "a/1.jpg", "a/2.jpg", "a/.1.jpg.swp", "a/notes.txt", "a/inner/3.jpg",
        ".git/x.jpg", ".DS_Store", "readme.md", "loose.jpg",
    )  # fmt: skip
    (tmp_path / "nobody").mkdir()
    dataset = load_folder(tmp_path)
    assert [p.id for p in dataset.pictures] == ["a/1.jpg", "a/2.jpg"]
    assert [w.split("'")[1] for w in dataset.warnings] == [
        "loose.jpg", "readme.md", "a/inner", "a/notes.txt", "nobody",
    ]  # fmt: skip


def test_a_long_list_of_others_is_cut(tmp_path: Path) -> None:
    make(tmp_path, "a/1.jpg", "a/2.jpg", *(f"a/{i:03d}.txt" for i in range(50)))
    warnings = load_folder(tmp_path).warnings
    assert len(warnings) == 21
    assert "30 more" in warnings[-1]


def test_a_person_with_one_picture_is_kept_with_a_warning(tmp_path: Path) -> None:
    make(tmp_path, "a/1.jpg", "a/2.jpg", "single/1.jpg")
    dataset = load_folder(tmp_path)
    assert dataset.people["single"] == (2,)
    assert dataset.warnings == ("1 with one picture only, of no use in matched pairs: 'single'",)


@pytest.mark.parametrize("wrapper", ["", "faces/", "faces/photos/"])
def test_an_archive_with_or_without_a_wrapping_folder(tmp_path: Path, wrapper: str) -> None:
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as file:
        for name in ("Аня/1.jpg", "Аня/2.jpg", "b b/1.jpg"):
            file.writestr(wrapper + name, "x")
    dataset = load_folder(tmp_path / "f.zip")
    assert [p.id for p in dataset.pictures] == ["b b/1.jpg", "Аня/1.jpg", "Аня/2.jpg"]


def test_an_archive_of_one_person_with_a_folder_inside(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as file:
        for name in ("Anna/1.jpg", "Anna/2.jpg", "Anna/old/3.jpg"):
            file.writestr(name, "x")
    assert list(load_folder(tmp_path / "f.zip").people) == ["Anna"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux allows such names")
def test_a_name_in_a_foreign_encoding_is_left_out(tmp_path: Path) -> None:
    make(tmp_path, "a/1.jpg", "a/2.jpg")
    with open(os.fsencode(tmp_path) + b"/a/\xe9t\xe9.jpg", "wb") as file:
        file.write(b"x")
    dataset = load_folder(tmp_path)
    assert len(dataset.pictures) == 2
    assert "left out" in dataset.warnings[0]
    dataset.warnings[0].encode()


def test_no_root() -> None:
    with pytest.raises(UsageError, match="--root: the folder data set needs a folder"):
        load_folder(None)


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="absent: there is no such folder"):
        load_folder(tmp_path / "absent")


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="the folder is empty; expected one folder a person"):
        load_folder(tmp_path)


@pytest.mark.parametrize("names", [["loose.jpg"], ["a/notes.txt"], ["a/b/1.jpg"]])
def test_no_person_with_pictures(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(DatasetError, match="no person has a picture"):
        load_folder(make(tmp_path, *names))


def test_an_archive_cut_short(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as file:
        file.writestr("a/1.jpg", os.urandom(1000))
    content = (tmp_path / "f.zip").read_bytes()
    (tmp_path / "f.zip").write_bytes(content[: len(content) // 2])
    with pytest.raises(DatasetError, match=r"f\.zip: is cut short or damaged"):
        load_folder(tmp_path / "f.zip")
