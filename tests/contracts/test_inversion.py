"""One contract over every registered attack that rebuilds pictures: `facebone.testing`'s."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.attacks.inversion.base import INVERSIONS, OwnFaces
from facebone.attacks.inversion.leaks import TemplateLeak
from facebone.errors import UsageError
from facebone.testing import attack_checks
from facebone.testing.reconstruction import people, templates_of

KNOWN = {
    # What keeps slow attacks short; the planted leak is wide open.
    "score_search": {"settings": {"queries": 400}},
    # It draws nothing but faces, and the planted people are patches of colour: see its own test.
    "template_synthesis": {"settings": {"library": 100, "pictures": 51}, "least": 0.1},
    # It stops to move where the model is sure, though the picture may be far from the person's.
    "mi_face": {"settings": {"steps": 25, "learning_rate": 3.0}, "least": 0.6},
}


@pytest.mark.parametrize(
    "check",
    [
        check
        for name in INVERSIONS.own_names()
        for check in attack_checks(INVERSIONS.get(name), **KNOWN.get(name, {}))
    ],
    ids=str,
)
def test_contract(check):
    check()


@pytest.mark.parametrize("name", INVERSIONS.own_names())
def test_a_summary_goes_on_a_sentence(name):
    summary = INVERSIONS.get(name).summary
    assert summary[0].islower() or summary.startswith("ART")


def test_too_few_faces_are_refused():
    faces = people(63, seed=0)
    with pytest.raises(UsageError, match="needs 64 faces of their own to learn from, got 63"):
        OwnFaces(faces, templates_of(faces))
    with pytest.raises(UsageError, match="do not fit"):
        OwnFaces(people(70, seed=0), templates_of(faces))


def test_templates_that_cannot_be_are_refused():
    wanted = templates_of(people(5, seed=1))
    with pytest.raises(UsageError, match="not finite"):
        TemplateLeak(np.full_like(wanted, np.nan))
    with pytest.raises(UsageError, match=r"must be \(n, d\)"):
        TemplateLeak(wanted[0])
    attack = INVERSIONS.make("template_ridge")
    attack.learn(OwnFaces(people(100, seed=0), templates_of(people(100, seed=0))))
    with pytest.raises(UsageError, match="has learnt from templates of width"):
        attack.reconstruct(TemplateLeak(wanted[:, 1:]), seed=0)
    with pytest.raises(UsageError, match="knows: "):
        INVERSIONS.make("template_ridge", {"knows": "everything"})
