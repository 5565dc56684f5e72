"""One contract over every registered attack that rebuilds pictures."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.attacks.access import Access
from facebone.attacks.attack import Attack, Goal
from facebone.attacks.inversion.base import INVERSIONS, OwnFaces, make_inversion
from facebone.errors import UnknownNameError, UsageError

SIDE = 8


def look(pictures):
    """A network that sees every pixel: the best leak that can be planted."""
    from torch.nn import functional

    rows = pictures.flatten(1) - 0.5
    return functional.normalize(rows)


def templates_of(faces):
    from facebone.attacks.inversion.tensors import to_tensor

    return look(to_tensor(faces)).numpy()


def people(count, seed):
    """Symmetric faces that differ smoothly."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 2, 1, 3))
    half = np.kron(coarse, np.ones((1, SIDE // 2, SIDE // 2, 1)))
    return np.concatenate([half, half[:, :, ::-1]], axis=2).astype(np.uint8)


@pytest.fixture(params=INVERSIONS.names())
def attack(request):
    return make_inversion(request.param)


def nearest(made, real):
    """Which real picture each reconstruction is nearest to."""
    apart = ((made[:, None].astype(float) - real[None]) ** 2).sum(axis=(2, 3, 4))
    return apart.argmin(axis=1)


def test_an_attack_says_what_it_is(attack):
    kind = type(attack)
    assert isinstance(attack, Attack)
    assert INVERSIONS.get(attack.name) is kind
    assert attack.goal is Goal.RECONSTRUCTION
    assert isinstance(attack.access, Access)
    words = (kind.__doc__ or "").split()
    places = [words.index(part) for part in ("Goal:", "Access:", "Knowledge:", "Success:")]
    assert places == sorted(places)
    assert attack.summary[0].islower()
    assert attack.knowledge.endswith(".")


def test_a_planted_leak_is_found_and_an_absent_one_is_not(attack):
    own, real = people(400, seed=0), people(30, seed=1)
    attack.learn(OwnFaces(own, templates_of(own), look))
    made = attack.reconstruct(templates_of(real), seed=0)
    assert (made.shape, made.dtype) == (real.shape, np.uint8)
    assert (nearest(made, real) == np.arange(30)).mean() > 0.9
    nothing = np.random.default_rng(0).normal(size=(30, 3 * SIDE * SIDE)).astype(np.float32)
    nothing /= np.linalg.norm(nothing, axis=1, keepdims=True)
    made = attack.reconstruct(nothing, seed=0)
    assert (nearest(made, real) == np.arange(30)).mean() < 0.3


def test_the_same_seed_gives_the_same_pictures_and_none_of_none(attack):
    own = people(100, seed=0)
    attack.learn(OwnFaces(own, templates_of(own), look))
    wanted = templates_of(people(5, seed=1))
    one, again = (attack.reconstruct(wanted, seed=3) for _ in range(2))
    assert one.tobytes() == again.tobytes()
    assert attack.reconstruct(wanted[:0], seed=0).shape == (0, SIDE, SIDE, 3)


def test_wrong_use_is_refused(attack):
    own = people(100, seed=0)
    wanted = templates_of(people(5, seed=1))
    with pytest.raises(UsageError, match=f"attack {attack.name}: must learn before"):
        attack.reconstruct(wanted, seed=0)
    attack.learn(OwnFaces(own, templates_of(own), look))
    with pytest.raises(UsageError, match="has learnt from templates of width"):
        attack.reconstruct(wanted[:, 1:], seed=0)
    with pytest.raises(UsageError, match="not finite"):
        attack.reconstruct(np.full_like(wanted, np.nan), seed=0)
    if attack.needs_gradients:
        with pytest.raises(UsageError, match="take template_ridge"):
            make_inversion(attack.name).learn(OwnFaces(own, templates_of(own)))


def test_settings_of_others_are_refused(attack):
    with pytest.raises(UnknownNameError, match="unknown setting"):
        make_inversion(attack.name, {"epoch": 3})
    with pytest.raises(UsageError, match="needs settings of type"):
        type(attack)("none")
    with pytest.raises(UsageError, match="knows: "):
        make_inversion(attack.name, {"knows": "everything"})


def test_too_few_faces_are_refused():
    faces = people(63, seed=0)
    with pytest.raises(UsageError, match="needs 64 faces of their own to learn from, got 63"):
        OwnFaces(faces, templates_of(faces))
    with pytest.raises(UsageError, match="do not fit"):
        OwnFaces(people(70, seed=0), templates_of(faces))
