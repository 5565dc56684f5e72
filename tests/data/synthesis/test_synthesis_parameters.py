"""The space of synthetic people."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.data.synthesis.dice import Dice
from facebone.data.synthesis.parameters import NORMALS, UNIFORMS, WIDTH, identity_at
from facebone.data.synthesis.people import person_of
from facebone.errors import UsageError


def test_a_person_takes_all_numbers_and_no_more():
    dice = Dice([0.0] * NORMALS, [0.5] * UNIFORMS)
    person_of(dice)
    with pytest.raises(StopIteration):
        dice.around(0.0, 1.0)
    with pytest.raises(StopIteration):
        dice.chance(0.5)


def test_numbers_move_what_they_describe():
    middle = identity_at(np.zeros(WIDTH))
    wide = np.zeros(WIDTH)
    # The first normal number is the width of the cheeks, the second uniform one the skin's tone.
    wide[0], wide[NORMALS + 1] = 1.0, -1.0
    moved = identity_at(wide)
    assert moved.head.cheek == pytest.approx(middle.head.cheek + 2.3)
    assert middle.skin.tone == pytest.approx(0.5)
    assert moved.skin.tone == pytest.approx(0.158655, abs=1e-5)
    assert moved.nose.length == middle.nose.length


@pytest.mark.parametrize("bad", [np.zeros(WIDTH - 1), np.full(WIDTH, np.nan)])
def test_what_is_no_point_is_refused(bad):
    with pytest.raises(UsageError, match="80 finite numbers"):
        identity_at(bad)
