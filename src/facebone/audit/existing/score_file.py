"""A table of scores with membership, CSV or Parquet, as what every attack starts from."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facebone.audit.existing.pairs_file import COLUMNS, pairs_of
from facebone.audit.existing.table_file import TableFile, read_table
from facebone.audit.score_table import ScoreTable
from facebone.errors import DatasetError

_FURTHER = re.compile(r"score_(\d+)")


def read_score_table(
    path: Path, *, threshold: float | None = None, sign: int = 1, seed: int = 0
) -> ScoreTable:
    """A verifier's answers about members, non-members and control pairs, from a file.

    Columns: those of `read_candidates`, and ``score``; a verifier that was asked several times
    about each pair has its further answers in ``score_2``, ``score_3`` and so on.

    Args:
        path: CSV or Parquet.
        threshold: see `GivenPairs.to_table`.
        sign: see `GivenPairs.to_table`.
        seed: draws the membership of control pairs.

    Raises:
        DatasetError: not such a file, wrong values, or pairs that cannot be audited; see
            `GivenPairs`.
        UsageError: a wrong sign or threshold, or scores that mean the opposite.
    """
    table = read_table(path)
    table.require("score")
    table.refuse_slips((*COLUMNS[3:], "score", "score_2"))
    scores = _scores(table)
    return pairs_of(table).to_table(scores, threshold=threshold, sign=sign, seed=seed)


def _scores(table: TableFile) -> npt.NDArray[np.float64]:
    """All answers, (n, q)."""
    numbers = sorted(
        int(found[1]) for found in map(_FURTHER.fullmatch, table.columns) if found is not None
    )
    if numbers != list(range(2, len(numbers) + 2)):
        raise DatasetError(
            f"further answers must be score_2, score_3 and so on, got numbers {numbers}",
            where=table.path,
            hint="rename the columns",
        )
    names = ["score", *(f"score_{number}" for number in numbers)]
    return np.stack([table.numbers(name) for name in names], axis=1)
