"""docs/attacks.md is what the registered attacks say of themselves."""

from __future__ import annotations

from pathlib import Path

from facebone.attacks.base import ATTACKS
from facebone.attacks.page import render

PAGE = Path(__file__).parents[2] / "docs" / "attacks.md"


def test_the_page_is_that_of_this_code() -> None:
    assert PAGE.read_text("utf-8") == render(), "python -m facebone.attacks.page > docs/attacks.md"


def test_every_attack_has_a_row_under_its_access() -> None:
    rows = [line for line in render().splitlines() if line.startswith("| `")]
    named = {row.split("`")[1]: row for row in rows}
    for name in ATTACKS.names():
        assert f"| {ATTACKS.get(name).access} |" in named[name]
        assert ATTACKS.get(name).summary in named[name]
