"""`facebone harden` from the command line: from faces to a verifier, and bad input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from facebone.harden.schema import TIMES, Harden

COMMAND = str(Path(sys.executable).parent / "facebone")
TINY = ("--backbone", "tiny_plain", "--backbone", "tiny_mobile")
QUICK = (
    *("--head", "mlp", "--head", "logistic", "--set", "epochs=2", "--pairs", "40", "--far", "0.02"),
    *("--models", "3", "--shadows", "2", "--seeds", "1", "--trials", "3", "--executor", "serial"),
)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 60 people with three pictures each."""
    from facebone.data.synthetic import export_folder, synthetic_dataset

    folder = tmp_path_factory.mktemp("hardened") / "faces"
    export_folder(synthetic_dataset(people=60, pictures_per_person=3, seed=0), folder)
    return folder


@pytest.fixture(scope="module")
def home(faces: Path) -> Path:
    """One store of embeddings for all runs."""
    return faces.parent / "home"


def words(faces: Path, out: Path) -> list[str]:
    return [*("harden", "--data", "folder", "--root", str(faces), *TINY, *QUICK, "--out", str(out))]


def run(faces: Path, home: Path, out: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *words(faces, out)],
        capture_output=True,
        text=True,
        env=os.environ | {"FACEBONE_HOME": str(home)},
        check=False,
    )


@pytest.fixture(scope="module")
def finished(faces: Path, home: Path) -> tuple[Path, str]:
    """A finished hardening and what it printed."""
    out = faces.parent / "whole"
    done = run(faces, home, out)
    assert done.returncode == 0, done.stderr
    return out, done.stdout


def read(folder: Path) -> Any:
    return json.loads((folder / "harden.json").read_text("utf-8"))


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_times(part) for name, part in value.items() if name not in TIMES}
    if isinstance(value, list):
        return [without_times(part) for part in value]
    return value


def test_it_prints_the_front_the_recommendation_and_the_paths_last(
    finished: tuple[Path, str],
) -> None:
    out, printed = finished
    lines = printed.splitlines()
    report = Harden.model_validate(read(out))
    assert lines[-4:] == [
        str(out / name) for name in ("harden.json", "verifier", "audit.json", "report.html")
    ]
    assert lines[-5] == report.recommended
    assert [one.name for one in report.trials] == ["none", "facebone", "none@logistic"]
    for one in report.trials:
        if one.on_front:
            assert any(line.startswith(one.name) and "front" in line for line in lines)
    assert report.data.search.people + report.data.confirmation.people == 60
    assert report.command.startswith("facebone harden --data folder --root ROOT --backbone")


def test_the_verifier_verifies(
    finished: tuple[Path, str], faces: Path, facebone: Callable[..., Any]
) -> None:
    person = sorted(faces.iterdir())[0]
    two = sorted(person.iterdir())[:2]
    result = facebone("verify", *two, "--model", finished[0] / "verifier", "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["threshold"] == read(finished[0])["verifier"]["threshold"]


def test_a_run_that_was_killed_goes_on_to_the_same_front(
    finished: tuple[Path, str], faces: Path, home: Path
) -> None:
    out = faces.parent / "killed"
    process = subprocess.Popen(
        [COMMAND, *words(faces, out)],
        env=os.environ | {"FACEBONE_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        while not list((out / "jobs").glob("ring-*")):
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert not (out / "harden.json").exists()
    rings = {path: path.stat().st_mtime_ns for path in (out / "jobs").glob("ring-*")}
    again = run(faces, home, out)
    assert again.returncode == 0, again.stderr
    assert {path: path.stat().st_mtime_ns for path in rings} == rings
    assert without_times(read(out)) == without_times(read(finished[0]))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--min-accuracy", "0.9", "--max-drop", "0.1"), "--min-accuracy: excludes --max-drop"),
        (("--max-drop", "-1"), "--max-drop: must be at least 0"),
        (("--budget", "0"), "--budget: must be more than 0"),
        (("--head", "cosin"), "unknown head 'cosin'"),
        (("--head", "cosine"), "learns nothing"),
        (("--head", "adapter"), "--adapt adapter"),
        (("--head", "mlp", "--adapt", "adapter"), "--adapt"),
        (("--set", "epoch=3"), "epoch"),
        (("--backbone", "tiny_plain%200"), "names no view"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    facebone: Callable[..., Any], tmp_path: Path, more: tuple[str, ...], said: str
) -> None:
    out = tmp_path / "out"
    result = facebone(
        "harden", "--data", "synthetic", "--backbone", "tiny_plain", *more, "--out", out
    )
    assert result.code == 2
    assert said in result.error
    assert not out.exists()
