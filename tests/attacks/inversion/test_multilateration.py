"""Multilateration: templates from scores, against what scores were made of."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.attacks.inversion.multilateration import locate
from facebone.attacks.inversion.own_space import OwnSpace
from facebone.verification.embedded_pairs import normalise

WIDTH = 24


def drawn(count, seed):
    """Templates that differ more along some axes, and have something in common."""
    rng = np.random.default_rng(seed)
    reach = np.geomspace(1.0, 0.2, WIDTH)
    turn = np.linalg.qr(np.random.default_rng(99).normal(size=(WIDTH, WIDTH)))[0]
    rows = 0.5 * turn[0] + rng.normal(size=(count, WIDTH)) * reach @ turn
    return normalise(rows.astype(np.float32))


def likeness(found, real):
    return np.einsum("nd,nd->n", found, real)


@pytest.fixture(scope="module")
def space():
    return OwnSpace.of(drawn(3000, seed=0))


def test_as_many_answers_as_numbers_give_templates_away(space):
    known, real = drawn(WIDTH + 6, seed=1), drawn(3, seed=2)
    found = locate(space, known, 7.0 * known @ real.T - 3.0)
    assert likeness(found, real).min() > 0.999
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)


def test_fewer_answers_tell_less_and_none_nothing(space):
    real = drawn(40, seed=2)
    heard = []
    for count in (4, 12, 40):
        known = drawn(count, seed=1)
        heard.append(likeness(locate(space, known, known @ real.T), real).mean())
    assert heard == sorted(heard)
    assert heard[0] < 0.8 < 0.9 < heard[2]
    same = locate(space, drawn(30, seed=1), np.full((30, 2), -1.5))
    middle = space.centre / np.linalg.norm(space.centre)
    np.testing.assert_allclose(same, np.tile(middle, (2, 1)), atol=1e-6)


def test_noise_is_borne_and_noise_alone_says_nothing(space):
    known, real = drawn(400, seed=1), drawn(30, seed=2)
    rng = np.random.default_rng(3)
    noise = 0.2 * rng.normal(size=(400, 30))
    assert likeness(locate(space, known, known @ real.T + noise), real).mean() > 0.9
    other = locate(space, known, noise)
    by_chance = likeness(other, np.roll(real, 1, axis=0)).mean()
    assert abs(likeness(other, real).mean() - by_chance) < 0.15


def test_what_a_picture_scores_with_anybody_is_taken_away(space):
    known, real = drawn(200, seed=1), drawn(30, seed=2)
    popular = 3.0 * np.random.default_rng(4).normal(size=(200, 1))
    together = locate(space, known, known @ real.T + popular)
    alone = np.concatenate(
        [locate(space, known, (known @ real.T + popular)[:, [i]]) for i in range(30)]
    )
    assert likeness(together, real).mean() > 0.95 > likeness(alone, real).mean() + 0.1


def test_scale_and_offset_of_scores_do_not_matter(space):
    known, real = drawn(60, seed=1), drawn(4, seed=2)
    scores = (known @ real.T).astype(np.float64)
    np.testing.assert_allclose(
        locate(space, known, 50 * scores - 9), locate(space, known, scores), atol=1e-4
    )


def test_numbers_of_the_space_go_forth_and_back(space):
    rows = drawn(20, seed=5)
    numbers = space.numbers(rows)
    np.testing.assert_allclose(space.templates(numbers), rows, atol=1e-5)
    # Of the faces the space was made of they have variance one.
    own = space.numbers(drawn(3000, seed=0))
    np.testing.assert_allclose(own.std(axis=0), 1, rtol=1e-4)
    assert (np.diff(space.reach) <= 0).all()
    assert len(OwnSpace.of(rows, most=5).reach) == 5
