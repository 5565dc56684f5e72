"""Fixtures: the simulated audit that the report's tests read."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pytest

from facebone.audit.report.page import render_report
from facebone.audit.schema import Audit


def load_simulation() -> ModuleType:
    """The module beside this file, which is no test and so is not imported by pytest."""
    path = Path(__file__).with_name("simulated_audit.py")
    spec = importlib.util.spec_from_file_location("simulated_audit", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def simulation() -> ModuleType:
    """What makes simulated audits."""
    return load_simulation()


@pytest.fixture(scope="session")
def simulated(simulation: ModuleType) -> tuple[Audit, pa.Table]:
    """An audit of four targets by four attacks in two seeds, and its scores."""
    audit, table = simulation.simulated_audit(pairs=1200)
    return audit, table


@pytest.fixture(scope="session")
def page(simulated: tuple[Audit, pa.Table]) -> str:
    """The report of the simulated audit."""
    return render_report(*simulated)
