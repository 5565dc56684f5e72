"""The store of embeddings: against a plain dict, between processes, and after damage."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facebone.data import digest_index, store
from facebone.data.segments import read_segment
from facebone.data.store import DiskSpace, EmbeddingStore, MemorySpace
from facebone.errors import StorageError
from facebone.scale.shelves import FolderShelf

DIMENSION = 3


def keys_of(numbers: list[int]) -> digest_index.Keys:
    """Digests that share their first half in groups of four, which the index must tell apart."""
    rows = [[(n // 4) % 2**64, n] for n in numbers]
    return np.array(rows, dtype="<u8").reshape(-1, 2).view(np.uint8).reshape(-1, 16)


def rows_of(numbers: list[int]) -> store.Matrix:
    return np.array([[n, n + 0.5, -n] for n in numbers], dtype=np.float32).reshape(-1, DIMENSION)


@pytest.fixture(params=["disk", "memory", "url", "folder by url"])
def space(request: pytest.FixtureRequest, tmp_path: Path) -> store.Space:
    if request.param == "memory":
        return MemorySpace(DIMENSION)
    if request.param == "url":
        return DiskSpace(f"memory://{tmp_path.name}/space", DIMENSION)
    if request.param == "folder by url":
        return DiskSpace(f"file://{tmp_path}/space", DIMENSION)
    return DiskSpace(tmp_path / "space", DIMENSION)


def test_what_was_stored_comes_back_and_the_rest_is_missing(space: store.Space) -> None:
    space.append(keys_of([1, 2, 3]), rows_of([1, 2, 3]))
    asked = [3, 9, 1, 1]
    assert space.missing(keys_of(asked)).tolist() == [False, True, False, False]
    got = space.gather(keys_of(asked))
    assert np.isnan(got[1]).all()
    np.testing.assert_array_equal(got[[0, 2, 3]], rows_of([3, 1, 1]))


def test_a_scan_gives_what_an_index_finds(small_limits: None, tmp_path: Path) -> None:
    """Digests that share a half, some twice, some in two segments, some nowhere."""
    space = DiskSpace(tmp_path, DIMENSION)
    for batch in ([1, 2, 3, 4], [4, 5], list(range(20, 50)), [6]):
        space.append(keys_of(batch), rows_of(batch))
    asked = [30, 2, 99, 4, 2, 49, 6, 21, 98]
    fresh = DiskSpace(tmp_path, DIMENSION)
    np.testing.assert_array_equal(fresh.scan(keys_of(asked)), space.gather(keys_of(asked)))
    assert np.isnan(fresh.scan(keys_of([99]))).all()
    # One that holds a digest twice, before the one that holds the other that is asked for.
    twice = DiskSpace(tmp_path / "twice", DIMENSION)
    for batch in ([7, 7, 7, 7], [8], [9]):
        twice.append(keys_of(batch), rows_of(batch))
    np.testing.assert_array_equal(twice.scan(keys_of([7, 8, 9])), rows_of([7, 8, 9]))
    assert fresh.scan(keys_of([])).shape == (0, DIMENSION)


def test_who_only_adds_reads_no_other_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    DiskSpace(tmp_path, DIMENSION).append(keys_of([1]), rows_of([1]))
    with monkeypatch.context() as patch:
        patch.setattr(store, "read_keys", pytest.fail)
        adding = DiskSpace(tmp_path, DIMENSION)
        adding.append(keys_of([2, 3]), rows_of([2, 3]))
    assert adding.missing(keys_of([1, 2, 3, 4])).tolist() == [False, False, False, True]


def test_merged_segments_stay_small(small_limits: None, tmp_path: Path) -> None:
    """Whoever reads one holds it in memory, and so does who merges."""
    space = DiskSpace(tmp_path, DIMENSION)
    for number in range(60):
        space.append(keys_of([number]), rows_of([number]))
    space.merge()
    sizes = [len(read_segment(FolderShelf(tmp_path), path.name)[0]) for path in tmp_path.iterdir()]
    assert sum(sizes) == 60
    assert max(sizes) < 24


def test_nothing_asked_nothing_given(space: store.Space) -> None:
    assert space.missing(keys_of([])).shape == (0,)
    assert space.gather(keys_of([])).shape == (0, DIMENSION)


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Merge and sort early, so that few rows take every path."""
    monkeypatch.setattr(store, "_MANY_SEGMENTS", 3)
    monkeypatch.setattr(store, "_LARGE_SEGMENT", 12)
    monkeypatch.setattr(digest_index, "LARGE_SEGMENT", 12)
    monkeypatch.setattr(digest_index, "_RECENT", 5)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=st.lists(st.lists(st.integers(0, 60), max_size=8), max_size=12), data=st.data())
def test_it_behaves_like_a_dict(
    small_limits: None,
    tmp_path_factory: pytest.TempPathFactory,
    batches: list[list[int]],
    data: st.DataObject,
) -> None:
    folder = tmp_path_factory.mktemp("space")
    if data.draw(st.booleans(), "in an object store"):
        folder = f"memory://{folder.name}"
    space, oracle = DiskSpace(folder, DIMENSION), {}
    for batch in batches:
        space.append(keys_of(batch), rows_of(batch))
        oracle.update(dict.fromkeys(batch))
        asked = data.draw(st.lists(st.integers(0, 60), max_size=10))
        for seen in (space, DiskSpace(folder, DIMENSION)):
            assert seen.missing(keys_of(asked)).tolist() == [n not in oracle for n in asked]
            held = [n for n in asked if n in oracle]
            np.testing.assert_array_equal(seen.gather(keys_of(held)), rows_of(held))


def test_merging_leaves_few_files_and_every_row(small_limits: None, tmp_path: Path) -> None:
    space = DiskSpace(tmp_path, DIMENSION)
    for n in range(30):
        space.append(keys_of([n]), rows_of([n]))
    assert len(list(tmp_path.glob("*.safetensors"))) <= 5
    np.testing.assert_array_equal(
        DiskSpace(tmp_path, DIMENSION).gather(keys_of(list(range(30)))), rows_of(list(range(30)))
    )


def test_rows_of_another_process_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_SECONDS_BETWEEN_LOOKS", 0.0)
    mine, theirs = DiskSpace(tmp_path, DIMENSION), DiskSpace(tmp_path, DIMENSION)
    theirs.append(keys_of([7]), rows_of([7]))
    assert mine.missing(keys_of([7, 8])).tolist() == [False, True]
    np.testing.assert_array_equal(mine.gather(keys_of([7])), rows_of([7]))


def test_a_reader_survives_a_merge_by_another_process(tmp_path: Path) -> None:
    mine, theirs = DiskSpace(tmp_path, DIMENSION), DiskSpace(tmp_path, DIMENSION)
    for n in range(4):
        theirs.append(keys_of([n]), rows_of([n]))
    mine.refresh()
    theirs.merge()
    assert len(list(tmp_path.glob("*.safetensors"))) == 1
    np.testing.assert_array_equal(mine.gather(keys_of([0, 3])), rows_of([0, 3]))


def _fill(folder: Path, start: int) -> None:
    store._MANY_SEGMENTS = 5
    space = DiskSpace(folder, DIMENSION)
    for n in range(start, start + 40):
        space.append(keys_of([n]), rows_of([n]))


def test_processes_that_write_and_merge_at_once_lose_nothing(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_fill, args=(tmp_path, start)) for start in (0, 20, 40)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    numbers = list(range(80))
    got = DiskSpace(tmp_path, DIMENSION).gather(keys_of(numbers))
    np.testing.assert_array_equal(got, rows_of(numbers))


def test_a_damaged_segment_counts_as_missing(tmp_path: Path) -> None:
    space = DiskSpace(tmp_path, DIMENSION)
    space.append(keys_of([1]), rows_of([1]))
    space.append(keys_of([2]), rows_of([2]))
    first = min(tmp_path.glob("*.safetensors"))
    content = first.read_bytes()
    first.write_bytes(content[: len(content) // 2])
    seen = DiskSpace(tmp_path, DIMENSION)
    assert sorted(seen.missing(keys_of([1, 2])).tolist()) == [False, True]
    seen.append(keys_of([1, 2]), rows_of([1, 2]))
    np.testing.assert_array_equal(seen.gather(keys_of([1, 2])), rows_of([1, 2]))


def test_a_full_disk_is_said_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, content: bytes) -> int:
        with open(self, "wb") as file:
            file.write(content[:10])
        raise OSError(28, "No space left on device")

    space = DiskSpace(tmp_path, DIMENSION)
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match="the disk is full; free some space"):
        space.append(keys_of([1]), rows_of([1]))
    assert os.listdir(tmp_path) == []
    assert space.missing(keys_of([1])).all()


def test_rows_of_another_width_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="do not fit a space of dimension 3"):
        DiskSpace(tmp_path, DIMENSION).append(keys_of([1]), np.zeros((1, 5), dtype=np.float32))


def test_spaces_differ_by_preparation_weights_and_dimension(tmp_path: Path) -> None:
    root = EmbeddingStore(tmp_path)
    facts = {"preparation": "p", "weights_hash": "w", "dimension": 3, "note": "n"}
    folders = {
        root.space(**{**facts, **change}).place  # type: ignore[arg-type]
        for change in ({}, {"preparation": "q"}, {"weights_hash": "v"}, {"dimension": 4})
    }
    assert len(folders) == 4
    assert root.space(**facts).place in folders  # type: ignore[arg-type]
    assert [entry["note"] for entry in root.spaces()] == ["n"] * 4
