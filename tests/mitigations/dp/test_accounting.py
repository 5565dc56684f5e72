"""Noise and what it guarantees, against other accountants and plain integrals."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import logsumexp
from scipy.stats import binom, norm

from facebone.errors import UsageError
from facebone.mitigations.dp.accounting import (
    GROUP_ORDERS,
    epsilon_of_group,
    epsilon_of_mixture,
    epsilon_spent,
    find_noise,
)
from facebone.mitigations.dp.mixture import group_divergence

rdp = pytest.importorskip("opacus.accountants.analysis.rdp")


def divergence(noise, rate, most, order):
    """Both Renyi divergences by adaptive quadrature, straight from their definition."""
    shifts = np.arange(most + 1)

    def mixture(x):
        return logsumexp(norm.logpdf(x, shifts, noise) + binom.logpmf(shifts, most, rate))

    def plain(x):
        return norm.logpdf(x, 0, noise)

    found = []
    for above, below in ((mixture, plain), (plain, mixture)):
        value, _ = quad(
            lambda x, a=above, b=below: math.exp(order * a(x) + (1 - order) * b(x)),
            -9 * noise, 9 * noise + order * most, epsabs=0, epsrel=1e-10, limit=400,
        )  # fmt: skip
        found.append(math.log(value) / (order - 1))
    return max(found)


@pytest.mark.parametrize(("noise", "rate", "most"), [(1.0, 0.1, 1), (2.0, 0.3, 3), (0.8, 0.05, 2)])
def test_the_divergence_of_a_group_is_its_integral(noise, rate, most):
    orders = (2, 3, 5)
    expected = [divergence(noise, rate, most, order) for order in orders]
    np.testing.assert_allclose(group_divergence(noise, rate, most, orders), expected, rtol=1e-6)


@pytest.mark.parametrize(("noise", "rate"), [(1.5, 0.04), (0.7, 0.01), (4.0, 0.2), (30.0, 0.5)])
def test_one_pair_a_unit_is_plain_dp_sgd(noise, rate):
    orders = list(GROUP_ORDERS)
    plain = rdp.compute_rdp(q=rate, noise_multiplier=noise, steps=1, orders=orders)
    np.testing.assert_allclose(group_divergence(noise, rate, 1, orders), plain, rtol=1e-9)
    # Opacus also has orders between whole ones, which gain a little.
    other = epsilon_of_group(noise, rate, 100, 1, 1e-5)
    assert 0.999 * other < epsilon_of_mixture(noise, rate, 100, 1, 1e-5)[0] < 1.07 * other


@pytest.mark.parametrize(("noise", "rate", "most"), [(4.0, 0.1, 4), (1.0, 0.02, 2), (9.0, 0.5, 8)])
def test_counting_pairs_is_never_worse_than_taking_them_for_one(noise, rate, most):
    together = 1 - (1 - rate) ** most
    plain = rdp.compute_rdp(
        q=together, noise_multiplier=noise / most, steps=1, orders=list(GROUP_ORDERS)
    )
    assert (group_divergence(noise, rate, most, GROUP_ORDERS) < plain).all()


def test_the_figure_that_opacus_publishes():
    """Test of its RDP accountant in release 1.5.4; a unit's two pairs are worth half the noise."""
    assert epsilon_of_group(1.5, 0.04, 2250, 1, 1e-5) == pytest.approx(7.32911117143, rel=1e-9)
    rate = 1 - math.sqrt(1 - 0.04)
    assert epsilon_of_group(3.0, rate, 2250, 2, 1e-5) == pytest.approx(7.32911117143, rel=1e-9)


@pytest.mark.parametrize(
    ("noise", "rate", "steps"), [(1.5, 0.04, 2250), (1.0, 0.01, 3000), (5.0, 0.3, 100)]
)
def test_a_little_more_than_opacus_finds_by_adding_up_losses(noise, rate, steps):
    """Two of its accountants: ours bounds moments, the other convolves privacy losses."""
    from opacus.accountants import PRVAccountant

    other = PRVAccountant()
    other.history = [(noise, rate, steps)]
    tight = other.get_epsilon(delta=1e-5)
    assert tight < epsilon_spent(noise, rate, steps, 1, 1e-5) < 1.15 * tight


@pytest.mark.parametrize(
    ("noise", "rate", "most", "steps", "delta", "tight"),
    [
        (1.5, 0.04, 1, 2250, 1e-5, 6.76948),
        (4.0, 0.1, 4, 300, 1e-5, 8.79048),
        (2.0, 0.02, 2, 1000, 1e-5, 2.88746),
        (6.0, 0.2, 8, 50, 1e-6, 10.83343),
    ],
)
def test_a_little_more_than_another_library_finds(noise, rate, most, steps, delta, tight):
    """Google's dp-accounting 0.6.0, from_mixture_gaussian_mechanism with binomial weights."""
    assert tight < epsilon_spent(noise, rate, steps, most, delta) < 1.1 * tight


@pytest.mark.parametrize(("steps", "most"), [(1, 3), (40, 3), (200, 5)])
def test_a_little_more_than_the_losses_of_a_group_add_up_to(steps, most):
    noise, rate, delta = 3.0, 0.1, 1e-5
    tight = losses_add_up(noise, rate, steps, most, delta)
    assert 0.999 * tight < epsilon_spent(noise, rate, steps, most, delta) < 1.35 * tight


def losses_add_up(noise, rate, steps, most, delta):
    """Epsilon by the distribution of the privacy loss itself, on a grid, both directions."""
    step, count = 1e-3, 2**16
    shifts = np.arange(most + 1)[:, None]
    weights = binom.pmf(shifts, most, rate)
    x = np.linspace(-10 * noise, 10 * noise + most, 400_001)
    plain = norm.pdf(x, 0, noise)
    mixed = (weights * norm.pdf(x, shifts, noise)).sum(axis=0)
    epsilon = 0.0
    for above, below in ((mixed, plain), (plain, mixed)):
        loss = np.log(above / below)
        place = np.round(loss / step).astype(int)
        once = np.zeros(count)
        np.add.at(once, place % count, above * (x[1] - x[0]))
        summed = np.fft.irfft(np.fft.rfft(once) ** steps, n=count)
        values = step * np.where(np.arange(count) < count // 2, np.arange(count),
                                 np.arange(count) - count)  # fmt: skip
        low, high = 0.0, step * count / 2
        while high - low > 1e-6:
            middle = (low + high) / 2
            excess = summed @ np.maximum(0, 1 - np.exp(np.minimum(middle - values, 0)))
            low, high = (middle, high) if excess > delta else (low, middle)
        epsilon = max(epsilon, high)
    return epsilon


@pytest.mark.parametrize(
    ("epsilon", "most"), [(0.5, 1), (8.0, 1), (8.0, 4), (0.05, 3), (3000.0, 4)]
)
def test_the_least_noise_that_does(epsilon, most):
    noise, spent = find_noise(epsilon, 1e-5, 0.1, 300, most)
    assert spent == epsilon_spent(noise, 0.1, 300, most, 1e-5)
    assert 0.98 * epsilon < spent <= epsilon
    assert epsilon_spent(noise / 1.002, 0.1, 300, most, 1e-5) > epsilon


def test_more_pairs_a_unit_take_more_noise_but_less_than_as_much_more():
    noise = [find_noise(8.0, 1e-5, 0.1, 300, most)[0] for most in (1, 2, 4, 8)]
    assert all(a < b < 2 * a for a, b in itertools.pairwise(noise))


def test_every_step_meets_everybody():
    """The Gaussian mechanism of an m-th of the noise, whose divergence has a closed form."""
    noise, steps, most = 20.0, 10, 4
    assert epsilon_spent(noise, 1.0, steps, most, 1e-5) == pytest.approx(
        epsilon_spent(noise / most, 1.0, steps, 1, 1e-5)
    )
    order = np.array(GROUP_ORDERS, dtype=float)
    closed = order * steps * most**2 / (2 * noise**2)
    # Canonne, Kamath, Steinke: The discrete Gaussian for differential privacy, 2020, prop. 12.
    bound = closed + np.log1p(-1 / order) - np.log(1e-5 * order) / (order - 1)
    assert epsilon_spent(noise, 1.0, steps, most, 1e-5) == pytest.approx(bound.min(), rel=0.01)


def test_no_noise_is_enough():
    with pytest.raises(UsageError, match=r"no noise gives epsilon 1e-05 at delta 1e-05; raise"):
        find_noise(1e-5, 1e-5, 0.1, 300, 1)
