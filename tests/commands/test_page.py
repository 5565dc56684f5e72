"""The page of commands in the documentation is the one the program writes."""

from __future__ import annotations

from pathlib import Path

from facebone.commands.page import COMMANDS, render_page


def test_the_page_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "commands.md"
    hint = "python -m facebone.commands.page > docs/commands.md"
    assert page.read_text("utf-8") == render_page(), f"write it again: {hint}"


def test_every_command_is_on_it() -> None:
    from facebone.cli import app
    from facebone.commands.backbones import app as backbones

    named = {command.name for command in app.registered_commands}
    named |= {f"backbones {command.name}" for command in backbones.registered_commands}
    assert named <= set(COMMANDS)
