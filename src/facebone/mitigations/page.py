"""The page of defences: ``python -m facebone.mitigations.page > docs/defences.md`` writes it."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import fields

from facebone.docstrings import references
from facebone.mitigations.base import MITIGATIONS, Mitigation

INTRODUCTION = """# Defences

Written by `python -m facebone.mitigations.page`. `facebone audit --mitigation NAME` attacks a
verifier under one, repeated for several, each a target of its own beside the others;
`facebone train --mitigation NAME` makes one; `facebone harden` searches them. Settings stand behind
the name, as in `rounding:digits=2`.

A defence works in one of three places. Some decide **what is trained on what**; some change **the
recipe** by which the head is trained; some guard **the answers**. Several stand in a row with `/`
between them, as in `facebone/rounding:digits=2`: one of the first kind at most, recipes that do not
set the same thing, and guards, which answers pass in the order in which they are named. What does
not go together is refused with the reason.

Every defence is attacked by who knows it: shadows are trained under it, questions are repeated
where answers vary, and each backbone is asked where any of several can be. Guards hide nothing from
who holds the weights, and scores that are hidden do not hide decisions: `--attack
label_only_shadows` looks at these alone.

"""

KINDS = (
    ("What is trained on what", "protect"),
    ("The recipe", "recipe"),
    ("The answers", "guard"),
)


def render() -> str:
    """The page."""
    kinds = [MITIGATIONS.get(name) for name in MITIGATIONS.own_names()]
    parts = [INTRODUCTION]
    for title, hook in KINDS:
        chosen = [kind for kind in kinds if _works_by(kind) == hook]
        lines = ["| defence | settings | what it does |", "| --- | --- | --- |"]
        lines += [_row(kind) for kind in chosen]
        parts += [f"## {title}\n\n", "\n".join(lines), "\n\n", *map(_entry, chosen)]
    return "".join(parts).rstrip() + "\n"


def _works_by(kind: type[Mitigation]) -> str:
    """The first of the hooks that it overrides; the undefended stands with those that decide."""
    hooks = [hook for _, hook in KINDS]
    return next((h for h in hooks if getattr(kind, h) is not getattr(Mitigation, h)), hooks[0])


def _row(kind: type[Mitigation]) -> str:
    names = [field.name for field in fields(kind.settings_type) if field.name != "backbones"]
    cells = (f"`{kind.name}`", ", ".join(f"`{name}`" for name in names), kind.summary)
    return f"| {' | '.join(cells)} |"


def _entry(kind: type[Mitigation]) -> str:
    """What the class says of itself, and its settings."""
    said = "\n\n".join(_paragraphs(kind))
    settings = _settings(kind)
    return f"### `{kind.name}`\n\n{said}\n\n{settings}{chr(10) * 2 if settings else ''}"


def _paragraphs(kind: type[Mitigation]) -> Iterator[str]:
    """The docstring, without the heads that documentation tools know."""
    for paragraph in inspect.getdoc(kind).split("\n\n"):  # type: ignore[union-attr]
        head = paragraph.partition("\n")[0]
        if head == "References:":
            yield f"References: {references(kind)}"
        elif not re.fullmatch(r"\w+:", head):
            yield _code(paragraph)


def _settings(kind: type[Mitigation]) -> str:
    """A line a setting, from the docstring of its settings."""
    told = inspect.getdoc(kind.settings_type) or ""
    listed = told.partition("Args:\n")[2].partition("\n\n")[0]
    found = {
        name: " ".join(words.split())
        for name, words in re.findall(
            r"^    (\w+): (.*?)(?=^    \w+: |\Z)", listed, re.MULTILINE | re.DOTALL
        )
        if name != "backbones"
    }
    default = kind.settings_type()
    return "\n".join(
        f"- `{name}`, {getattr(default, name)} by default: {_code(words)}"
        if getattr(default, name) is not None
        else f"- `{name}`: {_code(words)}"
        for name, words in found.items()
    )


def _code(words: str) -> str:
    """Double backticks, as docstrings have them, become single ones."""
    return words.replace("``", "`")


if __name__ == "__main__":
    sys.stdout.write(render())
