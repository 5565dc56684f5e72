"""An audit that is shown: its figures, its rows and its report, wherever they come from."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from facebone.audit.artefacts import (
    REPORT_FILE,
    parse_audit,
    parse_scores,
    read_audit,
    read_scores,
)
from facebone.audit.report.charts.roc import Line
from facebone.audit.report.page import render_report
from facebone.audit.report.score_rows import ScoreRows
from facebone.audit.schema import Audit, TargetResult
from facebone.demo.curves import attack_lines, utility_lines

if TYPE_CHECKING:
    import pyarrow as pa

_ERRORS = ""
"""Stands for the errors of all targets where lines are kept; no target has that name."""


@dataclass(frozen=True, slots=True, eq=False)
class ShownAudit:
    """An audit with what there is of its rows.

    Args:
        audit: the figures.
        scores: the rows; None where they were not given.
        report: the page that says all; None where it cannot be made without the rows.
    """

    audit: Audit
    scores: pa.Table | None
    report: bytes | None
    _lines: dict[str, list[Line]] = field(default_factory=dict, init=False)

    @property
    def rows(self) -> ScoreRows | None:
        """The rows by target, attack and seed, if they were given."""
        return None if self.scores is None else ScoreRows(self.scores)

    def lines(self, target: TargetResult) -> list[Line]:
        """ROC of the attacks on a target; worked out once, for bands take a while.

        Raises:
            DatasetError: the rows are not those of this audit.
        """
        rows = self.rows
        if rows is not None and target.name not in self._lines:
            self._lines[target.name] = attack_lines(target, rows, seed=self.audit.seed)
        return self._lines.get(target.name, [])

    def errors(self) -> list[Line]:
        """Errors of verification of every target."""
        rows = self.rows
        if rows is not None and _ERRORS not in self._lines:
            self._lines[_ERRORS] = utility_lines(self.audit, rows)
        return self._lines.get(_ERRORS, [])


def read_shown(folder: Path) -> ShownAudit:
    """The audit of a folder.

    Raises:
        DatasetError: a file is missing or is not what it should be.
    """
    report = folder / REPORT_FILE
    return ShownAudit(
        read_audit(folder),
        read_scores(folder),
        report.read_bytes() if report.is_file() else None,
    )


def open_shown(content: bytes, scores: bytes | None) -> ShownAudit:
    """An audit from the bytes of its files.

    Args:
        content: of audit.json.
        scores: of scores.parquet, if it was given.

    Raises:
        DatasetError: a file is not what it should be, or the two do not belong together.
    """
    audit = parse_audit(content)
    if scores is None:
        return ShownAudit(audit, None, None)
    table = parse_scores(io.BytesIO(scores))
    return ShownAudit(audit, table, render_report(audit, table).encode("utf-8"))
