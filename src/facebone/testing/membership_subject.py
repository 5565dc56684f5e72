"""An attack on membership as a subject of checks, and how scores are compared."""

from __future__ import annotations

from typing import Any

import numpy as np

from facebone.attacks.base import MembershipAttack
from facebone.testing.contract import expect
from facebone.testing.declared import AttackSubject
from facebone.testing.membership_world import Seen

Subject = AttackSubject[MembershipAttack]


def fitted(subject: Subject, data: Seen, seed: int = 0, **settings: Any) -> MembershipAttack:
    """The attack, fitted where it learns."""
    attack = subject.make(settings)
    attack.fit(*data, seed=seed)
    return attack


def expect_equal(found: np.ndarray, wanted: np.ndarray, how: str) -> None:
    """Expect the same scores, to the bit.

    Raises:
        AssertionError: they are not.
    """
    expect(np.array_equal(found, wanted), f"{how}: other scores")


def expect_same(found: np.ndarray, wanted: np.ndarray, how: str) -> None:
    """Expect the same scores, but for rounding.

    Raises:
        AssertionError: they are not.
    """
    apart = np.abs(found - wanted).max(initial=0.0)
    expect(np.allclose(found, wanted, rtol=1e-7, atol=1e-6), f"{how}: scores differ by {apart:.2g}")
