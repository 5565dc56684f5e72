"""Descriptions of faces: those that templates call for, and none where nothing calls for one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from facebone.attacks.inversion.base import INVERSIONS, OwnFaces
from facebone.attacks.inversion.leaks import TemplateLeak
from facebone.data.synthesis.nuisance import Nuisance
from facebone.data.synthesis.recipe import Recipe
from facebone.data.synthesis.render import render_face
from facebone.errors import UsageError
from facebone.testing.reconstruction import nearest, templates_of
from facebone.verification.embedded_pairs import normalise

SIDE = 28


def people(count, seed):
    """Passport photographs of synthetic people, small."""
    drawn = [render_face(Recipe(seed, n, 0).identity(), Nuisance()).image for n in range(count)]
    return np.stack([cv2.resize(one, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for one in drawn])


def rebuilt(templates, **settings):
    own = people(80, seed=0)
    attack = INVERSIONS.make("template_synthesis", {"library": 200, **settings})
    attack.learn(OwnFaces(own, templates_of(own), see=templates_of))
    return attack.reconstruct(TemplateLeak(templates), seed=0)


@pytest.fixture(scope="module")
def real():
    return people(8, seed=1)


def test_who_leaks_is_drawn(real):
    made = rebuilt(templates_of(real), pictures=204)
    assert made.shape == real.shape
    assert (nearest(made, real) == np.arange(8)).mean() >= 0.8


def test_of_whom_nothing_leaks_nothing_is_drawn(real):
    nothing = np.random.default_rng(0).normal(size=(8, 3 * SIDE * SIDE))
    made = rebuilt(normalise(nothing.astype(np.float32)), pictures=102)
    assert (nearest(made, real) == np.arange(8)).mean() <= 0.3


def test_looking_on_finds_a_nearer_face_than_the_beginning(real):
    wanted = templates_of(real)

    def apart(pictures):
        made = templates_of(rebuilt(wanted, pictures=pictures))
        return 1 - (made * wanted).sum(axis=1).mean()

    assert apart(102) < 0.9 * apart(0)


@pytest.mark.parametrize(
    "bad", [{"library": 1}, {"pictures": -1}, {"step": 0.0}, {"strength": -1.0}]
)
def test_wrong_settings_are_refused(bad):
    with pytest.raises(UsageError, match=next(iter(bad))):
        INVERSIONS.make("template_synthesis", bad)
