"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from facebone.config import assets_folder
from facebone.data.dataset import Dataset

if TYPE_CHECKING:
    from facebone.audit.schema import Audit


SLOW = (
    "test_readme.py",
    "test_first_audit.py",
    "test_audit.py",
    "test_demo.py",
    "test_docs_examples.py",
    "test_demo_lfw.py",
    "test_commands.py",
    "test_view2_pixels.py",
    "test_two_nodes.py",
    "test_examples.py",
)
"""Files of few tests that take minutes: begun last, one of them would keep a single core busy."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slow files, in the order of `SLOW`, where files are shared out in order."""
    items.sort(key=lambda item: SLOW.index(item.path.name) if item.path.name in SLOW else len(SLOW))


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of real faces and weights, or a skip that says how to get it."""
    folder = assets_folder()
    if folder is None:
        pytest.skip("FACEBONE_ASSETS is not set: no real faces and weights here")
    return folder


@pytest.fixture(scope="session")
def lfw(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """LFW from the assets, unpacked once for all tests."""
    from facebone.data.lfw import load_lfw

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEBONE_HOME", str(tmp_path_factory.mktemp("lfw")))
        return load_lfw(assets / "lfw", seed=0)


FEW_PEOPLE, FEW_PICTURES = 60, 5


@pytest.fixture(scope="session")
def few_of_lfw(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of LFW's first sixty people with five pictures or more, five of each.

    Aaron Peirsol, whom the README names and who has four, is one more.
    """
    root = tmp_path_factory.mktemp("few") / "lfw"
    found: dict[str, list[tuple[str, bytes]]] = {}
    with tarfile.open(assets / "lfw" / "lfw.tgz", "r|gz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.endswith(".jpg") else None
            if file is None:
                continue
            path = Path(member.name)
            mine = found.setdefault(path.parent.name, [])
            if sum(len(one) == FEW_PICTURES for one in found.values()) == FEW_PEOPLE:
                break
            if len(mine) < FEW_PICTURES:
                mine.append((path.name, file.read()))
    for name, files in found.items():
        if len(files) == FEW_PICTURES or name == "Aaron_Peirsol":
            (root / name).mkdir(parents=True)
            for file_name, content in files:
                (root / name / file_name).write_bytes(content)
    assert len(list(root.iterdir())) == FEW_PEOPLE + 1
    return root


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test gets an empty FACEBONE_HOME: nothing leaks from or into the user's cache."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("FACEBONE_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def run_page() -> Callable[..., str]:
    """Runs the blocks of a page of the documentation; see `_run_page`."""
    return _run_page


def _run_page(page: str, folder: Path, *, environment: Mapping[str, str] | None = None) -> str:
    """Run the blocks of a page in order: commands, Python, and Python that the text says to save.

    Args:
        page: its name in ``docs/``.
        folder: where they run.
        environment: more variables.

    Returns:
        What they printed.
    """
    text = (Path(__file__).parents[1] / "docs" / page).read_text("utf-8")
    script = str(Path(sys.executable).parent / "facebone")
    printed = []
    for before, kind, block in re.findall(
        r"([^`\n]*(?:`[^`\n]*`)?[^`\n]*)\n\n```(\w+)\n(.*?)```", text, flags=re.DOTALL
    ):
        named = re.search(r"in `(\w+\.py)`:", before)
        if kind == "python" and named:
            (folder / named[1]).write_text(block, "utf-8")
            continue
        commands = [[sys.executable, "-c", block]] if kind == "python" else []
        if kind == "console":
            lines = re.findall(r"^\$ facebone (.*)$", block, flags=re.MULTILINE)
            commands = [[script, *shlex.split(line)] for line in lines]
        for words in commands:
            result = subprocess.run(
                words,
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
                env=os.environ | dict(environment or {}),
            )
            assert result.returncode == 0, f"{words}\n{result.stderr}"
            printed.append(result.stdout)
    return "".join(printed)


@pytest.fixture
def make_audit() -> Callable[..., Audit]:
    """Makes a small audit of made-up figures; see `_make_audit`."""
    return _make_audit


def _make_audit(targets: dict[str, dict[str, Any]] | None = None, **changes: Any) -> Audit:
    """An audit with one target a name.

    Args:
        targets: name -> attack -> its AUC, a number that gets the interval of 0.02 around it or
            words for a refusal; ``accuracy`` stands for the target's accuracy.
        changes: other values for fields of the audit; a dictionary replaces only what it names.
    """
    from facebone.audit.schema import Audit

    def figure(value: float | str) -> dict[str, Any]:
        if isinstance(value, str):
            return {"refused": value}
        return {"value": value, "low": value - 0.02, "high": value + 0.02}

    def attack(name: str, auc: float | str) -> dict[str, Any]:
        return {
            "name": name, "summary": name, "goal": "membership", "access": "score",
            "level": "pair", "knowledge": "none", "adaptive": False, "queries": 1,
            "ask": "once", "probes": None, "disclosure": None,
            "members": 500, "non_members": 500, "member_share": 0.5, "auc": figure(auc),
            "balanced_accuracy": figure(0.55),
            "tpr_at_fpr": {"0.01": figure(0.03), "0.001": figure("500 non-members, needs 3000")},
            "control": {"auc": figure(0.5)}, "baseline": {"auc": figure("no blind scores")},
            "beats_control": True, "beats_baseline": None, "auc_by_seed": [], "seconds": 1.5,
        }  # fmt: skip

    def target(name: str, found: dict[str, Any]) -> dict[str, Any]:
        attacks = {key: auc for key, auc in found.items() if key != "accuracy"}
        known = {key: auc for key, auc in attacks.items() if not isinstance(auc, str)}
        utility = {"auc": figure(0.9), "eer": figure(0.1), "tar_at_far": {}}
        return {
            "name": name, "level": "pair", "mitigation": "none", "mitigation_settings": {},
            "description": name,
            "backbones": ["tiny_plain"], "head": "mlp", "head_settings": {"epochs": 30},
            "utility": {**utility, "accuracy": figure(found.get("accuracy", 0.9))},
            "accuracy_on_members": None, "accuracy_by_seed": [],
            "attacks": [attack(key, auc) for key, auc in attacks.items()],
            "strongest": max(known or attacks, key=lambda key: known.get(key, 0), default=""),
            "seconds": 9.5,
        }  # fmt: skip

    values: dict[str, Any] = {
        "facebone_version": "0.1.0", "created": "2026-01-01T00:00:00Z", "seed": 0, "seeds": [0, 1],
        "command": "facebone audit", "environment": {"python": "3.11", "packages": {"numpy": "2"}},
        "data": {
            "name": "synthetic", "people": 100, "images": 600, "pairs": 1000,
            "fingerprint": "abc", "alignment": "five-point", "control_people": 10,
            "control_pairs": 100, "copies": 0,
        },
        "targets": [
            target(name, found)
            for name, found in (targets or {"none": {"loss_threshold": 0.72}}).items()
        ],
        "self_tests": [], "warnings": [],
    }  # fmt: skip
    for name, value in changes.items():
        values[name] = {**values[name], **value} if isinstance(value, dict) else value
    return Audit.model_validate(values)
