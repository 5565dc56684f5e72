"""Cross-fitting: every candidate is scored by an attack that never saw it. Pure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from facebone.attacks.base import MembershipAttack
from facebone.attacks.observations import Floats, Mask, Observations
from facebone.audit.calibration import Calibration, calibrate
from facebone.seeding import derive_seed, make_rng

AttackFactory = Callable[[], MembershipAttack]
"""Makes a fresh attack for every fit, such as ``partial(ATTACKS.make, "art_gb", settings)``."""

Halves = npt.NDArray[np.intp]


def cross_scores(attack: AttackFactory, seen: Observations, member: Mask, seed: int) -> Floats:
    """A score of every candidate, none by an attack that was fitted to it.

    An attack that learns is fitted to one half, see `deal_halves`, and scores the other. Two fits
    give scores on two scales, and pooled as they are, members of one half would be compared with
    non-members of the other by these scales; see the reference. Each score is therefore replaced by
    the share of its own half that it reaches: one scale, since both halves hold the same mix; the
    order within a half is kept, ties are kept, and no label is used. An attack that does not learn
    keeps its scores.

    Args:
        attack: makes the attack.
        seen: n candidates.
        member: (n,) bool, of both kinds.
        seed: of the halves and the fits.

    Returns:
        (n,), larger for members.

    References:
        G. Forman, M. Scholz: Apples-to-apples in cross-validation studies. SIGKDD Explorations,
        2010.
    """
    made = attack()
    if not made.learns:
        return made.score(seen)
    half = deal_halves(member, seen.same, seed=seed)
    scores = np.empty(len(seen))
    for number in (0, 1):
        inside = half == number
        fitted = attack()
        fitted.fit(seen.take(~inside), member[~inside], seed=derive_seed(seed, "fit", number))
        scores[inside] = _reached(fitted.score(seen.take(inside)))
    return scores


def _reached(scores: Floats) -> Floats:
    """The share of all scores that each reaches, its equals counting half, (n,) in (0, 1)."""
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    share: Floats = ((np.cumsum(count) - count / 2) / len(scores))[place]
    return share


def cross_calibrations(
    attack: AttackFactory, seen: Observations, member: Mask, scores: Floats, seed: int
) -> tuple[tuple[Mask, Calibration], ...]:
    """Each half of the candidates, and a calibration from the other, the known one.

    Where the attack learns, scores of the known half come from cross-fitting within it: an attack
    is too sure of what it was fitted to.

    Args:
        attack: makes the attack.
        seen: n candidates.
        member: (n,) bool, of both kinds.
        scores: (n,) by `cross_scores` with the same seed.
        seed: the same.
    """
    learns = attack().learns
    half = deal_halves(member, seen.same, seed=seed)
    found = []
    for number in (0, 1):
        inside = half == number
        known = member[~inside]
        held_out = scores[~inside]
        if learns:
            # `scores` of the known half come from a fit to this one, which must not be looked at.
            inner = derive_seed(seed, "threshold", number)
            held_out = cross_scores(attack, seen.take(~inside), known, inner)
        found.append((inside, calibrate(held_out, known)))
    return tuple(found)


def deal_halves(member: Mask, same: Mask, *, seed: int) -> Halves:
    """Deal candidates into two halves, equal in members and non-members, matched and mismatched.

    Args:
        member: (n,) bool.
        same: (n,) bool.
        seed: of the deal.

    Returns:
        (n,) 0 or 1. The two differ by at most one in members, in non-members and in all, and by at
        most one in each mix of membership and match.
    """
    rng = make_rng(seed, "halves")
    half = np.empty(len(member), dtype=np.intp)
    begin = 0
    for is_member in (True, False):
        for is_same in (True, False):
            rows = rng.permutation(np.flatnonzero((member == is_member) & (same == is_same)))
            half[rows] = (begin + np.arange(len(rows))) % 2
            # The next kind begins where this one ended, so that odd ones do not pile up.
            begin += len(rows)
    return half
