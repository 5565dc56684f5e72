"""`make bench` runs studies that are there."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from benchmarks.__main__ import ON_REAL_FACES, ON_SYNTHETIC_FACES


@pytest.mark.parametrize("study", [*ON_SYNTHETIC_FACES, *ON_REAL_FACES])
def test_every_study_is_a_module(study: str) -> None:
    assert find_spec(study) is not None
