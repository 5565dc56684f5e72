"""Pairs with membership that an audit accepts, to be spoilt one way at a time."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Rows = list[dict[str, Any]]

EACH = 12
"""Matched, and mismatched, pairs among members, and among non-members."""


@pytest.fixture
def rows() -> Rows:
    """12 of each kind, then 4 control pairs; matched pairs score above mismatched ones."""
    rng = np.random.default_rng(3)
    found: Rows = []
    for member in ("true", "false", "control"):
        for i in range(2 * EACH if member != "control" else 4):
            same = i % 2 == 0
            name = f"{member[0]}{i}"
            found.append(
                {
                    "left": f"{name}a",
                    "right": f"{name}b",
                    "same": same,
                    "member": member,
                    "score": float(rng.uniform(0.5, 1) if same else rng.uniform(0, 0.5)),
                    "person_left": name,
                    "person_right": name if same else f"{name}x",
                    "blind": float(rng.normal(float(same))),
                }
            )
    return found


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes rows as CSV or, with a name that ends so, as Parquet."""

    def make(rows: Rows, name: str = "table.csv", *, separator: str = ",") -> Path:
        path = tmp_path / name
        if path.suffix == ".parquet":
            import pyarrow as pa
            import pyarrow.parquet as pq

            pq.write_table(pa.Table.from_pylist(rows), path)
            return path
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter=separator)
            writer.writeheader()
            writer.writerows(rows)
        return path

    return make
