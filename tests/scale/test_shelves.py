"""Shelves: files whole or not at all, in a folder and wherever fsspec reaches."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from facebone.errors import MissingPartError, StorageError, UsageError
from facebone.scale.shelves import (
    FolderShelf,
    Shelf,
    UrlShelf,
    as_folder,
    join,
    open_shelf,
)


class OfACluster(LocalFileSystem):  # type: ignore[misc]
    """A file system that shows files as they grow, and is no folder of this machine to us."""

    protocol = "cluster"

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(path).removeprefix("cluster://").rstrip("/")


fsspec.register_implementation("cluster", OfACluster)


@pytest.fixture(params=["folder", "file", "memory", "cluster"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    if request.param == "folder":
        return open_shelf(tmp_path / "shelf")
    if request.param == "file":
        return open_shelf(f"file://{tmp_path}/shelf")
    if request.param == "memory":
        return open_shelf(f"memory://{tmp_path.name}/shelf")
    return open_shelf(f"cluster://{tmp_path}/shelf")


def test_what_is_written_is_read(shelf: Shelf) -> None:
    assert shelf.names(".bin") == []
    assert shelf.below() == []
    assert not shelf.has("a.bin")
    for name, content in (("b.bin", b"0123456789"), ("a.bin", b""), ("c.txt", b"text")):
        shelf.write(name, content)
    assert shelf.names(".bin") == ["a.bin", "b.bin"]
    assert shelf.names("") == ["a.bin", "b.bin", "c.txt"]
    assert shelf.has("a.bin")
    assert shelf.size("b.bin") == 10
    assert shelf.read("b.bin") == b"0123456789"
    assert shelf.read("b.bin", 3, 4) == b"3456"
    assert shelf.read("b.bin", 8) == b"89"
    shelf.write("b.bin", b"new")
    assert shelf.read("b.bin") == b"new"
    shelf.remove("b.bin")
    shelf.remove("b.bin")
    assert shelf.names(".bin") == ["a.bin"]
    with pytest.raises(FileNotFoundError):
        shelf.read("b.bin")
    with pytest.raises(FileNotFoundError):
        shelf.size("b.bin")


def test_shelves_below_and_elsewhere(shelf: Shelf) -> None:
    shelf.sub("below").write("x.bin", b"x")
    assert shelf.below() == ["below"]
    assert shelf.names("") == []
    there = pickle.loads(pickle.dumps(shelf))
    assert there.place == shelf.place
    there.write("from there", b"y")
    assert shelf.names("") == ["from there"]
    assert open_shelf(join(shelf.place, "below")).read("x.bin") == b"x"


def test_what_was_not_written_whole_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = open_shelf(f"cluster://{tmp_path}/shelf")
    assert isinstance(shelf, UrlShelf)
    shelf.write("there", b"before")
    put = type(shelf._fs).pipe_file

    def half(self: Any, path: str, value: bytes, **more: Any) -> None:
        put(self, path, value[: len(value) // 2], **more)
        raise OSError("the network is gone")

    monkeypatch.setattr(type(shelf._fs), "pipe_file", half)
    with pytest.raises(StorageError, match=r"cannot be written: OSError: the network is gone"):
        shelf.write("there", b"after, and longer")
    assert shelf.read("there") == b"before"
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.name for path in files] == ["there"]


def test_places() -> None:
    assert as_folder(Path("a/b")) == Path("a/b")
    assert as_folder("a/b") == Path("a/b")
    assert as_folder("file:///a/b") == Path("/a/b")
    assert as_folder("s3://a/b") is None
    assert join("s3://a/b/", "c", "d") == "s3://a/b/c/d"
    assert join("file:///a", "b") == Path("/a/b")
    assert isinstance(open_shelf("file:///a"), FolderShelf)


def test_stores_that_are_not_known_or_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"no kind of store that fsspec knows: 'zzz'"):
        open_shelf("zzz://bucket")
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(MissingPartError, match=r"s3://bucket: Install s3fs .*; pip install"):
        open_shelf("s3://bucket")
