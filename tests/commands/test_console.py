"""How results are laid out: a line a target, or a line a figure where a terminal is too narrow."""

from __future__ import annotations

import sys

import pytest

from facebone.commands.console import print_records

HEADS = ("target", "AUC", "control")
RECORDS = [("none", "0.600", "0.500"), ("facebone:assignment=pair", "0.550", "refused")]

TABLE = [
    "target                    AUC    control",
    "none                      0.600  0.500",
    "facebone:assignment=pair  0.550  refused",
]
BLOCKS = [
    "none",
    "  AUC      0.600",
    "  control  0.500",
    "facebone:assignment=pair",
    "  AUC      0.550",
    "  control  refused",
]


@pytest.mark.parametrize(
    ("columns", "terminal", "lines"),
    [(40, True, TABLE), (39, True, BLOCKS), (39, False, TABLE)],
)
def test_records_fit_the_terminal(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    columns: int,
    terminal: bool,
    lines: list[str],
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    print_records(HEADS, RECORDS)
    assert capsys.readouterr().out.splitlines() == lines
