"""LFW: every place it may lie in, and a pairs file that is taken at its word or refused."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest

from facebone.data.dataset import Dataset, load_dataset
from facebone.data.lfw import load_lfw
from facebone.errors import DatasetError

PEOPLE = {"Anna_Lee": 3, "Bo-Xi": 2, "Carl_O_Neil": 1}
LINES = [
    "2\t1",
    "Anna_Lee\t1\t3",
    "Anna_Lee\t2\tBo-Xi\t1",
    "Bo-Xi\t1\t2",
    "Carl_O_Neil\t1\tAnna_Lee\t3",
]
IDS = [
    "Anna_Lee/0001", "Anna_Lee/0002", "Anna_Lee/0003", "Bo-Xi/0001", "Bo-Xi/0002",
    "Carl_O_Neil/0001",
]  # fmt: skip


def make_people(folder: Path) -> Path:
    for name, count in PEOPLE.items():
        (folder / name).mkdir(parents=True)
        for i in range(1, count + 1):
            (folder / name / f"{name}_{i:04d}.jpg").write_bytes(b"x")
    return folder


def write_pairs(folder: Path, lines: list[str] = LINES) -> Path:
    path = folder / "pairs.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def make_archive(folder: Path, name: str = "lfw.tgz") -> Path:
    people = make_people(folder / "tmp" / "lfw")
    with tarfile.open(folder / name, "w:gz") as tar:
        tar.add(people, "lfw")
    shutil.rmtree(folder / "tmp")
    return folder / name


@pytest.mark.parametrize(
    "inner",
    [".", "lfw", "lfw_funneled", "lfw-deepfunneled", "lfw-deepfunneled/lfw-deepfunneled"],
)
@pytest.mark.parametrize("pairs_in", [".", "inner"])
def test_a_folder_of_people(tmp_path: Path, inner: str, pairs_in: str) -> None:
    make_people(tmp_path / inner)
    write_pairs(tmp_path / (inner if pairs_in == "inner" else "."))
    dataset = load_lfw(tmp_path, seed=0)
    assert [picture.id for picture in dataset.pictures] == IDS
    assert {name: len(own) for name, own in dataset.people.items()} == PEOPLE
    pairs = dataset.official_pairs
    assert pairs is not None
    assert pairs.left.tolist() == [0, 1, 3, 5]
    assert pairs.right.tolist() == [2, 3, 4, 2]
    assert pairs.same.tolist() == [True, False, True, False]
    assert pairs.fold is not None
    assert pairs.fold.tolist() == [0, 0, 1, 1]
    assert dataset.warnings == ()


def test_pairs_beside_the_folder_of_people(tmp_path: Path) -> None:
    make_people(tmp_path / "some name")
    write_pairs(tmp_path)
    assert load_lfw(tmp_path / "some name", seed=0).official_pairs is not None


def test_a_folder_with_archive_and_pairs_and_the_archive_itself(tmp_path: Path) -> None:
    archive = make_archive(tmp_path)
    write_pairs(tmp_path)
    for root in (tmp_path, archive):
        dataset = load_lfw(root, seed=0)
        assert [picture.id for picture in dataset.pictures] == IDS
        assert dataset.official_pairs is not None


def test_pairs_inside_the_archive(tmp_path: Path) -> None:
    people = make_people(tmp_path / "lfw")
    pairs = write_pairs(tmp_path)
    with tarfile.open(tmp_path / "all.tar", "w") as tar:
        tar.add(people, "lfw")
        tar.add(pairs, "pairs.txt")
    (tmp_path / "elsewhere").mkdir()
    archive = shutil.move(tmp_path / "all.tar", tmp_path / "elsewhere")
    assert load_lfw(Path(archive), seed=0).official_pairs is not None


def test_without_pairs_it_is_usable_and_says_so(tmp_path: Path) -> None:
    make_people(tmp_path / "lfw")
    dataset = load_lfw(tmp_path, seed=0)
    assert dataset.official_pairs is None
    assert "no pairs.txt" in dataset.warnings[0]


def test_files_that_are_not_named_as_pictures_of_lfw_are_listed(tmp_path: Path) -> None:
    make_people(tmp_path)
    write_pairs(tmp_path)
    (tmp_path / "Bo-Xi" / "Thumbs.db").touch()
    (tmp_path / "Bo-Xi" / "Anna_Lee_0001.jpg").touch()
    (tmp_path / "Bo-Xi" / ".hidden").touch()
    dataset = load_lfw(tmp_path, seed=0)
    assert len(dataset.pictures) == len(IDS)
    assert [w.split("'")[1] for w in dataset.warnings] == [
        "Bo-Xi/Anna_Lee_0001.jpg",
        "Bo-Xi/Thumbs.db",
    ]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nowhere: there is no such folder"):
        load_dataset("lfw", tmp_path / "nowhere")


def test_an_empty_folder_is_named_with_what_was_expected(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"empty: holds no pictures of LFW; expected <Name>"):
        load_lfw(tmp_path / "empty", seed=0)


def test_an_archive_cut_short_is_named(tmp_path: Path) -> None:
    archive = make_archive(tmp_path)
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(DatasetError, match=r"lfw\.tgz: is cut short or damaged"):
        load_lfw(tmp_path, seed=0)


BAD = {
    "no header": (["", *LINES[1:]], r"pairs\.txt:1: expected the numbers of folds"),
    "words in the header": (["two\t1", *LINES[1:]], r"pairs\.txt:1: expected the numbers"),
    "zero folds": (["0\t1"], r"pairs\.txt:1: expected the numbers"),
    "other digits": (["٢\t1", *LINES[1:]], r"pairs\.txt:1: expected the numbers"),
    "one line short": (LINES[:-1], r"states 2 folds of 1 .* 4 lines, but holds 3"),
    "one line more": ([*LINES, LINES[-1]], r"4 lines, but holds 5"),
    "wrong count stated": (["2\t2", *LINES[1:]], r"8 lines, but holds 4"),
    "unknown name": (
        [*LINES[:2], "Anna_Lee\t2\tNobody\t1", *LINES[3:]],
        r"pairs\.txt:3: names 'Nobody', of whom there is no picture",
    ),
    "missing picture": (
        [*LINES[:3], "Bo-Xi\t1\t7", *LINES[4:]],
        r"pairs\.txt:4: there is no picture 7 of 'Bo-Xi'",
    ),
    "no number": ([LINES[0], "Anna_Lee\t1\tx", *LINES[2:]], r"pairs\.txt:2: expected the number"),
    "negative": ([LINES[0], "Anna_Lee\t1\t-3", *LINES[2:]], r"pairs\.txt:2: expected the number"),
    "spaces": ([LINES[0], "Anna_Lee 1 3", *LINES[2:]], r"pairs\.txt:2: expected a matched pair"),
    "four fields where three belong": (
        [LINES[0], LINES[2], LINES[1], *LINES[3:]],
        r"pairs\.txt:2: expected a matched pair",
    ),
    "three fields where four belong": (
        [*LINES[:2], LINES[1], *LINES[3:]],
        r"pairs\.txt:3: expected a mismatched pair",
    ),
    "with itself": (
        [LINES[0], "Anna_Lee\t2\t2", *LINES[2:]],
        r"pairs\.txt:2: pairs a picture with itself",
    ),
    "mismatched with one name": (
        [*LINES[:2], "Anna_Lee\t1\tAnna_Lee\t2", *LINES[3:]],
        r"pairs\.txt:3: a mismatched pair names one person twice",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_wrong_pairs_file_is_refused_by_file_and_line(tmp_path: Path, case: str) -> None:
    lines, message = BAD[case]
    make_people(tmp_path)
    write_pairs(tmp_path, lines)
    with pytest.raises(DatasetError, match=message) as caught:
        load_lfw(tmp_path, seed=0)
    assert str(tmp_path / "pairs.txt") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pairs_file_that_is_no_text(tmp_path: Path) -> None:
    make_people(tmp_path)
    (tmp_path / "pairs.txt").write_bytes(b"\xff\xfe\x00binary")
    with pytest.raises(DatasetError, match=r"pairs\.txt: is no UTF-8 text"):
        load_lfw(tmp_path, seed=0)


def test_the_real_archive(assets: Path, lfw: Dataset) -> None:
    """Counts as the publisher states them; names as an independent reader found them."""
    assert (len(lfw.pictures), len(lfw.people)) == (11_684, 4_281)
    assert max(map(len, lfw.people.values())) == 530  # George_W_Bush
    pairs = lfw.official_pairs
    assert pairs is not None
    assert (len(pairs), int(pairs.same.sum())) == (6_000, 3_000)
    assert np.bincount(pairs.fold[pairs.same]).tolist() == [300] * 10
    people = np.array([picture.person for picture in lfw.pictures])
    assert ((people[pairs.left] == people[pairs.right]) == pairs.same).all()
    used = {lfw.pictures[i].id.replace("/", "_") for i in pairs.pictures()}
    with np.load(assets / "lfw" / "view2_embeddings.npz") as file:
        assert used == set(file["names"].tolist())
