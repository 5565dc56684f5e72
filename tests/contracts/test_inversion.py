"""One contract over every registered attack that rebuilds pictures."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.attacks.access import Access
from facebone.attacks.attack import Attack, Goal
from facebone.attacks.inversion.asked_leak import AskedLeak
from facebone.attacks.inversion.base import INVERSIONS, OwnFaces
from facebone.attacks.inversion.classifier_leak import ClassifierLeak
from facebone.attacks.inversion.decision_leak import DecisionLeak
from facebone.attacks.inversion.leaks import Leak, TemplateLeak
from facebone.attacks.inversion.score_leak import ScoreLeak
from facebone.attacks.inversion.slope_leak import SlopeLeak
from facebone.errors import UnknownNameError, UsageError

SIDE = 8

QUICK = {"score_search": {"queries": 400}, "mi_face": {"steps": 25, "learning_rate": 3.0}}
"""What keeps slow attacks short; the planted leak is wide open."""

ENOUGH = {"mi_face": 0.6}
"""Share of people found of those whose leak is planted. MI-Face stops to move where the model is
sure, though the picture may be far from the person's."""


def look(pictures):
    """A network that sees every pixel: the best leak that can be planted."""
    from torch.nn import functional

    rows = pictures.flatten(1) - 0.5
    return functional.normalize(rows)


def templates_of(faces):
    from facebone.attacks.inversion.tensors import to_tensor

    return look(to_tensor(faces)).numpy()


class Door:
    """A verifier that tells ten times the cosine with what is enrolled."""

    def __init__(self, enrolled, owned):
        self.enrolled, self.owned = enrolled, owned

    def own(self, people, positions):
        return self.log_odds(people, self.owned[positions])

    def made(self, people, pictures):
        return self.log_odds(people, templates_of(pictures))

    def log_odds(self, people, rows):
        return 10 * np.einsum("qd,qd->q", rows, self.enrolled[people], dtype=np.float64)


def leak_of(attack, templates, owned, *, queries=None, seconds=None):
    """What such an attack is handed of people with these templates."""
    door = Door(templates, owned)
    makers = {
        TemplateLeak: lambda: TemplateLeak(templates),
        ScoreLeak: lambda: ScoreLeak(
            door,
            people=len(templates),
            queries=queries or attack.settings.queries,
            seconds=seconds,
        ),
        DecisionLeak: lambda: DecisionLeak(
            door,
            people=len(templates),
            queries=queries or attack.settings.queries,
            threshold=10 * float(np.quantile(owned @ templates.T, 0.95)) if len(templates) else 0.0,
            seconds=seconds,
        ),
        SlopeLeak: lambda: SlopeLeak(door.log_odds, people=len(templates)),
        ClassifierLeak: lambda: ClassifierLeak.fit(templates, np.arange(len(templates))),
    }
    return makers[attack.leak_type]()


def people(count, seed):
    """Symmetric faces that differ smoothly."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 2, 1, 3))
    half = np.kron(coarse, np.ones((1, SIDE // 2, SIDE // 2, 1)))
    return np.concatenate([half, half[:, :, ::-1]], axis=2).astype(np.uint8)


@pytest.fixture(params=INVERSIONS.names())
def attack(request):
    return INVERSIONS.make(request.param, QUICK.get(request.param))


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
    assert attack.leak_type.access is attack.access
    words = (kind.__doc__ or "").split()
    places = [words.index(part) for part in ("Goal:", "Access:", "Knowledge:", "Success:")]
    assert places == sorted(places)
    assert attack.summary[0].islower() or attack.summary.startswith("ART")
    assert attack.knowledge.endswith(".")


def test_a_planted_leak_is_found_and_an_absent_one_is_not(attack):
    own, real = people(400, seed=0), people(30, seed=1)
    owned = templates_of(own)
    attack.learn(OwnFaces(own, owned, look, templates_of))
    made = attack.reconstruct(leak_of(attack, templates_of(real), owned), seed=0)
    assert (made.shape, made.dtype) == (real.shape, np.uint8)
    assert (nearest(made, real) == np.arange(30)).mean() > ENOUGH.get(attack.name, 0.9)
    nothing = np.random.default_rng(0).normal(size=(30, 3 * SIDE * SIDE)).astype(np.float32)
    nothing /= np.linalg.norm(nothing, axis=1, keepdims=True)
    made = attack.reconstruct(leak_of(attack, nothing, owned), seed=0)
    assert (nearest(made, real) == np.arange(30)).mean() < 0.3


def test_the_same_seed_gives_the_same_pictures_and_none_of_none(attack):
    own = people(100, seed=0)
    owned, wanted = templates_of(own), templates_of(people(5, seed=1))
    attack.learn(OwnFaces(own, owned, look, templates_of))
    one, again = (attack.reconstruct(leak_of(attack, wanted, owned), seed=3) for _ in range(2))
    assert one.tobytes() == again.tobytes()
    if attack.leak_type is not ClassifierLeak:
        none = attack.reconstruct(leak_of(attack, wanted[:0], owned), seed=0)
        assert none.shape == (0, SIDE, SIDE, 3)


def test_no_budget_of_questions_is_overdrawn(attack):
    if not issubclass(attack.leak_type, AskedLeak):
        assert not hasattr(attack.settings, "queries")
        return
    own = people(100, seed=0)
    owned, wanted = templates_of(own), templates_of(people(12, seed=1))
    attack.learn(OwnFaces(own, owned, look, templates_of))
    for queries in (1, 7, 60):
        leak = leak_of(attack, wanted, owned, queries=queries)
        assert attack.reconstruct(leak, seed=0).shape == (12, SIDE, SIDE, 3)
        assert 0 < leak.asked.max() <= queries or queries == 1
    late = leak_of(attack, wanted, owned, queries=60, seconds=0)
    assert attack.reconstruct(late, seed=0).shape == (12, SIDE, SIDE, 3)
    assert not late.asked.any()


def test_wrong_use_is_refused(attack):
    own = people(100, seed=0)
    owned, wanted = templates_of(own), templates_of(people(5, seed=1))
    with pytest.raises(UsageError, match=f"attack {attack.name}: must learn before"):
        attack.reconstruct(leak_of(attack, wanted, owned), seed=0)
    attack.learn(OwnFaces(own, owned, look, templates_of))
    other = next(kind for kind in (TemplateLeak, SlopeLeak) if kind is not attack.leak_type)
    given: Leak = (
        TemplateLeak(wanted)
        if other is TemplateLeak
        else SlopeLeak(Door(wanted, owned).log_odds, people=5)
    )
    needs = f"attack {attack.name}: needs {attack.access} access, to a "
    with pytest.raises(UsageError, match=needs):
        attack.reconstruct(given, seed=0)
    if attack.needs_sight:
        with pytest.raises(UsageError, match="needs to look at pictures through the public"):
            INVERSIONS.make(attack.name).learn(OwnFaces(own, owned))
    if attack.needs_gradients:
        with pytest.raises(UsageError, match="take one that needs none: template_ridge"):
            INVERSIONS.make(attack.name).learn(OwnFaces(own, owned))


def test_settings_of_others_are_refused(attack):
    with pytest.raises(UnknownNameError, match="unknown setting"):
        INVERSIONS.make(attack.name, {"epoch": 3})
    with pytest.raises(UsageError, match="needs settings of type"):
        type(attack)("none")


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
