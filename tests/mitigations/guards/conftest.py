"""Heads behind guards, and what they learn from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from facebone.mitigations.base import make_mitigation, parse_mitigation
from facebone.verification.embedded_pairs import normalise
from facebone.verification.heads import LearningHead
from facebone.verification.labelled_pictures import LabelledPictures

QUICK: dict[str, dict[str, Any]] = {
    "mlp": {"layers": [16, 8], "batch_norm": [], "epochs": 8, "learning_rate": 1e-2},
    "adapter": {"hidden": [16], "epochs": 3, "learning_rate": 3e-3},
}
NAMES = ("one", "two", "three")

Protect = Callable[..., LearningHead]


@pytest.fixture
def protect() -> Protect:
    """Makes an unfitted head under the defences of a spec."""

    def make(
        spec: str, head: str = "logistic", settings: dict[str, Any] | None = None
    ) -> LearningHead:
        mitigation = make_mitigation(*parse_mitigation(spec))
        own = QUICK.get(head, {}) if settings is None else settings
        made = mitigation.protect(head, own, backbones=NAMES)
        assert isinstance(made, LearningHead)
        return made

    return make


@pytest.fixture
def pictures() -> LabelledPictures:
    """240 pictures of 60 people under two backbones."""
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(60), 4)
    matrices = []
    for width in (12, 8):
        centres = rng.normal(size=(60, width))
        rows = centres[person] + 0.5 * rng.normal(size=(240, width)) + 2 * np.eye(width)[0]
        matrices.append(normalise(rows.astype(np.float32)))
    return LabelledPictures(tuple(matrices), person)
