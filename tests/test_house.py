"""The rules of the house that a tool can check: layers, light imports, versions, file sizes."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import facebone

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "facebone"

# A package imports only from those to its left.
LAYERS = [
    "ground", "scale", "data", "backbones", "verification", "mitigations", "attacks", "audit",
    "harden", "testing", "apps", "demo", "commands", "cli",
]  # fmt: skip
GROUND = {
    "__init__",
    "errors",
    "seeding",
    "registry",
    "config",
    "files",
    "progress",
    "settings",
    "plugins",
    "plugin_checks",
    "docstrings",
}
# Mitigations and attacks do not know each other.
STRANGERS = {("attacks", "mitigations"), ("mitigations", "attacks")}

HEAVY = [
    "torch", "art", "ray", "streamlit", "onnxruntime", "cv2", "sklearn", "scipy", "PIL", "optuna",
]  # fmt: skip


def layer(module: str) -> str:
    parts = module.split(".")
    name = parts[1] if len(parts) > 1 else "__init__"
    return "ground" if name in GROUND else name


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
    return {name for name in found if name.split(".")[0] == "facebone"}


def test_every_package_imports_only_from_those_above_it() -> None:
    wrong = []
    for path in sorted(SOURCE.rglob("*.py")):
        module = ".".join(("facebone", *path.relative_to(SOURCE).with_suffix("").parts))
        mine = layer(module)
        for other in imports(path):
            theirs = layer(other)
            if LAYERS.index(theirs) > LAYERS.index(mine) or (mine, theirs) in STRANGERS:
                wrong.append(f"{module} imports {other}")
    assert not wrong


def test_importing_the_package_and_the_command_is_light() -> None:
    """In a fresh interpreter: nothing heavy is loaded, no file is opened for writing."""
    code = f"""
import json, sys
events = []
def hook(event, args):
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        events.append(str(args[0]))
sys.addaudithook(hook)
import facebone, facebone.cli
facebone.__version__
print(json.dumps([[m for m in {HEAVY!r} if m in sys.modules], events]))
"""
    result = subprocess.run(
        [sys.executable, "-B", "-c", code], capture_output=True, text=True, check=True
    )
    loaded, written = json.loads(result.stdout)
    assert loaded == []
    assert written == []


def test_version_is_the_newest_in_the_changelog() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = (ROOT / "CHANGELOG.md").read_text("utf-8").splitlines()
    newest = next(line.split()[1] for line in lines if line.startswith("## "))
    assert project["version"] == newest == facebone.__version__


def test_no_module_is_named_after_a_library_it_could_hide() -> None:
    libraries = {"torch", "numpy", "onnx", "dlib", "ray", "art", "streamlit", "scipy", "pooch"}
    assert not [path for path in SOURCE.rglob("*.py") if path.stem in libraries]


def test_files_hold_one_concept_each() -> None:
    """Longer than 350 lines is a sign of two concepts."""
    sizes = {path: len(path.read_text("utf-8").splitlines()) for path in SOURCE.rglob("*.py")}
    assert {str(path): size for path, size in sizes.items() if size > 350} == {}


def test_constraints_pin_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        wanted += extra
    pins = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
        if "==" in line
    }
    names = {entry.split(">=")[0].strip().lower().replace("_", "-") for entry in wanted}
    assert names - pins == set()


def test_changelog_versions_fall() -> None:
    lines = (ROOT / "CHANGELOG.md").read_text("utf-8").splitlines()
    versions = [
        tuple(int(n) for n in line.split()[1].split(".")) for line in lines if line[:3] == "## "
    ]
    assert versions
    assert all(a > b for a, b in pairwise(versions))
