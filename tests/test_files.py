"""Files and folders appear whole or not at all, and storage trouble is one clear line."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from facebone.errors import StorageError
from facebone.files import new_file, new_folder


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "result.json"
    with new_file(target) as part:
        part.write_text("half")
        assert not target.exists()
        part.write_text("whole")
    assert target.read_text() == "whole"
    assert os.listdir(target.parent) == ["result.json"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "result.json"
    target.write_text("old")

    def fail() -> None:
        with new_file(target) as part:
            part.write_text("new")
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fail()
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["result.json"]


@pytest.mark.parametrize(
    ("number", "message"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "read-only"), (errno.EACCES, "permission")],
)
def test_storage_trouble_is_one_line(tmp_path: Path, number: int, message: str) -> None:
    def fail() -> None:
        with new_file(tmp_path / "x") as part:
            part.write_text("something")
            raise OSError(number, os.strerror(number))

    with pytest.raises(StorageError, match=f"{tmp_path}/x: .*{message}.*; ") as caught:
        fail()
    assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_a_file_in_the_way_of_a_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StorageError, match=r"a part of this path is a file|already there"),
        new_file(tmp_path / "file" / "x"),
    ):
        pass


def test_a_folder_replaces_the_old_one_whole(tmp_path: Path) -> None:
    target = tmp_path / "model"
    with new_folder(target) as part:
        (part / "a").write_text("1")
    with new_folder(target) as part:
        (part / "b").write_text("2")
        assert os.listdir(target) == ["a"]
    assert os.listdir(target) == ["b"]
    assert os.listdir(tmp_path) == ["model"]


def test_a_failed_folder_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "model"
    with new_folder(target) as part:
        (part / "a").write_text("1")

    def fail() -> None:
        with new_folder(target):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert os.listdir(target) == ["a"]
    assert os.listdir(tmp_path) == ["model"]
