"""The page of attacks of other goals under all defences: docs/other-attacks-measured.md.

``python -m benchmarks.reconstruction_page`` writes it again without running the study.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.page_cells import table
from benchmarks.reconstruction_prose import DEFENDED, INTRODUCTION, KEYED, READING, UNDEFENDED
from benchmarks.results_file import RESULTS
from facebone.audit.names import listed
from facebone.mitigations.base import MITIGATIONS

PAGE = Path(__file__).parent.parent / "docs" / "other-attacks-measured.md"

Row = dict[str, Any]
Cell = dict[str, Any]

RIDGE, SCORES, DECISIONS = "template_ridge", "score_regression", "decision_bisection:queries=1000"
KEY = "keyed_templates"
AS_NONE = "as none"
ON_TWO = ", two networks"
"""Behind the name of a target on two backbones."""
WITH_HEAD = "@logistic"
PLAIN = ("none", f"none{WITH_HEAD}", f"none{ON_TWO}")


def write_page() -> Path:
    """Write the page from the results there are, and return its path."""
    figures = json.loads((RESULTS / "reconstruction_study.json").read_text("utf-8"))["figures"]
    PAGE.write_text(render(figures), "utf-8")
    print(f"wrote {PAGE}", file=sys.stderr)
    return PAGE


def render(figures: Row) -> str:
    """The page from all figures."""
    rebuilt = figures["rebuilt"]
    return "\n".join(
        [
            INTRODUCTION.format(answer=answer(figures)),
            _defended(figures),
            DEFENDED.format(missing=_missing(figures)),
            UNDEFENDED,
            _rebuilt(row for row in _largest(rebuilt) if row["target"] == "none"),
            KEYED,
            _rebuilt(row for row in _largest(rebuilt) if row["target"] == KEY),
            READING,
        ]
    )


def answer(figures: Row) -> str:
    """What the table comes to, in one paragraph."""
    rows = _same_people(figures["rebuilt"])
    lines = []
    for name, keyed, what in (
        (RIDGE, f"{RIDGE}:knows=networks", "stolen templates"),
        (SCORES, SCORES, "scores"),
        (DECISIONS, DECISIONS, "decisions alone"),
    ):
        found = {
            row["target"]: row["judge"]["type_ii"]
            for row in rows
            if row["name"] == (keyed if row["target"].startswith(KEY) else name)
        }
        # Of what finds nobody there is nothing to be less.
        lines += [
            _line(what, plain, found)
            for plain in PLAIN
            if plain in found and found[plain]["value"] > 0
        ]
    return "\n".join(lines)


def _line(what: str, plain: str, found: dict[str, Cell]) -> str:
    """What is rebuilt without a defence, and under which ones the intervals lie below that."""
    kind = plain.removeprefix("none")
    beside = {
        name: share for name, share in found.items() if name not in PLAIN and _kind(name) == kind
    }
    better = [
        f"`{name.removesuffix(ON_TWO)}` ({_percent(share)})"
        for name, share in beside.items()
        if share["high"] < found[plain]["low"]
    ]
    where = {
        "": "",
        WITH_HEAD: " of a verifier with a linear head",
        ON_TWO: " of a verifier on two networks",
    }[kind]
    helped = ", ".join(better) if better else "nothing that was tried" if beside else "not tried"
    return f"- From **{what}**{where}: {_percent(found[plain])}; surely less under: {helped}."


def _kind(target: str) -> str:
    """What stands behind the defence in the name of a target."""
    return next((kind for kind in (WITH_HEAD, ON_TWO) if target.endswith(kind)), "")


def _largest(rows: Iterable[Row]) -> list[Row]:
    """Of an attack that was run on few and on many people the latter alone."""
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        at = row["target"], row["name"]
        if at not in found or found[at]["people"] < row["people"]:
            found[at] = row
    return list(found.values())


def _defended(figures: Row) -> str:
    rebuilt = {(row["target"], row["name"]): row for row in _same_people(figures["rebuilt"])}
    others = {
        (row["target"], row["name"]): row
        for part in ("copied", "linked", "attributes")
        for row in figures[part]
    }
    targets = dict.fromkeys(row["target"] for part in figures.values() for row in part)
    lines = []
    for target in targets:
        ridge = rebuilt.get(
            (target, f"{RIDGE}:knows=networks" if target.startswith(KEY) else RIDGE)
        )
        lines.append(
            [
                f"`{target}`",
                _type_ii(ridge) if ridge else AS_NONE,
                _type_ii(rebuilt.get((target, SCORES))),
                _type_ii(rebuilt.get((target, DECISIONS))),
                _copied(others.get((target, "copy_head:queries=1000"))),
                _auc(others.get((target, "attribute_probe"))) or AS_NONE,
                _auc(others.get((target, "score_probe"))),
                _linked(others.get((target, "direct"))) or AS_NONE,
                _auc(others.get((target, "score_identification"))),
            ]
        )
    heads = (
        *("defence", "faces from stolen templates", "from scores", "from decisions"),
        *("copy: agreement after 1,000 questions (before any)",),
        *("attributes from templates, AUC", "from scores, AUC"),
        *("linked to another installation", "names told by scores, AUC"),
    )
    return table(heads, lines)


def _missing(figures: Row) -> str:
    """A sentence on defences of the library that stand in no row."""
    measured = {re.split("[:@,]", row["target"])[0] for part in figures.values() for row in part}
    names = [f"`{name}`" for name in MITIGATIONS.names() if name not in measured]
    return f" Not measured here: {listed(names)}." if names else ""


def _same_people(rows: Sequence[Row]) -> list[Row]:
    """Of an attack that was run on many people and on few that row which all defences have."""
    least: dict[tuple[str, bool], int] = {}
    for row in rows:
        least[_asked(row)] = min(least.get(_asked(row), row["people"]), row["people"])
    return [row for row in rows if row["people"] == least[_asked(row)]]


def _asked(row: Row) -> tuple[str, bool]:
    return row["name"], row["target"].endswith(ON_TWO)


def _rebuilt(rows: Iterable[Row]) -> str:
    lines = [
        [
            f"`{row['name']}`",
            row["access"],
            str(row["people"]),
            f"{row['queries']:,.0f}" if row["queries"] else "",
            _interval(row["attacked"]["type_ii"]),
            _interval(row["judge"]["type_i"]),
            _interval(row["judge"]["type_ii"]),
            _percent(row["judge"]["control"], 2),
        ]
        for row in sorted(rows, key=lambda row: -row["judge"]["type_ii"]["value"])
    ]
    heads = ("attack", "access", "people", "questions a person")
    figures = ("type II, own network", "type I, judge", "type II, judge", "control, judge")
    return table((*heads, *figures), lines)


def _type_ii(row: Row | None) -> str:
    return "" if row is None else _interval(row["judge"]["type_ii"])


def _copied(row: Row | None) -> str:
    if row is None or not row["points"]:
        return "" if row is None else "none made"
    before = row["baseline"]["agreement"]
    return f"{_interval(row['points'][-1]['agreement'])} ({_percent(before)})"


def _linked(row: Row | None) -> str:
    return "" if row is None else _interval(row["rank_one"])


def _auc(row: Row | None) -> str:
    if row is None:
        return ""
    auc = row["auc"]
    return (
        "refused"
        if "refused" in auc
        else f"{auc['value']:.2f} [{auc['low']:.2f}, {auc['high']:.2f}]"
    )


def _interval(figure: Cell) -> str:
    if "refused" in figure:
        return "refused"
    low, high = (f"{100 * figure[end]:.1f}" for end in ("low", "high"))
    return f"{_percent(figure)} [{low}, {high}]"


def _percent(figure: Cell, digits: int = 1) -> str:
    return "refused" if "refused" in figure else f"{100 * figure['value']:.{digits}f} %"


if __name__ == "__main__":
    write_page()
