"""The page of all defences, from the results of their study: docs/defences-measured.md.

``python -m benchmarks.defence_page`` writes it again without running it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.defence_prose import DP, DP_READING, INTRODUCTION, READING
from benchmarks.page_cells import Figure, highest, mean, rates, table
from benchmarks.results_file import RESULTS

PAGE = Path(__file__).parent.parent / "docs" / "defences-measured.md"

Row = dict[str, Any]
COSTS = ("training_seconds", "query_seconds")


def write_page() -> Path:
    """Write the page from the results there are, and return its path."""
    figures = json.loads((RESULTS / "defence_study.json").read_text("utf-8"))["figures"]
    PAGE.write_text(render(figures), "utf-8")
    print(f"wrote {PAGE}", file=sys.stderr)
    return PAGE


def render(figures: Row) -> str:
    """The page from all figures."""
    rows = figures["rows"]
    defences = [row for row in rows if row["part"] == "defences"]
    private = [row for row in rows if row["part"] == "dp"]
    most, few = max(row["models"] for row in rows), min(row["models"] for row in rows)
    return "\n".join(
        [
            INTRODUCTION.format(models=most, others=most - 1, some=few, few=figures["few"]),
            _defences(defences),
            READING,
            DP.format(models=few),
            _private(private),
            DP_READING,
        ]
    )


def strongest(row: Row, *, hidden: bool = False) -> tuple[str, Sequence[Figure]]:
    """The attack of the highest mean AUC, and its figures: AUC, TPR at FPR 1 % and at 0.1 %.

    Args:
        row: of the study.
        hidden: whether only attacks count that need no scores.
    """
    attacks = row["attacks"]
    return highest({name: attacks[name] for name in (row["hidden"] if hidden else attacks)})


def _defences(rows: Sequence[Row]) -> str:
    plain = rows[0]
    lines = []
    for row in rows:
        name, found = strongest(row)
        lines.append(
            [
                f"{row['name']}{'' if row['models'] == plain['models'] else ' *'}",
                mean(row["accuracy"]),
                f"{row['eer']['mean']:.3f}",
                f"`{name}`",
                mean(found[0]),
                rates(found[1:]),
                f"{strongest(row, hidden=True)[1][0]['mean']:.3f}",
                *(f"{row[what] / plain[what]:.2g} times" for what in COSTS),
            ]
        )
    heads = (
        *("defence", "accuracy", "EER", "strongest attack", "its AUC"),
        *("TPR at FPR 1 % / 0.1 %", "AUC by decisions", "training", "query"),
    )
    return table(heads, lines)


def _private(rows: Sequence[Row]) -> str:
    lines = []
    for row in rows:
        head, side, _ = row["name"].split(", ")
        bounds = row["epsilon_bounds"].values()
        shown = max(one["mean"] for one in bounds), max(one["most"] for one in bounds)
        lines.append(
            [
                side,
                head,
                f"{row['epsilon']}" if row["epsilon"] else "none",
                mean(row["accuracy"]),
                mean(strongest(row)[1][0]),
                f"{shown[0]:.2f} / {shown[1]:.2f}",
            ]
        )
    heads = ("pictures", "head", "ε claimed", "accuracy", "strongest AUC", "ε shown, mean / most")
    return table(heads, lines)


if __name__ == "__main__":
    write_page()
