"""`make bench` runs studies that are there and can start."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from benchmarks.__main__ import ON_REAL_FACES, ON_SYNTHETIC_FACES

STUDIES = {
    f"benchmarks.{path.stem}"
    for path in (Path(__file__).parents[2] / "benchmarks").glob("*_study.py")
}


@pytest.mark.parametrize("study", sorted({*ON_SYNTHETIC_FACES, *ON_REAL_FACES, *STUDIES}))
def test_every_study_can_start(study: str) -> None:
    assert callable(import_module(study).main)
