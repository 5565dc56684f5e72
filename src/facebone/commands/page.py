"""The page of the documentation that shows the help of every command.

``python -m facebone.commands.page > docs/commands.md`` writes it, and a test compares the two.
"""

from __future__ import annotations

import os
import subprocess
import sys

COMMANDS = (
    "",
    "audit",
    "harden",
    "report",
    "diff",
    "demo",
    "synthesize",
    "train",
    "verify",
    "evaluate",
    "backbones",
    "backbones list",
    "backbones add",
    "backbones pull",
    "backbones check",
    "plugins",
)


def render_page() -> str:
    """The page as Markdown."""
    parts = [
        "# Commands\n\nWritten by `python -m facebone.commands.page > docs/commands.md`. Exit "
        "codes: 0 done,\n1 a limit given with --fail-above was exceeded, 2 wrong use or bad input, "
        "with one line on\nstderr that says what, where and what to do.\n"
    ]
    for command in COMMANDS:
        title = f"facebone {command}".strip()
        parts.append(f"## {title}\n\n```text\n{_help(command)}\n```\n")
    return "\n".join(parts)


def _help(command: str) -> str:
    # A process of its own: the width and the colours are read from the environment at its start.
    environment = {**os.environ, "COLUMNS": "98", "TERM": "dumb", "NO_COLOR": "1"}
    code = "import sys; from facebone.cli import run; sys.exit(run())"
    result = subprocess.run(
        [sys.executable, "-c", code, *command.split(), "--help"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [
        line.rstrip().replace("Usage: -c", "Usage: facebone") for line in result.stdout.splitlines()
    ]
    return "\n".join(lines).strip("\n")


if __name__ == "__main__":
    sys.stdout.write(render_page())
