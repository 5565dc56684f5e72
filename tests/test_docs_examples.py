"""The pages of examples run as they stand, block after block."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SCRIPT = str(Path(sys.executable).parent / "facebone")


def run(words: list[str], folder: Path) -> str:
    result = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{words}\n{result.stderr}"
    return result.stdout


def run_page(page: str, folder: Path) -> str:
    """Run its blocks in order: commands, Python, and Python that the text says to save."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    printed = []
    for before, kind, block in re.findall(
        r"([^`\n]*(?:`[^`\n]*`)?[^`\n]*)\n\n```(\w+)\n(.*?)```", text, flags=re.DOTALL
    ):
        named = re.search(r"in `(\w+\.py)`:", before)
        if kind == "python" and named:
            (folder / named[1]).write_text(block, "utf-8")
        elif kind == "python":
            printed.append(run([sys.executable, "-c", block], folder))
        else:
            lines = re.findall(r"^\$ facebone (.*)$", block, flags=re.MULTILINE)
            printed += [run([SCRIPT, *shlex.split(line)], folder) for line in lines]
    return "".join(printed)


def test_auditing_what_is_there_already(tmp_path: Path) -> None:
    printed = run_page("audit-your-own.md", tmp_path)
    assert (tmp_path / "mine.py").is_file()
    assert "pairs, " in printed
    aucs = {}
    for name in ("table", "function", "head"):
        audit = json.loads((tmp_path / "runs" / name / "audit.json").read_text("utf-8"))
        assert (tmp_path / "runs" / name / "report.html").is_file()
        (target,) = audit["targets"]
        attack = next(a for a in target["attacks"] if a["name"] == "loss_threshold")
        aucs[name] = attack["auc"]
    # The table's verifier remembers its matched pairs; the others were never trained.
    assert aucs["table"]["low"] > 0.5
    for name in ("function", "head"):
        assert aucs[name]["low"] <= 0.5 <= aucs[name]["high"]
