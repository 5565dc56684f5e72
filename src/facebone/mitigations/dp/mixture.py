"""The Renyi divergence of a step of DP-SGD that may meet several pairs of one unit."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, logsumexp

Floats = npt.NDArray[np.float64]

REACH = 12.0
"""Standard deviations of noise to both sides that the integral is taken over: 4e-33 lies beyond."""
POINTS = 2401
"""Points of the integral: a hundredth of a standard deviation apart."""


def group_divergence(noise: float, rate: float, most: int, orders: Sequence[int]) -> Floats:
    """The larger Renyi divergence between steps with a unit's pairs and without, for each order.

    Of m pairs of a unit a step meets J, binomial of m and the rate q. It moves the sum of clipped
    gradients by J times the clip at most, and least is hidden where all of them pull one way. So
    the step is dominated by noise N(0, s^2) without the unit, and the mixture of N(j, s^2) with the
    binomial's weights p_j with it, in units of the clip. Both directions count: the unit may be
    the one that is there, or the one that is not.

    Args:
        noise: s, standard deviation of the noise over the clip.
        rate: q, the probability that a step meets a pair, below 1.
        most: m.
        orders: whole, ascending, from 2 on.

    Returns:
        One a order.

    References:
        A. Ganesh: Tight group-level DP guarantees for DP-SGD with sampling via mixture of Gaussians
        mechanisms. 2024.
        I. Mironov, K. Talwar, L. Zhang: Renyi differential privacy of the sampled Gaussian
        mechanism. 2019.
    """
    shift = np.arange(most + 1)
    binomial = gammaln(most + 1) - gammaln(shift + 1) - gammaln(most - shift + 1)
    weight = binomial + shift * math.log(rate) + (most - shift) * math.log1p(-rate)
    # The density of N(j, s^2) over that of N(0, s^2) at x is exp((j x - j^2 / 2) / s^2).
    tilted = weight - shift**2 / (2 * noise**2)
    there = _with_over_without(tilted, noise, orders)
    back = _without_over_with(tilted, noise, orders)
    divergence: Floats = np.maximum(there, back) / (np.array(orders) - 1)
    return divergence


def _with_over_without(tilted: Floats, noise: float, orders: Sequence[int]) -> Floats:
    """Logarithm of E[(mixture / noise)^a] under the noise, for each order a.

    The a-th power is a sum over a independent draws of j, of which only the sum t matters once
    their weights exp(tilted) are multiplied: E[exp(t x / s^2)] = exp(t^2 / (2 s^2)). The weights of
    all t are the a-fold convolution of those of j.
    """
    found = []
    power, order = tilted, 1
    for wanted in orders:
        while order < wanted:
            power, order = _convolve(power, tilted), order + 1
        total = np.arange(len(power))
        found.append(logsumexp(power + total**2 / (2 * noise**2)))
    return np.array(found)


def _without_over_with(tilted: Floats, noise: float, orders: Sequence[int]) -> Floats:
    """Logarithm of E[(noise / mixture)^(a - 1)] under the noise, for each order a.

    What is averaged lies between 0 and p_0^(1 - a), and is smooth, so that the trapezoid rule is
    precise to rounding.
    """
    point = np.linspace(-REACH, REACH, POINTS)
    density = -(point**2) / 2 - math.log(math.sqrt(2 * math.pi)) + math.log(point[1] - point[0])
    shift = np.arange(len(tilted))[:, None]
    ratio = logsumexp(tilted[:, None] + shift * point / noise, axis=0)
    powers = (1 - np.array(orders))[:, None] * ratio
    return np.asarray(logsumexp(powers + density, axis=1))


def _convolve(one: Floats, other: Floats) -> Floats:
    """The convolution of two rows of weights given by their logarithms."""
    parts = np.full((len(other), len(one) + len(other) - 1), -np.inf)
    for shift, weight in enumerate(other):
        parts[shift, shift : shift + len(one)] = one + weight
    return np.asarray(logsumexp(parts, axis=0))
