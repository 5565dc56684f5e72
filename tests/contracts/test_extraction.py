"""One contract over every registered extraction attack: `facebone.testing`'s."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from facebone.attacks.extraction.base import EXTRACTIONS
from facebone.testing import attack_checks

# Small enough to be quick; every other setting keeps its default.
QUICK = {
    "copy_head": {"layers": [32], "networks": 1, "steps": 300},
    "copy_decisions": {"layers": [32], "networks": 1, "steps": 300},
    "metric_copy": {"hidden": 32, "steps": 400, "learning_rate": 1e-2},
    "knockoff": {"layers": [64], "steps": 300},
    "copycat": {"layers": [64], "steps": 300},
}


@pytest.mark.parametrize(
    "check",
    [
        check
        for name in EXTRACTIONS.own_names()
        for check in attack_checks(EXTRACTIONS.get(name), settings=QUICK[name])
    ],
    ids=str,
)
def test_contract(check):
    check()


def test_a_copy_is_the_same_in_another_process():
    """Nothing hangs on the hash seed or on what was imported before."""
    code = """
import numpy as np
from facebone.attacks.extraction.answers import Answers
from facebone.attacks.extraction.base import EXTRACTIONS
from facebone.attacks.extraction.known import KnownPictures
rng = np.random.default_rng(0)
known = KnownPictures((rng.normal(size=(60, 6)).astype(np.float32),), np.arange(60) // 3)
left, right = np.arange(0, 59), np.arange(1, 60)
answers = Answers(left, right, rng.normal(size=59))
attack = EXTRACTIONS.make("knockoff", {"layers": [8], "steps": 20})
found = attack.copy(known, answers, seed=1).score(known.embedded(left, right)).tobytes().hex()
"""
    here: dict[str, str] = {}
    exec(code, here)
    there = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{code}print(found)"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "7"},
    ).stdout
    assert there.strip() == here["found"]
