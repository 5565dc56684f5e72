"""Attacks on scores: more questions find more, and what a verifier hides they do not find."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.attacks.inversion.base import INVERSIONS, OwnFaces
from facebone.attacks.inversion.score_leak import ScoreLeak
from facebone.errors import UsageError
from facebone.verification.embedded_pairs import normalise

SIDE, WIDTH = 8, 20
PATTERNS = np.random.default_rng(7).normal(size=(WIDTH, SIDE, SIDE, 3))


def people(count, seed):
    """Faces linear in their templates, and the templates."""
    rows = np.random.default_rng(seed).normal(size=(count, WIDTH)).astype(np.float32)
    templates = normalise(rows)
    patterns = (PATTERNS + PATTERNS[:, :, ::-1]) / 2
    faces = 128 + 40 * np.tensordot(templates, patterns, axes=1)
    return np.clip(faces, 0, 255).round().astype(np.uint8), templates


def look(pictures):
    """Templates back from faces, by least squares."""
    patterns = ((PATTERNS + PATTERNS[:, :, ::-1]) / 2).reshape(WIDTH, -1)
    rows = (pictures.reshape(len(pictures), -1) - 128.0) @ np.linalg.pinv(patterns)
    return normalise(rows.astype(np.float32))


class Door:
    """Tells a function of the cosine."""

    def __init__(self, enrolled, owned, told):
        self.enrolled, self.owned, self.told = enrolled, owned, told

    def own(self, people, positions):
        return self._tell(people, self.owned[positions])

    def made(self, people, pictures):
        return self._tell(people, look(pictures))

    def _tell(self, people, rows):
        cosine = np.einsum("qd,qd->q", rows, self.enrolled[people], dtype=np.float64)
        return self.told(cosine)


def found(name, told, *, queries, **settings):
    """Mean cosine of what is rebuilt of twelve people with their templates."""
    faces, owned = people(500, seed=0)
    _, wanted = people(12, seed=1)
    attack = INVERSIONS.make(name, {"queries": queries, "gain": 1.0, **settings})
    attack.learn(OwnFaces(faces, owned))
    leak = ScoreLeak(Door(wanted, owned, told), people=12, queries=queries)
    made = attack.reconstruct(leak, seed=0)
    return float(np.einsum("nd,nd->n", look(made), wanted).mean())


def plain(cosine):
    return 20 * cosine - 7


@pytest.mark.parametrize("name", ["score_regression", "score_search"])
def test_more_questions_find_more(name):
    few, more, many = (found(name, plain, queries=queries) for queries in (8, 16, 400))
    assert few < more < many
    assert many > 0.9


@pytest.mark.parametrize("name", ["score_regression", "score_search"])
def test_what_is_not_told_is_not_found(name):
    rng = np.random.default_rng(3)
    assert abs(found(name, lambda cosine: rng.normal(size=len(cosine)), queries=200)) < 0.3
    assert abs(found(name, np.zeros_like, queries=200)) < 0.3


def test_decisions_tell_regression_less_than_scores():
    decided = found("score_regression", lambda c: np.where(c > 0.35, 1.0, -1.0), queries=60)
    assert decided < found("score_regression", plain, queries=60) - 0.1


def test_the_search_needs_ranks_alone_where_it_starts_at_the_best():
    bent = found("score_search", lambda c: np.exp(9 * c), queries=400, start="best")
    assert bent == found("score_search", plain, queries=400, start="best") > 0.8


def test_where_regression_puts_it_is_the_better_start():
    best, located = (
        found("score_search", plain, queries=100, start=start) for start in ("best", "located")
    )
    assert located > best


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("score_regression", {"queries": 0}),
        ("score_regression", {"seconds": -1}),
        ("score_regression", {"gain": 0}),
        ("score_search", {"own": 1.5}),
        ("score_search", {"start": "worst"}),
        ("score_search", {"axes": 1}),
        ("score_search", {"step": 0}),
        ("score_gradient", {"places": 0}),
        ("score_gradient", {"steps": -1}),
        ("mi_face", {"learning_rate": 0}),
    ],
)
def test_wrong_settings_are_refused(name, bad):
    with pytest.raises(UsageError, match=next(iter(bad))):
        INVERSIONS.make(name, bad)
