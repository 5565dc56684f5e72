"""One contract over every registered attack that links records: `facebone.testing`'s."""

from __future__ import annotations

import subprocess
import sys

import pytest

from facebone.attacks.linkage.base import LINKAGES
from facebone.errors import UnknownNameError
from facebone.testing import attack_checks


@pytest.mark.parametrize(
    "check",
    [check for name in LINKAGES.own_names() for check in attack_checks(LINKAGES.get(name))],
    ids=str,
)
def test_contract(check):
    check()


@pytest.mark.parametrize("name", LINKAGES.own_names())
def test_unknown_names_are_refused(name):
    with pytest.raises(UnknownNameError, match=f"did you mean '{name}'"):
        LINKAGES.make(name + "s")


def test_naming_and_making_attacks_loads_no_learners():
    code = """
import sys
from facebone.attacks.linkage.base import LINKAGES
for name in LINKAGES.names():
    LINKAGES.make(name)
print([m for m in ("torch", "sklearn", "scipy") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
