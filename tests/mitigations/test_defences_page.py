"""docs/defences.md is what the registered defences say of themselves."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from facebone.mitigations.base import MITIGATIONS
from facebone.mitigations.page import render

PAGE = Path(__file__).parents[2] / "docs" / "defences.md"


def test_the_page_is_up_to_date() -> None:
    written = "python -m facebone.mitigations.page > docs/defences.md"
    assert PAGE.read_text("utf-8") == render(), written


def test_every_defence_and_setting_is_told_once() -> None:
    page = render()
    for name in MITIGATIONS.names():
        kind = MITIGATIONS.get(name)
        assert page.count(f"\n### `{name}`\n") == 1
        entry = page.partition(f"\n### `{name}`\n")[2].partition("\n### ")[0]
        for field in fields(kind.settings_type):
            told = entry.count(f"\n- `{field.name}`")
            assert told == (field.name != "backbones"), (name, field.name)
