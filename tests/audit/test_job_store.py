"""A store that several audits use at the same time: who is first stays, the young is left alone."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from facebone.audit.job_store import STALE, JobStore, Result, open_shared
from facebone.errors import StorageError


def test_a_result_that_another_process_kept_meanwhile_stays(tmp_path: Path) -> None:
    mine, theirs = open_shared(tmp_path / "shared"), JobStore(tmp_path / "shared")
    assert not mine.has("key")
    theirs.save("key", Result({"by": "them"}, {"a": np.arange(3)}))
    place = tmp_path / "shared" / "key"
    before = {path.name: path.stat().st_ino for path in place.iterdir()}
    mine.save("key", Result({"by": "me"}, {"a": np.arange(3)}))
    assert mine.load("key").values == {"by": "them"}
    assert {path.name: path.stat().st_ino for path in place.iterdir()} == before


def test_two_that_end_at_the_same_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, theirs = open_shared(tmp_path), JobStore(tmp_path)
    rename = os.replace

    def late(source: Path, target: Path) -> None:
        monkeypatch.setattr(os, "replace", rename)
        theirs.save("key", Result({"by": "them"}))
        rename(source, target)

    monkeypatch.setattr(os, "replace", late)
    mine.save("key", Result({"by": "me"}))
    assert mine.has("key")
    assert mine.load("key").values == {"by": "them"}
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_what_cannot_be_written_is_still_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StorageError, match="the disk is full"):
        open_shared(tmp_path).save("key", Result({}))
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_result_is_replaced(tmp_path: Path) -> None:
    store = open_shared(tmp_path)
    store.save("key", Result({"x": 1}, {"a": np.arange(3)}))
    (tmp_path / "key" / "a.npy").write_bytes(b"")
    again = open_shared(tmp_path)
    assert not again.has("key")
    again.save("key", Result({"x": 2}))
    assert again.load("key").values == {"x": 2}


def test_old_leftovers_alone_are_removed(tmp_path: Path) -> None:
    names = {".a.12-0123abcd.part": STALE + 10, ".b.12-0123abcd.part": STALE - 10}
    for name, age in names.items():
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    (tmp_path / "mine").mkdir()
    os.utime(tmp_path / "mine", (0, 0))
    open_shared(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".b.12-0123abcd.part", "mine"]
