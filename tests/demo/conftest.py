"""Fixtures for the demo: eyes that see drawn faces, and files of pictures."""

from __future__ import annotations

import importlib.util
import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from facebone.audit.schema import Audit
from facebone.data.pictures import RGB
from facebone.data.synthetic import SyntheticDataset, synthetic_dataset
from facebone.demo.looking import Eyes
from facebone.verification.routes import open_routes


@pytest.fixture(scope="session")
def people() -> SyntheticDataset:
    """A few people in photographs that need a detector."""
    return synthetic_dataset(6, 3, seed=0, view="scene")


@pytest.fixture(scope="session")
def eyes() -> Eyes:
    """Two networks that know drawn faces."""
    return Eyes(open_routes(["tiny_plain", "tiny_mobile"], detector="synthetic"))


@pytest.fixture(scope="session")
def photograph(people: SyntheticDataset) -> Callable[[int, int], RGB]:
    """Pixels of a person's picture."""

    def make(person: int, number: int) -> RGB:
        source = people.pictures[person * 3 + number].source
        return source.decode(source.read())

    return make


@pytest.fixture(scope="session")
def as_file() -> Callable[..., bytes]:
    """Pixels as a file."""

    def encode(image: RGB, kind: str = "PNG", **options: object) -> bytes:
        written = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(image)).save(written, kind, **options)
        return written.getvalue()

    return encode


@pytest.fixture(scope="session")
def simulated() -> tuple[Audit, pa.Table]:
    """A simulated audit and its scores."""
    path = Path(__file__).parents[1] / "audit" / "report" / "simulated_audit.py"
    spec = importlib.util.spec_from_file_location("simulated_audit_of_the_demo", path)
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    audit, table = module.simulated_audit(pairs=400)
    return audit, table
