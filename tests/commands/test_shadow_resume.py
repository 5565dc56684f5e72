"""Shadows are trained once: an audit that was killed, and every later one, takes them over."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facebone import cli
from facebone.audit.job_store import STALE
from facebone.audit.schema import TIMES

COMMAND = str(Path(sys.executable).parent / "facebone")
BATCHES = 5

Stamps = dict[str, tuple[int, int]]


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 40 people with three pictures each."""
    from facebone.data.synthetic import export_folder, synthetic_dataset

    folder = tmp_path_factory.mktemp("of shadows") / "faces"
    export_folder(synthetic_dataset(people=40, pictures_per_person=3, seed=0), folder)
    return folder


def words(faces: Path, out: Path, *, shadows: int = 8 * BATCHES, attack: str = "lira") -> list[str]:
    """An audit whose batches of shadows take about half a second each."""
    return [
        *("audit", "--data", "folder", "--root", str(faces), "--backbone", "tiny_plain"),
        *("--mitigation", "none", "--set", "layers=[32,16]", "--set", "batch_norm=[0]"),
        *("--set", "epochs=400", "--pairs", "40", "--executor", "serial", "--attack", attack),
        *("--shadows", str(shadows), "--out", str(out)),
    ]


@pytest.fixture(scope="module")
def killed(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Stamps]:
    """Home and folder of an audit that was killed in the middle, and what was finished."""
    home, out = tmp_path_factory.mktemp("killed home"), tmp_path_factory.mktemp("killed") / "out"
    process = subprocess.Popen(
        [COMMAND, *words(faces, out)],
        env=os.environ | {"FACEBONE_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        while len(batches(home)) < 2:
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    return home, out, stamps(home)


@pytest.fixture(scope="module")
def resumed(faces: Path, killed: tuple[Path, Path, Stamps]) -> tuple[Path, Path]:
    """The same audit, run to its end after a run had left something half-written."""
    home, out, _ = killed
    for name, age in (("old", STALE + 60), ("new", 0.0)):
        part = home / "shadows" / f".{name}.123-0123abcd.part"
        part.mkdir()
        os.utime(part, (time.time() - age,) * 2)
    run(faces, home, out)
    return home, out


def run(faces: Path, home: Path, out: Path, **more: Any) -> None:
    """Run an audit in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEBONE_HOME", str(home))
        assert cli.run(words(faces, out, **more)) == 0


def batches(home: Path) -> dict[int, Path]:
    """Folders of the batches that are trained, by the number of their first shadow."""
    found = [
        (re.fullmatch(r"none-shadows-(\d+)-[0-9a-f]{16}", path.name), path)
        for path in (home / "shadows").glob("none-*")
    ]
    return {int(match[1]): path for match, path in found if match}


def stamps(home: Path) -> Stamps:
    """Which file each file of a batch is, and when it was last written."""
    return {
        str(path): (path.stat().st_ino, path.stat().st_mtime_ns)
        for folder in batches(home).values()
        for path in folder.iterdir()
    }


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_times(part) for name, part in value.items() if name not in TIMES}
    if isinstance(value, list):
        return [without_times(part) for part in value]
    return value


def read(out: Path) -> Any:
    return without_times(json.loads((out / "audit.json").read_text("utf-8")))


def test_it_was_killed_in_the_middle(killed: tuple[Path, Path, Stamps]) -> None:
    _, out, finished = killed
    trained = {Path(path).parent for path in finished}
    assert 2 <= len(trained) < BATCHES
    assert not (out / "audit.json").exists()


def test_what_was_trained_is_not_trained_again(
    killed: tuple[Path, Path, Stamps], resumed: tuple[Path, Path]
) -> None:
    finished, now = killed[2], stamps(resumed[0])
    assert finished.items() <= now.items()
    assert sorted(batches(resumed[0])) == [8 * i for i in range(BATCHES)]


def test_the_figures_are_those_of_a_run_that_nobody_disturbed(
    faces: Path, resumed: tuple[Path, Path], tmp_path: Path
) -> None:
    run(faces, tmp_path / "home", tmp_path / "out")
    assert read(resumed[1]) == read(tmp_path / "out")
    (target,) = read(resumed[1])["targets"]
    assert target["shadow_fidelity"]["count"] == 8 * BATCHES
    mine, theirs = batches(resumed[0]), batches(tmp_path / "home")
    assert {path.name for path in mine.values()} == {path.name for path in theirs.values()}
    arrays = {path.name for path in mine[0].glob("*.npy")}
    assert arrays
    for number, folder in mine.items():
        for name in arrays:
            np.testing.assert_array_equal(np.load(folder / name), np.load(theirs[number] / name))


def test_only_old_leftovers_are_removed(resumed: tuple[Path, Path]) -> None:
    """A fresh one may be of an audit that is at work at the same time."""
    left = {path.name for path in (resumed[0] / "shadows").glob(".*.part")}
    assert ".new.123-0123abcd.part" in left
    assert ".old.123-0123abcd.part" not in left


def test_more_shadows_later_train_the_missing_batch_alone(
    faces: Path, resumed: tuple[Path, Path], tmp_path: Path
) -> None:
    home, out = resumed
    before = stamps(home)
    run(faces, home, tmp_path / "more", shadows=8 * BATCHES + 3)
    after = stamps(home)
    assert before.items() <= after.items()
    new = {Path(path).parent for path in after.keys() - before.keys()}
    assert new == {batches(home)[8 * BATCHES]}
    (more,) = read(tmp_path / "more")["targets"]
    assert more["shadow_fidelity"]["count"] == 8 * BATCHES + 3
    assert more["utility"] == read(out)["targets"][0]["utility"]


def test_another_attack_and_fewer_shadows_share_the_heads(
    faces: Path, resumed: tuple[Path, Path], tmp_path: Path
) -> None:
    """Another access asks the same heads other questions; it does not train them again."""
    home, _ = resumed
    before = stamps(home)
    asked = len(list((home / "shadows").glob("none-shadows-*-answers-*")))
    run(faces, home, tmp_path / "inside", attack="white_box", shadows=10)
    assert stamps(home) == before
    more = len(list((home / "shadows").glob("none-shadows-*-answers-*"))) - asked
    assert more == 2
    (target,) = read(tmp_path / "inside")["targets"]
    assert target["shadow_fidelity"]["count"] == 10
    run(faces, home, tmp_path / "rmia", attack="rmia", shadows=10)
    assert stamps(home) == before
    assert len(list((home / "shadows").glob("none-shadows-*-answers-*"))) == asked + more


def test_a_damaged_batch_is_trained_again(
    faces: Path, resumed: tuple[Path, Path], tmp_path: Path
) -> None:
    home, _ = resumed
    run(faces, home, tmp_path / "before", shadows=8)
    array = next(iter(batches(home)[0].glob("*.npy")))
    whole = array.read_bytes()
    array.write_bytes(whole[:-8] + b"tampered")
    run(faces, home, tmp_path / "after", shadows=8)
    assert array.read_bytes() == whole
    assert read(tmp_path / "after") == read(tmp_path / "before")
