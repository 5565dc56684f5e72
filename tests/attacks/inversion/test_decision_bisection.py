"""Decisions alone: the boundary gives the template away, and where there is none, nothing does."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.attacks.inversion.base import INVERSIONS, OwnFaces
from facebone.attacks.inversion.boundary import inwards
from facebone.attacks.inversion.decision_bisection import halve, mixed
from facebone.attacks.inversion.decision_leak import DecisionLeak
from facebone.attacks.inversion.own_space import OwnSpace
from facebone.errors import UsageError
from facebone.verification.embedded_pairs import normalise

SIDE, WIDTH = 8, 20
PATTERNS = np.random.default_rng(7).normal(size=(WIDTH, SIDE, SIDE, 3))
PATTERNS = (PATTERNS + PATTERNS[:, :, ::-1]) / 2


def people(count, seed):
    """Faces linear in their templates, and the templates."""
    templates = normalise(
        np.random.default_rng(seed).normal(size=(count, WIDTH)).astype(np.float32)
    )
    faces = 128 + 40 * np.tensordot(templates, PATTERNS, axes=1)
    return np.clip(faces, 0, 255).round().astype(np.uint8), templates


def see(pictures):
    """Templates back from faces, by least squares."""
    rows = (pictures.reshape(len(pictures), -1) - 128.0) @ np.linalg.pinv(
        PATTERNS.reshape(WIDTH, -1)
    )
    return normalise(rows.astype(np.float32))


class Door:
    """Tells a function of the cosine."""

    def __init__(self, enrolled, owned, told=lambda cosine: cosine):
        self.enrolled, self.owned, self.told = enrolled, owned, told

    def own(self, people, positions):
        return self._tell(people, self.owned[positions])

    def made(self, people, pictures):
        return self._tell(people, see(pictures))

    def _tell(self, people, rows):
        return self.told(np.einsum("qd,qd->q", rows, self.enrolled[people], dtype=np.float64))


def leak_of(wanted, owned, queries, **more):
    given = {"threshold": 0.45, **more}
    door = Door(wanted, owned, given.pop("told", lambda cosine: cosine))
    return DecisionLeak(door, people=len(wanted), queries=queries, **given)


def found(queries, *, people_count=12, told=lambda cosine: cosine, **settings):
    """Cosine of what is rebuilt of each person with their template."""
    faces, owned = people(500, seed=0)
    _, wanted = people(people_count, seed=1)
    attack = INVERSIONS.make("decision_bisection", {"queries": queries, "gain": 1.0, **settings})
    attack.learn(OwnFaces(faces, owned, see=see))
    made = attack.reconstruct(leak_of(wanted, owned, queries, told=told), seed=0)
    return np.einsum("nd,nd->n", see(made), wanted)


def test_more_questions_find_more_and_the_boundary_more_than_the_accepted():
    few, more, many = (float(found(queries).mean()) for queries in (60, 150, 500))
    assert few < more < many
    assert many > 0.95
    # As many questions about own pictures alone say which are near, and no more.
    assert float(found(500, own=0.999).mean()) < many - 0.05


def test_a_bent_score_changes_no_decision():
    bent = found(400, told=lambda cosine: np.sign(cosine - 0.45) * np.exp(9 * cosine) + 0.45)
    np.testing.assert_array_equal(bent, found(400))


@pytest.mark.parametrize("answer", [-1.0, 1.0])
def test_a_verifier_that_always_says_the_same_tells_nothing(answer):
    assert abs(found(300, told=lambda cosine: np.full_like(cosine, answer)).mean()) < 0.3


def test_coins_tell_nothing():
    rng = np.random.default_rng(3)
    assert abs(found(300, told=lambda cosine: rng.normal(size=len(cosine))).mean()) < 0.3


def test_halving_finds_where_mixtures_are_rejected():
    faces, owned = people(40, seed=0)
    _, wanted = people(3, seed=1)
    inside = 128 + 40 * np.tensordot(wanted, PATTERNS, axes=1)
    inside = np.clip(inside, 0, 255).round().astype(np.uint8)
    beyond = np.flatnonzero((owned @ wanted.T < 0.3).all(axis=1))[:10]
    whose = np.repeat(np.arange(3), len(beyond))
    rows = np.tile(beyond, 3)
    leak = leak_of(wanted, owned, queries=80)
    shares = halve(leak, whose, inside, faces, rows, 8)
    assert leak.asked.tolist() == [80, 80, 80]
    seen = see(mixed(inside[whose], faces[rows], shares))
    cosines = np.einsum("qd,qd->q", seen, wanted[whose])
    np.testing.assert_allclose(cosines, 0.45, atol=0.02)
    assert halve(leak, whose[:0], inside, faces, rows[:0], 8) is None


@pytest.mark.parametrize(
    ("turns", "kept"), [(0, None), (1, {0.25, 0.75}), (2, {0.125, 0.375, 0.625, 0.875})]
)
def test_time_that_runs_out_keeps_what_was_halved(turns, kept):
    faces, owned = people(40, seed=0)
    _, wanted = people(1, seed=1)
    inside = np.clip(128 + 40 * np.tensordot(wanted, PATTERNS, axes=1), 0, 255).astype(np.uint8)
    # The clock is read once when the budget begins, and twice a turn.
    ticks = iter([0.0] * (1 + 2 * turns) + [9.0])
    leak = leak_of(wanted, owned, queries=80, seconds=5, clock=lambda: next(ticks))
    shares = halve(leak, np.zeros(3, np.intp), inside, faces, np.arange(3), 8)
    assert leak.asked.tolist() == [3 * turns]
    assert shares is None if kept is None else set(shares) <= kept


def test_points_of_a_plane_point_across_it():
    rng = np.random.default_rng(5)
    _, owned = people(300, seed=0)
    wanted = owned[0]
    # On the boundary the product with the template is 0.4, and the rest points anywhere.
    rest = rng.normal(size=(60, WIDTH))
    rest -= np.outer(rest @ wanted, wanted)
    points = 0.4 * wanted + np.sqrt(1 - 0.16) * rest / np.linalg.norm(rest, axis=1, keepdims=True)
    inside = normalise((wanted + 0.3 * rng.normal(size=WIDTH))[None].astype(np.float32))[0]
    space = OwnSpace.of(owned)
    points = points.astype(np.float32)
    found = [inwards(space, inside, points[:n], roughly=inside) @ wanted for n in (10, 60)]
    assert inside @ wanted < found[0] < found[1]
    assert found[1] > 0.999
    # Points at the accepted one say nothing.
    again = inwards(space, inside, np.repeat(inside[None], 3, axis=0), roughly=inside)
    np.testing.assert_allclose(again, inside, rtol=1e-6)


@pytest.mark.parametrize("bad", [{"queries": 0}, {"own": 1.5}, {"halvings": 0}, {"gain": 0}])
def test_wrong_settings_are_refused(bad):
    with pytest.raises(UsageError, match=next(iter(bad))):
        INVERSIONS.make("decision_bisection", bad)


def test_a_leak_shows_decisions_alone():
    _, owned = people(30, seed=0)
    leak = leak_of(owned[:2], owned, queries=9, threshold=0.5)
    told = leak.accepts_own(np.array([0, 1, 1]), np.array([0, 0, 1]))
    assert told.tolist() == [True, False, True]
    assert leak.asked.tolist() == [1, 2]
    assert not hasattr(leak, "ask")
    with pytest.raises(UsageError, match="threshold: must be finite"):
        leak_of(owned, owned, queries=9, threshold=float("nan"))
