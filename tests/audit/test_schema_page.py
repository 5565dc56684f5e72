"""The page of audit.json is what the models say."""

from __future__ import annotations

from pathlib import Path

from facebone.audit.schema import Audit
from facebone.audit.schema_page import render

PAGE = Path(__file__).parents[2] / "docs" / "audit-json.md"


def test_the_page_is_up_to_date() -> None:
    written = "python -m facebone.audit.schema_page > docs/audit-json.md"
    assert PAGE.read_text("utf-8") == render(), written


def test_every_field_is_on_it() -> None:
    text = render()
    for part in (Audit.model_json_schema(), *Audit.model_json_schema()["$defs"].values()):
        for field in part.get("properties", {}):
            assert f"| `{field}` | " in text
