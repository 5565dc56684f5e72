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
from benchmarks.results_file import RESULTS

PAGE = Path(__file__).parent.parent / "docs" / "defences-measured.md"

Row = dict[str, Any]


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


def strongest(row: Row, *, hidden: bool = False) -> tuple[str, list[dict[str, float]]]:
    """The attack of the highest mean AUC, and its figures: AUC, TPR at FPR 1 % and at 0.1 %.

    Args:
        row: of the study.
        hidden: whether only attacks count that need no scores.
    """
    attacks = row["attacks"]
    names = [name for name in attacks if not hidden or name in row["hidden"]]
    name = max(names, key=lambda one: float(attacks[one][0]["mean"]))
    return name, attacks[name]


def _defences(rows: Sequence[Row]) -> str:
    plain = rows[0]
    lines = [
        "| defence | accuracy | EER | strongest attack | its AUC | TPR at FPR 1 % / 0.1 % | "
        "AUC by decisions | training | query |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        name, found = strongest(row)
        by_decision = strongest(row, hidden=True)[1][0]
        costs = [
            f"{row[what] / plain[what]:.2g} times" for what in ("training_seconds", "query_seconds")
        ]
        cells = [
            f"{row['name']}{'' if row['models'] == plain['models'] else ' *'}",
            _mean(row["accuracy"]),
            f"{row['eer']['mean']:.3f}",
            f"`{name}`",
            _mean(found[0]),
            " / ".join(f"{100 * rate['mean']:.1f} %" for rate in found[1:]),
            f"{by_decision['mean']:.3f}",
            *costs,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _private(rows: Sequence[Row]) -> str:
    lines = [
        "| pictures | head | ε claimed | accuracy | strongest AUC | ε shown, mean / most |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        head, side, _ = row["name"].split(", ")
        bounds = row["epsilon_bounds"].values()
        shown = max(one["mean"] for one in bounds), max(one["most"] for one in bounds)
        cells = [
            side,
            head,
            f"{row['epsilon']}" if row["epsilon"] else "none",
            _mean(row["accuracy"]),
            _mean(strongest(row)[1][0]),
            f"{shown[0]:.2f} / {shown[1]:.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _mean(figure: dict[str, float], digits: int = 3) -> str:
    return f"{figure['mean']:.{digits}f} ± {figure['off']:.{digits}f}"


if __name__ == "__main__":
    write_page()
