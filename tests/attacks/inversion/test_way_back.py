"""The way back from stored templates to what the public networks say."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.attacks.inversion.base import INVERSIONS
from facebone.attacks.inversion.way_back import undo
from facebone.errors import UsageError
from facebone.verification.embedded_pairs import normalise

WIDTH = 64


def rows(count, seed):
    return normalise(np.random.default_rng(seed).normal(size=(count, WIDTH)).astype(np.float32))


@pytest.fixture
def turn():
    return np.linalg.qr(np.random.default_rng(9).normal(size=(WIDTH, WIDTH)))[0].astype(np.float32)


def test_as_many_faces_as_numbers_undo_a_rotation(turn):
    people, own = rows(50, 0), rows(2 * WIDTH, 1)
    back = undo(people @ turn, own @ turn, own)
    assert (back * people).sum(axis=1).min() > 0.99
    np.testing.assert_allclose(np.linalg.norm(back, axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("faces", [4, 16, 32])
def test_each_face_gives_away_one_direction(turn, faces):
    people, own = rows(400, 0), rows(faces, 1)
    cosine = (undo(people @ turn, own @ turn, own) * people).sum(axis=1)
    # Of d directions m are known: of a unit vector that is the root of m / d.
    assert cosine.mean() == pytest.approx(np.sqrt(faces / WIDTH), abs=0.03)


def test_another_key_tells_nothing(turn):
    people, own = rows(400, 0), rows(400, 1)
    other = np.roll(turn, 7, axis=0)
    assert abs((undo(people @ turn, own @ other, own) * people).sum(axis=1).mean()) < 0.1


def test_few_enrolled_faces_do_for_the_secret_alone():
    attack = INVERSIONS.make("template_ridge", {"knows": "both", "enrolled": 8})
    assert attack.undoes
    assert not attack.knows_system
    with pytest.raises(UsageError, match="enrolled"):
        INVERSIONS.make("template_ridge", {"enrolled": 8})
