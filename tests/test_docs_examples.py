"""The pages of the documentation run as they stand, and whatever is not run says where it is."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

from facebone.cli import app

ROOT = Path(__file__).parent.parent
PAGES = [
    *("README.md", "CONTRIBUTING.md"),
    # The page of all commands is what they say of themselves, broken into lines.
    *sorted(f"docs/{p.name}" for p in ROOT.glob("docs/*.md") if p.name != "commands.md"),
]

RUN_BY = {
    "README.md": "tests/test_readme.py",
    "docs/audit-your-own.md": "tests/test_docs_examples.py",
    "docs/quick-start.md": "tests/test_docs_examples.py",
    "docs/reading-a-report.md": "tests/test_docs_examples.py",
    "docs/synthetic-faces.md": "tests/test_docs_examples.py",
    "docs/add-a-part.md": "tests/plugins/test_examples.py",
}
"""What runs the blocks of a page whose commands follow a prompt, and its Python."""

STUDIES = {
    "docs/adapted-models.md": "benchmarks/adapted_study.py",
    "docs/defences-measured.md": "benchmarks/defence_study.py",
    "docs/facebone.md": "benchmarks/facebone_study.py",
    "docs/lfw-audit.md": "benchmarks/audit_lfw.py",
    "docs/other-attacks-measured.md": "benchmarks/reconstruction_study.py",
    "docs/other-goals.md": "benchmarks/extraction_study.py",
    "docs/reconstruction.md": "benchmarks/reconstruction_study.py",
    "docs/shadow-attacks.md": "benchmarks/shadow_study.py",
}
"""Pages that begin with what to type for one row of a study that took hours, and what ran it."""

MARK = re.compile(r"<!-- (?:run by|long study, as in) (\S+) -->")
"""Stands before a block that is run elsewhere, or is too long for the tests; names the place."""

RunPage = Callable[..., str]


@dataclass(frozen=True)
class Block:
    """A block of a page: its kind, its text, and the line before it."""

    page: str
    kind: str
    text: str
    before: str

    def commands(self) -> list[str]:
        """The lines that a reader would type, continued ones put together."""
        joined = self.text.replace("\\\n", " ")
        lines = [line.removeprefix("$ ").strip() for line in joined.splitlines()]
        return [line for line in lines if re.match(r"(facebone|make|pip|python -m) ", line)]


def blocks() -> Iterator[Block]:
    for page in PAGES:
        text = (ROOT / page).read_text("utf-8")
        for before, kind, inside in re.findall(
            r"([^\n]*)\n+```(\w*)\n(.*?)```", text, flags=re.DOTALL
        ):
            yield Block(page, kind, inside, before)


BLOCKS = list(blocks())
SHOWN = [block for block in BLOCKS if block.commands()]


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: f"{block.page}: {block.commands()[0]}")
def test_every_command_is_run_or_says_where(block: Block) -> None:
    if block.kind == "console" and all(
        line.startswith("$ ") for line in block.text.strip().splitlines()
    ):
        assert block.page in RUN_BY
        return
    if mark := MARK.search(block.before):
        assert (ROOT / mark[1]).is_file()
        return
    assert (ROOT / STUDIES[block.page]).is_file()
    assert block.kind == "text"


def test_few_commands_are_left_to_studies() -> None:
    places = [mark[1] for block in SHOWN if (mark := MARK.search(block.before))]
    assert len(places) < len(SHOWN) / 2


def examples(command: Any) -> Iterator[str]:
    """What the help of a command and of those below it shows."""
    yield from re.findall(r"`(facebone [^`]*)`", command.epilog or "")
    for inner in getattr(command, "commands", {}).values():
        yield from examples(inner)


LINES = {line for block in SHOWN for line in block.commands() if line.startswith("facebone ")}


@pytest.mark.parametrize("line", sorted(LINES | set(examples(typer.main.get_command(app)))))
def test_every_command_has_the_options_that_it_is_shown_with(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Files of options are read where options are.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "audit.toml").symlink_to(ROOT / "examples" / "first_audit.toml")
    command, words = typer.main.get_command(app), shlex.split(line)[1:]
    with typer.Context(command, info_name="facebone") as context:
        while hasattr(command, "resolve_command"):
            _, command, words = command.resolve_command(context, words)
        assert command.make_context(command.name, list(words), parent=context).params


@pytest.mark.parametrize("page", sorted({block.page for block in BLOCKS if block.kind == "python"}))
def test_python_is_run_where_it_is_shown(page: str) -> None:
    assert (ROOT / RUN_BY[page]).is_file()


def test_auditing_what_is_there_already(tmp_path: Path, run_page: RunPage) -> None:
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


def test_the_quick_start_and_the_report_that_it_makes(tmp_path: Path, run_page: RunPage) -> None:
    printed = run_page("quick-start.md", tmp_path)
    assert (tmp_path / "model" / "verifier.json").is_file()
    assert (tmp_path / "runs" / "quick" / "report.html").is_file()
    audit = json.loads((tmp_path / "runs" / "quick" / "audit.json").read_text("utf-8"))
    assert [target["mitigation"] for target in audit["targets"]] == ["none", "facebone"]
    assert "runs/quick/report.html" in printed
    assert run_page("reading-a-report.md", tmp_path) == "no difference\n"


def test_synthetic_faces(tmp_path: Path, run_page: RunPage) -> None:
    run_page("synthetic-faces.md", tmp_path)
