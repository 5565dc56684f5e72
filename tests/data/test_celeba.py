"""CelebA in its published formats, on lists of the real form with a handful of pictures."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from facebone.data.celeba import PARTITION, load_celeba
from facebone.data.dataset import load_dataset
from facebone.errors import DatasetError, UsageError

NAMES = [f"{i:06d}.jpg" for i in range(1, 7)]
PEOPLE = ["2880", "2937", "2880", "8692", "2937", "2880"]
ATTRIBUTES = ["5_o_Clock_Shadow", "Male", "Young"]
VALUES = [[-1, 1, 1], [1, 1, -1], [-1, -1, -1], [1, -1, 1], [1, 1, 1], [-1, 1, -1]]
POINTS = [
    f"{part}_{axis}"
    for part in ("lefteye", "righteye", "nose", "leftmouth", "rightmouth")
    for axis in "xy"
]
# The first line of the published file.
FIRST = [69, 109, 106, 113, 77, 142, 73, 152, 108, 154]
PARTITIONS = [0, 0, 1, 2, 0, 1]

TEXT = {
    "identity_CelebA.txt": [f"{n} {p}" for n, p in zip(NAMES, PEOPLE, strict=True)],
    "list_attr_celeba.txt": [
        "6",
        " ".join(ATTRIBUTES) + " ",
        *(f"{n} " + " ".join(f"{v:2d}" for v in row) for n, row in zip(NAMES, VALUES, strict=True)),
    ],
    "list_landmarks_align_celeba.txt": [
        "6",
        " ".join(POINTS) + " ",
        *(f"{n} " + "  ".join(str(v + i) for v in FIRST) for i, n in enumerate(NAMES)),
    ],
    "list_eval_partition.txt": [f"{n} {p}" for n, p in zip(NAMES, PARTITIONS, strict=True)],
}
CSV = {
    "identity_CelebA.txt": TEXT["identity_CelebA.txt"],
    "list_attr_celeba.csv": [
        ",".join(["image_id", *ATTRIBUTES]),
        *(",".join([n, *map(str, row)]) for n, row in zip(NAMES, VALUES, strict=True)),
    ],
    "list_landmarks_align_celeba.csv": [
        ",".join(["image_id", *POINTS]),
        *(",".join([n, *(str(v + i) for v in FIRST)]) for i, n in enumerate(NAMES)),
    ],
    "list_eval_partition.csv": [
        "image_id,partition",
        *(f"{n},{p}" for n, p in zip(NAMES, PARTITIONS, strict=True)),
    ],
}


def write(root: Path, lists: dict[str, list[str]], *, images: str = "img_align_celeba") -> Path:
    (root / images).mkdir(parents=True)
    for name in NAMES:
        (root / images / name).write_bytes(b"x")
    for name, lines in lists.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("\n".join(lines) + "\n")
    return root


def change(root: Path, name: str, line: int, text: str) -> None:
    lines = (root / name).read_text().splitlines()
    lines[line - 1] = text
    (root / name).write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("lists", [TEXT, CSV], ids=["text", "csv"])
def test_pictures_people_attributes_and_landmarks(
    tmp_path: Path, lists: dict[str, list[str]]
) -> None:
    dataset = load_dataset("celeba", write(tmp_path, lists))
    assert [p.id for p in dataset.pictures] == NAMES
    assert [p.person for p in dataset.pictures] == PEOPLE
    assert dataset.warnings == ()
    for i, name in enumerate(NAMES):
        expected = dict(zip(ATTRIBUTES, map(float, VALUES[i]), strict=True))
        assert dict(dataset.attributes[name]) == {**expected, PARTITION: PARTITIONS[i]}
        landmarks = dataset.pictures[i].source.landmarks
        assert landmarks is not None
        np.testing.assert_array_equal(landmarks, np.reshape(FIRST, (5, 2)) + i)
    assert list(dataset.attributes) == NAMES


def test_image_left_comes_first(tmp_path: Path) -> None:
    """What the publisher calls the left eye is on the left of the picture, as here."""
    landmarks = load_celeba(write(tmp_path, TEXT)).pictures[0].source.landmarks
    assert landmarks is not None
    assert landmarks[0, 0] < landmarks[1, 0]
    assert landmarks[3, 0] < landmarks[4, 0]
    assert landmarks[2, 1] > landmarks[:2, 1].max()


def test_the_publishers_folders_and_the_zip_of_pictures(tmp_path: Path) -> None:
    write(tmp_path / "made", TEXT)
    root = tmp_path / "CelebA"
    for place, names in (
        ("Anno", ["identity_CelebA.txt", "list_attr_celeba.txt"]),
        ("Eval", ["list_eval_partition.txt"]),
    ):
        (root / place).mkdir(parents=True)
        for name in names:
            (tmp_path / "made" / name).rename(root / place / name)
    (root / "Img").mkdir()
    with zipfile.ZipFile(root / "Img" / "img_align_celeba.zip", "w") as file:
        for name in NAMES:
            file.write(tmp_path / "made" / "img_align_celeba" / name, f"img_align_celeba/{name}")
    dataset = load_celeba(root)
    assert [p.id for p in dataset.pictures] == NAMES
    assert dataset.attributes[NAMES[3]] == {
        "5_o_Clock_Shadow": 1.0, "Male": -1.0, "Young": 1.0, PARTITION: 2.0,
    }  # fmt: skip
    assert dataset.warnings == ("no stated landmarks: faces will be detected",)


@pytest.mark.parametrize("wrapper", ["", "celeba/"])
def test_everything_in_one_archive_with_pictures_nested_twice(tmp_path: Path, wrapper: str) -> None:
    root = write(tmp_path / "made", CSV, images="img_align_celeba/img_align_celeba")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as file:
        for path in root.rglob("*.*"):
            file.write(path, wrapper + path.relative_to(root).as_posix())
    assert len(load_celeba(tmp_path / "all.zip").pictures) == len(NAMES)


def test_only_pictures_and_identities(tmp_path: Path) -> None:
    lists = {"identity_CelebA.txt": TEXT["identity_CelebA.txt"]}
    dataset = load_celeba(write(tmp_path, lists))
    assert len(dataset.pictures) == len(NAMES)
    assert dict(dataset.attributes) == {}
    assert dataset.pictures[0].source.landmarks is None


def test_a_part_of_the_pictures(tmp_path: Path) -> None:
    root = write(tmp_path, TEXT)
    (root / "img_align_celeba" / NAMES[0]).unlink()
    (root / "img_align_celeba" / "999999.jpg").touch()
    dataset = load_celeba(root)
    assert [p.id for p in dataset.pictures] == NAMES[1:]
    assert dataset.warnings == (
        "1 pictures that identity_CelebA.txt names are not here",
        "left out 1 pictures that identity_CelebA.txt does not name",
    )
    assert NAMES[0] not in dataset.attributes


def test_pictures_that_a_list_does_not_name(tmp_path: Path) -> None:
    root = write(tmp_path, TEXT)
    for name in ("list_attr_celeba.txt", "list_landmarks_align_celeba.txt"):
        lines = TEXT[name]
        (root / name).write_text("\n".join(["5", *lines[1:-1]]))
    dataset = load_celeba(root)
    assert dataset.pictures[-1].source.landmarks is None
    assert list(dataset.attributes) == NAMES[:-1]
    assert dataset.warnings == (
        "list_landmarks_align_celeba.txt does not name 1 of the pictures",
        "list_attr_celeba.txt does not name 1 of the pictures",
    )


BAD = [
    ("identity_CelebA.txt", 3, "000003.jpg", r"CelebA\.txt:3: expected 2 fields, got 1"),
    ("identity_CelebA.txt", 2, "000002.jpg Anna", r"CelebA\.txt:2: expected the number of a"),
    ("list_attr_celeba.txt", 1, "six", r"celeba\.txt:1: expected the number of rows"),
    ("list_attr_celeba.txt", 1, "7", r"celeba\.txt:1: states 7 rows, but holds 6"),
    ("list_attr_celeba.txt", 5, "000003.jpg -1 1", r"celeba\.txt:5: expected 4 fields, got 3"),
    ("list_attr_celeba.txt", 5, "000003.jpg -1 0 1", r"celeba\.txt:5: expected one of 1, -1"),
    (
        "list_landmarks_align_celeba.txt",
        2,
        " ".join([*POINTS[2:4], *POINTS[:2], *POINTS[4:]]),
        r"celeba\.txt:2: expected the columns lefteye_x",
    ),
    (
        "list_landmarks_align_celeba.txt",
        4,
        "000002.jpg 1 2 3 4 5 6 7 8 9 x",
        r"celeba\.txt:4: expected a number, got 'x'",
    ),
    (
        "list_landmarks_align_celeba.txt",
        4,
        "000002.jpg 1 2 3 4 5 6 7 8 9 nan",
        r"celeba\.txt:4: expected a number, got 'nan'",
    ),
    ("list_eval_partition.txt", 6, "000006.jpg 3", r"partition\.txt:6: expected one of 0, 1, 2"),
]


@pytest.mark.parametrize(("name", "line", "text", "message"), BAD)
def test_a_malformed_line_is_named(
    tmp_path: Path, name: str, line: int, text: str, message: str
) -> None:
    root = write(tmp_path, TEXT)
    change(root, name, line, text)
    with pytest.raises(DatasetError, match=message):
        load_celeba(root)


def test_no_root() -> None:
    with pytest.raises(UsageError, match="--root: CelebA cannot be downloaded"):
        load_celeba(None)


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="absent: there is no such folder"):
        load_celeba(tmp_path / "absent")


def test_no_pictures(tmp_path: Path) -> None:
    (tmp_path / "identity_CelebA.txt").write_text("000001.jpg 1\n")
    with pytest.raises(DatasetError, match="there is no img_align_celeba"):
        load_celeba(tmp_path)


def test_no_identities(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"there is no identity_CelebA\.txt"):
        load_celeba(write(tmp_path, {}))


def test_identities_of_other_pictures(tmp_path: Path) -> None:
    root = write(tmp_path, {"identity_CelebA.txt": ["000900.jpg 1"]})
    with pytest.raises(DatasetError, match="names none of the pictures"):
        load_celeba(root)


def test_a_list_that_is_no_text(tmp_path: Path) -> None:
    root = write(tmp_path, TEXT)
    (root / "list_attr_celeba.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match=r"list_attr_celeba\.txt: is no UTF-8 text"):
        load_celeba(root)
