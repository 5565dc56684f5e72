"""What docstrings say in a form that pages can show."""

from __future__ import annotations

import inspect


def references(kind: type) -> str:
    """The papers that a class names at the end of its docstring, in one line; empty for none."""
    for paragraph in (inspect.getdoc(kind) or "").split("\n\n"):
        head, _, rest = paragraph.partition("\n")
        if head == "References:":
            return " ".join(inspect.cleandoc(f"\n{rest}").split())
    return ""
