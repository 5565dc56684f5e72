"""Thumbnails are made of whom the report names, kept beside the scores, and of nobody else."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from facebone.audit import thumbnails
from facebone.audit.at_risk import AtRisk, Ranking, Risky
from facebone.audit.thumbnails import (
    PICTURES_COLUMNS,
    PICTURES_FILE,
    Thumbnail,
    make_pictures,
    read_pictures,
    remove_pictures,
    wanted_pictures,
    write_pictures,
)
from facebone.data.dataset import Dataset
from facebone.data.pictures import FileSource, Picture
from facebone.errors import DatasetError

PAIR = Risky(("ann/0", "bob/1"), ("ann", "bob"), same=False, risk=0.9)
ANN = Risky((), ("ann",), same=True, risk=0.8, pairs=4)
CID = Risky((), ("cid",), same=True, risk=0.7)
FOUND = [
    AtRisk("none", "pair", "lira", Ranking((PAIR,)), Ranking((ANN,))),
    AtRisk("none @identity", "identity", "lira", Ranking((CID,))),
    AtRisk("facebone", "pair", None),
]


def test_wanted_are_the_pairs_pictures_and_two_of_each_person() -> None:
    of = {name: [f"{name}/{i}" for i in range(4)] for name in ("ann", "bob", "cid", "dan")}
    assert wanted_pictures(FOUND, of) == ["ann/0", "bob/1", "ann/1", "cid/0", "cid/1"]
    assert wanted_pictures(FOUND, {}) == ["ann/0", "bob/1"]


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Nine pictures of one colour each; one is no picture, one is missing."""
    pictures = []
    for i, person in enumerate(("ann", "bob", "cid")):
        for j in range(3):
            path = tmp_path / f"{person}{j}.png"
            colour = (40 + 60 * i, 40 + 60 * j, 90)
            Image.new("RGB", (120, 150), colour).save(path)
            pictures.append(Picture(f"{person}/{j}", person, FileSource(path)))
    (tmp_path / "cid0.png").write_bytes(b"no picture")
    (tmp_path / "cid1.png").unlink()
    return Dataset("small", tuple(pictures))


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[AtRisk]:
    """What the audit is taken to have found."""
    chosen = list(FOUND)
    monkeypatch.setattr(thumbnails, "find_at_risk", lambda audit, scores: chosen)
    return chosen


def test_pictures_that_cannot_be_read_are_left_out(
    dataset: Dataset, found: list[AtRisk], tmp_path: Path
) -> None:
    out = tmp_path / "audit"
    path = make_pictures(None, pa.table({}), dataset, out)  # type: ignore[arg-type]
    assert path == out / PICTURES_FILE
    kept = read_pictures(out)
    assert list(kept) == ["ann/0", "bob/1", "ann/1"]
    assert [one.person for one in kept.values()] == ["ann", "bob", "ann"]
    for one, colour in zip(
        kept.values(), [(40, 40, 90), (100, 100, 90), (40, 100, 90)], strict=True
    ):
        assert one.is_jpeg
        image = Image.open(BytesIO(one.jpeg))
        assert image.size == (96, 96)
        assert np.abs(np.asarray(image).mean(axis=(0, 1)) - colour).max() < 4


def test_nothing_to_show_leaves_no_faces_of_an_audit_before(
    dataset: Dataset, found: list[AtRisk], tmp_path: Path
) -> None:
    make_pictures(None, pa.table({}), dataset, tmp_path)  # type: ignore[arg-type]
    found[:] = FOUND[2:]
    assert make_pictures(None, pa.table({}), dataset, tmp_path) is None  # type: ignore[arg-type]
    assert not (tmp_path / PICTURES_FILE).exists()


def test_ids_that_the_data_set_does_not_know_are_left_out(
    dataset: Dataset, found: list[AtRisk], tmp_path: Path
) -> None:
    strange = Risky(("zoe/0", "ann/2"), (), same=False, risk=0.9)
    found[:] = [AtRisk("none", "pair", "lira", Ranking((strange,)))]
    make_pictures(None, pa.table({}), dataset, tmp_path)  # type: ignore[arg-type]
    assert list(read_pictures(tmp_path)) == ["ann/2"]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    rows = [Thumbnail("a", "ann", b"\xff\xd8\xff1"), Thumbnail("b", "\u674e", b"")]
    path = write_pictures(rows, tmp_path)
    assert read_pictures(tmp_path) == {"a": rows[0], "b": rows[1]}
    assert dict(zip(PICTURES_COLUMNS, map(str, pq.read_schema(path).types), strict=True)) == (
        PICTURES_COLUMNS
    )
    assert [one.is_jpeg for one in rows] == [True, False]
    remove_pictures(tmp_path)
    assert read_pictures(tmp_path) == {}
    remove_pictures(tmp_path)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / PICTURES_FILE).write_bytes(b"no parquet")
    with pytest.raises(DatasetError, match="cannot be read as Parquet"):
        read_pictures(tmp_path)
    pq.write_table(pa.table({"id": ["a"]}), tmp_path / PICTURES_FILE)
    with pytest.raises(DatasetError, match="lacks the columns person, jpeg"):
        read_pictures(tmp_path)
