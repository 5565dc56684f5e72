"""The page of audit.json: ``python -m facebone.audit.schema_page > docs/audit-json.md``."""

from __future__ import annotations

import sys
from typing import Any

from facebone.audit.schema import TIMES, Audit

INTRODUCTION = f"""# audit.json

Written by `python -m facebone.audit.schema_page`. Each audit writes `audit.json`, and beside it
`scores.parquet`, a row for each target, attack and candidate. The same seed on the same machine
gives the same file but for {" and ".join(f"`{name}`" for name in TIMES)}. For programs there is
[the JSON Schema](audit.schema.json). A figure is an interval at 95 %, or a refusal that says which
sample it needs.
"""


def render() -> str:
    """The page: a table of fields for the document and for each of its parts."""
    schema = Audit.model_json_schema(mode="serialization")
    parts = [INTRODUCTION, _table("The document", schema)]
    parts += [_table(name, part) for name, part in schema["$defs"].items()]
    return "\n".join(parts)


def _table(name: str, part: dict[str, Any]) -> str:
    said = " ".join(part.get("description", "").split())
    lines = [f"## {name}", ""]
    if said:
        lines += [said, ""]
    lines += ["| field | type | what |", "| --- | --- | --- |"]
    for field, facts in part.get("properties", {}).items():
        words = " ".join(facts.get("description", "").split()).replace("|", "\\|")
        lines.append(f"| `{field}` | {_type(facts)} | {words} |")
    return "\n".join(lines) + "\n"


def _type(facts: dict[str, Any]) -> str:
    """The type in words, parts of the document as links."""
    kind, inner = facts.get("type", "any"), facts.get("additionalProperties")
    if "$ref" in facts:
        name = facts["$ref"].rsplit("/", 1)[1]
        found = f"[{name}](#{name.lower()})"
    elif "anyOf" in facts:
        found = " or ".join(_type(one) for one in facts["anyOf"])
    elif "enum" in facts:
        found = ", ".join(f"`{word}`" for word in facts["enum"])
    elif kind == "array":
        found = f"list of {_type(facts.get('items', {}))}"
    elif kind == "object" and isinstance(inner, dict):
        found = f"by name: {_type(inner)}"
    else:
        found = "flag" if kind == "boolean" else kind
    return found


if __name__ == "__main__":
    sys.stdout.write(render())
