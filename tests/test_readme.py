"""The README's commands run as they are written, in the order they are written in."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tarfile
from itertools import islice
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text("utf-8")


def commands() -> list[list[str]]:
    """The commands of each block of the README that shows some, prompts taken off."""
    blocks = re.findall(r"```console\n(.*?)```", TEXT, flags=re.DOTALL)
    found = [re.findall(r"^\$ (.*)$", block, flags=re.MULTILINE) for block in blocks]
    return [block for block in found if block]


FOLDS, IN_A_FOLD, KEPT = 10, 300, 24
"""Of View 2, and the pairs of each kind that a fold keeps here."""


@pytest.fixture
def some_of_the_assets(assets: Path, tmp_path: Path) -> Path:
    """A folder as `FACEBONE_ASSETS` names one, with a twelfth of View 2 and its pictures.

    The commands are the same on all of LFW; figures of all are held by ``test_view2_pixels.py``.
    """
    root = tmp_path / "assets"
    (root / "lfw").mkdir(parents=True)
    (root / "weights").symlink_to(assets / "weights")
    lines = iter((assets / "lfw" / "pairs.txt").read_text("utf-8").splitlines()[1:])
    kept = []
    for _ in range(2 * FOLDS):
        kept += list(islice(lines, IN_A_FOLD))[:KEPT]
    text = "\n".join([f"{FOLDS}\t{KEPT}", *kept])
    (root / "lfw" / "pairs.txt").write_text(f"{text}\n", "utf-8")
    shown = {name for line in kept for name in line.split("\t") if not name.isdigit()}
    with (
        tarfile.open(assets / "lfw" / "lfw.tgz", "r|gz") as whole,
        tarfile.open(root / "lfw" / "lfw.tgz", "w:gz", compresslevel=1) as part,
    ):
        for member in whole:
            if Path(member.name).parent.name in shown | {"Aaron_Peirsol"}:
                part.addfile(member, whole.extractfile(member))
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
