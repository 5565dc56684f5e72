"""The README's commands run as they are written, in the order they are written in."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from facebone import cli

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text("utf-8")


def commands() -> list[list[str]]:
    """The commands of each block of the README that shows some, prompts taken off."""
    blocks = re.findall(r"```console\n(.*?)```", TEXT, flags=re.DOTALL)
    found = [re.findall(r"^\$ (.*)$", block, flags=re.MULTILINE) for block in blocks]
    return [block for block in found if block]


FOLDS = 10
"""Of View 2, here with the people of `few_of_lfw` dealt to them."""


@pytest.fixture(scope="module")
def some_of_the_assets(
    assets: Path, few_of_lfw: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder as `FACEBONE_ASSETS` names one, with an LFW of few people.

    The commands are the same on all of it; figures of all are held by ``test_view2_pixels.py``.
    """
    root = tmp_path_factory.mktemp("some") / "assets"
    (root / "lfw").mkdir(parents=True)
    (root / "weights").symlink_to(assets / "weights")
    people = sorted(path.name for path in few_of_lfw.iterdir())
    lines, each = [], len(people) // FOLDS
    for fold in range(FOLDS):
        dealt = people[fold * each : (fold + 1) * each]
        lines += [f"{name}\t{a}\t{b}" for name in dealt for a, b in ((1, 2), (3, 4))]
        after = [*dealt[1:], dealt[0]]
        lines += [
            f"{name}\t{n}\t{other}\t{n}"
            for name, other in zip(dealt, after, strict=True)
            for n in (1, 2)
        ]
    text = "\n".join([f"{FOLDS}\t{2 * each}", *lines])
    (root / "lfw" / "pairs.txt").write_text(f"{text}\n", "utf-8")
    with tarfile.open(root / "lfw" / "lfw.tgz", "w:gz", compresslevel=1) as archive:
        archive.add(few_of_lfw, "lfw")
    return root


def run_all(block: list[str], folder: Path) -> None:
    script = Path(sys.executable).parent / "facebone"
    for line in block:
        words = [os.path.expandvars(word) for word in shlex.split(line)]
        program = str(script) if words[0] == "facebone" else words[0]
        result = subprocess.run(
            [program, *words[1:]], cwd=folder, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, f"{line}\n{result.stderr}"
        assert result.stdout or words[1] not in {"evaluate", "verify", "backbones"}, line


def test_commands_on_synthetic_faces(tmp_path: Path) -> None:
    run_all(commands()[0], tmp_path)
    assert len(list((tmp_path / "faces").rglob("*.png"))) == 360
    assert (tmp_path / "model" / "verifier.json").is_file()


def test_commands_on_real_faces(
    tmp_path: Path, some_of_the_assets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEBONE_ASSETS", str(some_of_the_assets))
    assert any("$FACEBONE_ASSETS" in line for line in commands()[1])
    run_all(commands()[1], tmp_path)


SMALLER = {
    "audit": ("--pairs", "30", "--shadows", "2", "--no-shifts"),
    "harden": (
        *("--pairs", "40", "--models", "3", "--shadows", "2", "--seeds", "1"),
        *("--trials", "2", "--budget", "1"),
    ),
}
"""What makes an hour of a study a few seconds: the last of an option given twice counts."""


def long_studies() -> list[list[str]]:
    """The commands of which the README says that they take long."""
    blocks = re.findall(r"<!-- long study[^\n]*-->\n```console\n(.*?)```", TEXT, flags=re.DOTALL)
    return [shlex.split(block.replace("\\\n", " ")) for block in blocks]


@pytest.mark.parametrize("number", range(4))
def test_long_studies_run_in_small(
    number: int, tmp_path: Path, some_of_the_assets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(long_studies()) == 4
    monkeypatch.setenv("FACEBONE_ASSETS", str(some_of_the_assets))
    # What one of them has embedded the others find.
    monkeypatch.setenv("FACEBONE_HOME", str(some_of_the_assets.parent / "home"))
    monkeypatch.chdir(tmp_path)
    program, command, *words = map(os.path.expandvars, long_studies()[number])
    assert program == "facebone"
    assert cli.run([command, *words, *SMALLER[command]]) == 0
    out = Path(words[words.index("--out") + 1])
    assert json.loads((out / f"{command}.json").read_text("utf-8"))


def test_every_command_is_shown() -> None:
    for block in commands():
        shown = {line.split()[1] for line in block if line.startswith("facebone ")}
        assert shown >= {"evaluate", "train", "verify", "backbones"}


def test_python_example_runs(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("[(100, ")


PAGES = ["README.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES)
def test_links_and_pictures_are_there(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in target:
            assert (ROOT / page).parent.joinpath(target).exists(), f"{page}: {target}"
    assert "@@" not in text
