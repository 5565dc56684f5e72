"""How much noise a guarantee takes, and what guarantee some noise gives."""

from __future__ import annotations

import math
import warnings
from functools import lru_cache

from facebone.errors import UsageError
from facebone.mitigations.dp.mixture import group_divergence

GROUP_ORDERS = (*range(2, 33), *range(36, 65, 4), 80, 96, 112, 128)
"""Orders of the mixture's divergence."""
HIGH_ORDERS = tuple(2**power for power in range(6, 13))
"""Orders beyond those of Opacus, which small epsilons need."""
LEAST_NOISE, MOST_NOISE = 1e-2, 1e6
"""Noise over the clip at which the search for less, and for more a pair of a unit, gives up."""
PRECISION = 1e-3
"""Relative, of the noise that is found; what it is off by is on the safe side."""


def epsilon_of_group(noise: float, rate: float, steps: int, most: int, delta: float) -> float:
    """Epsilon by treating a unit's pairs as one: an upper bound, by Opacus's RDP accountant.

    A step meets any of m pairs with probability 1 - (1 - q)^m, and then they move the sum by m
    times the clip at most. So it is no worse than plain DP-SGD of that rate with an m-th of the
    noise. For m = 1 it is plain DP-SGD.

    Args:
        noise: standard deviation of the noise over the clip.
        rate: q, the probability that a step meets a pair.
        steps: number of steps.
        most: m.
        delta: of the guarantee.
    """
    from opacus.accountants import RDPAccountant

    accountant = RDPAccountant()
    accountant.history = [(noise / most, 1 - (1 - rate) ** most, steps)]
    with warnings.catch_warnings():
        # It warns where the best order is the first or the last; the bound holds at any order.
        warnings.filterwarnings("ignore", "Optimal order is the", UserWarning)
        alphas = [*RDPAccountant.DEFAULT_ALPHAS, *HIGH_ORDERS]
        return float(accountant.get_epsilon(delta=delta, alphas=alphas))


def epsilon_of_mixture(
    noise: float, rate: float, steps: int, most: int, delta: float
) -> tuple[float, int]:
    """Epsilon by how many of a unit's pairs each step meets, and the order that gave it.

    Of several pairs of a unit a step mostly meets one, which moves the sum by one clip and not by
    m. Renyi divergences, see `mixture.group_divergence`, are added up over steps and turned into
    epsilon by Opacus.

    Args:
        noise: as above.
        rate: as above, below 1.
        steps: as above.
        most: as above.
        delta: as above.
    """
    from opacus.accountants.analysis.rdp import get_privacy_spent

    divergence = group_divergence(noise, rate, most, GROUP_ORDERS)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Optimal order is the", UserWarning)
        epsilon, order = get_privacy_spent(
            orders=list(GROUP_ORDERS), rdp=divergence * steps, delta=delta
        )
    return float(epsilon), int(order)


def epsilon_spent(noise: float, rate: float, steps: int, most: int, delta: float) -> float:
    """The smaller of the two, for each is an upper bound; arguments as of `epsilon_of_group`."""
    if most == 1 or rate == 1:  # both are the same
        return epsilon_of_group(noise, rate, steps, most, delta)
    epsilon, order = epsilon_of_mixture(noise, rate, steps, most, delta)
    if order not in (GROUP_ORDERS[0], GROUP_ORDERS[-1]):
        return epsilon
    # Opacus has orders below and above those of the mixture.
    return min(epsilon, epsilon_of_group(noise, rate, steps, most, delta))


@lru_cache(maxsize=256)
def find_noise(
    epsilon: float, delta: float, rate: float, steps: int, most: int
) -> tuple[float, float]:
    """The least noise over the clip that spends no more than `epsilon`, and what it spends.

    Args:
        epsilon: of the guarantee.
        delta: of the guarantee.
        rate: the probability that a step meets a pair.
        steps: number of steps.
        most: pairs of one unit.

    Raises:
        UsageError: no noise is enough.
    """

    def spent(noise: float) -> float:
        return epsilon_spent(noise, rate, steps, most, delta)

    # More noise never spends more: double and halve until the answer lies between, then bisect.
    high = float(most)
    while spent(high) > epsilon:
        high *= 2
        if high > MOST_NOISE * most:
            raise UsageError(
                f"no noise gives epsilon {epsilon:g} at delta {delta:g}",
                where="mitigation dp_sgd",
                hint="raise epsilon or delta",
            )
    low = high / 2
    while spent(low) <= epsilon and low > LEAST_NOISE:
        low, high = low / 2, low
    while high / low > 1 + PRECISION:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if spent(middle) <= epsilon else (middle, high)
    return high, spent(high)
