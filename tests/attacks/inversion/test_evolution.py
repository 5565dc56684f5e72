"""The evolution strategy: it finds optima, learns valleys, and looks at ranks alone."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.attacks.inversion.evolution import Evolution


def climb(value, generations, *, k=8, seed=0, step=0.5):
    search = Evolution(np.full(k, 1.0), step, rng=np.random.default_rng(seed))
    for _ in range(generations):
        points = search.ask()
        search.tell(points, np.array([value(point) for point in points]))
    return search


def test_the_top_of_a_ball_is_found():
    search = climb(lambda x: -float(x @ x), 150)
    assert np.linalg.norm(search.mean) < 1e-3


def test_a_long_valley_is_learnt():
    # One axis counts a million times as much as another: without the covariance it takes ages.
    weights = np.geomspace(1.0, 1e6, 8)
    search = climb(lambda x: -float(weights @ x**2), 600)
    assert np.linalg.norm(search.mean) < 1e-2
    deviations, _ = search._axes()
    assert deviations[-1] / deviations[0] > 100


def test_only_ranks_of_values_matter():
    plain = climb(lambda x: -float(x @ x), 40)
    bent = climb(lambda x: float(np.exp(-float(x @ x))) * 3 - 7, 40)
    np.testing.assert_array_equal(plain.mean, bent.mean)
    assert plain.step == bent.step


def test_values_that_say_nothing_lead_nowhere():
    # The walk is as likely to go up as down: over many walks the mean stays, and the step hardly
    # changes.
    rng = np.random.default_rng(5)
    ends = [climb(lambda _: float(rng.random()), 20, seed=seed, step=0.1) for seed in range(100)]
    assert abs(np.mean([search.mean for search in ends]) - 1) < 0.02
    assert 0.7 < np.exp(np.mean([np.log(search.step / 0.1) for search in ends])) < 1.4


def test_numbers_are_those_of_the_tutorial():
    # Table 1 for k = 10: lambda = 4 + floor(3 ln 10) = 10, mu = 5.
    search = Evolution(np.zeros(10), 1.0, rng=np.random.default_rng(0))
    assert search.size == 10
    weights = np.log(5.5) - np.log(np.arange(1, 6))
    weights /= weights.sum()
    mass = 1 / (weights**2).sum()
    assert search._c_step == pytest.approx((mass + 2) / (10 + mass + 5))
    assert search._c_path == pytest.approx((4 + mass / 10) / (14 + 2 * mass / 10))
    assert search._c_one == pytest.approx(2 / (11.3**2 + mass))
    assert search._c_mu == pytest.approx(2 * (mass - 2 + 1 / mass) / (144 + mass))
    assert search.ask().shape == (10, 10)
    assert search.ask(3).shape == (3, 10)
