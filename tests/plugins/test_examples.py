"""The packages in examples/plugins are installed into a folder of their own, and work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "plugins"
KINDS = ("attack", "backbone", "dataset", "defence")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables under which the packages are found; this environment stays as it is."""
    site = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--target", str(site)]
    done = subprocess.run(
        [*pip, *options, *(str(EXAMPLES / kind) for kind in KINDS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    return {"PYTHONPATH": path}


def test_each_kind_is_a_complete_package() -> None:
    assert sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir()) == list(KINDS)
    for kind in KINDS:
        for needed in ("pyproject.toml", "README.md", "tests/test_contract.py"):
            assert (EXAMPLES / kind / needed).is_file(), f"{kind} has no {needed}"


def test_their_own_tests_pass(environment, own_home) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLES)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


def test_the_page_that_tells_of_them(
    environment, tmp_path: Path, run_page: Callable[..., str]
) -> None:
    printed = run_page("add-a-part.md", tmp_path, environment=environment)
    for package in ("loss-density", "score-ceiling", "lbp", "manifest"):
        assert f"facebone-{package}" in printed
    assert "refused" not in printed.splitlines()[0:6]
    assert "attack loss_density from package facebone-loss-density 1.0.0 keeps" in printed
    audit = json.loads((tmp_path / "runs" / "parts" / "audit.json").read_text("utf-8"))
    assert audit["data"]["name"] == "manifest"
    assert audit["environment"]["packages"]["facebone-lbp"] == "1.0.0"
    plain, capped = audit["targets"]
    assert plain["backbones"] == capped["backbones"] == ["tiny_plain", "lbp"]
    assert capped["mitigation"] == "score_ceiling"
    for target in audit["targets"]:
        assert [attack["name"] for attack in target["attacks"]] == ["loss_density"]
