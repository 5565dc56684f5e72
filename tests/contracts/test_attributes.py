"""One contract over every registered attack on attributes: `facebone.testing`'s."""

from __future__ import annotations

import subprocess
import sys

import pytest

from facebone.attacks.attributes.base import ATTRIBUTE_ATTACKS
from facebone.errors import UnknownNameError
from facebone.testing import attack_checks


@pytest.mark.parametrize(
    "check",
    [
        check
        for name in ATTRIBUTE_ATTACKS.own_names()
        for check in attack_checks(ATTRIBUTE_ATTACKS.get(name))
    ],
    ids=str,
)
def test_contract(check):
    check()


@pytest.mark.parametrize("name", ATTRIBUTE_ATTACKS.own_names())
def test_unknown_names_are_refused(name):
    with pytest.raises(UnknownNameError, match=f"did you mean '{name}'"):
        ATTRIBUTE_ATTACKS.make(name + "s")


def test_naming_and_making_attacks_loads_no_learners():
    code = """
import sys
from facebone.attacks.attributes.base import ATTRIBUTE_ATTACKS
for name in ATTRIBUTE_ATTACKS.names():
    ATTRIBUTE_ATTACKS.make(name)
print([m for m in ("torch", "sklearn", "scipy") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
