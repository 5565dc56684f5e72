"""The backbone keeps FaceBone's contract, and sees texture and not light."""

import numpy as np
import pytest
from facebone_lbp import lbp, load

from facebone.backbones.runtimes import Settings
from facebone.testing import backbone_checks


@pytest.mark.parametrize("check", backbone_checks(lbp, runtime=load), ids=str)
def test_contract(check):
    check()


def test_brighter_pictures_are_the_same_and_others_are_not():
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 160, (2, 14, 14, 3))
    faces = np.kron(coarse, np.ones((1, 8, 8, 1))) + rng.integers(0, 20, (2, 112, 112, 3))
    shown = np.concatenate([faces, faces[:1] + 40]).astype(np.uint8)
    rows = load(*lbp(), Settings()).embed(shown)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 7, rtol=1e-5)
    cosines = rows @ rows.T / 49
    assert cosines[0, 2] > 0.98
    assert cosines[0, 1] < 0.9
