"""What an attacker claims who reads scores by what was learnt where the members are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facebone.attacks.observations import Floats, Mask, Observations
from facebone.attacks.turns import in_place_of_target
from facebone.audit.calibration import Calibration, calibrate
from facebone.audit.crossfit import AttackFactory, cross_calibrations
from facebone.audit.disclosure import Disclosure, disclose
from facebone.scale.threads import one_thread

TURNS = 4
"""Shadows that play the target to calibrate an attack: each knows all candidates, a few will do."""

SHADOWS, HALF = "shadows", "known half"


@dataclass(frozen=True, slots=True, eq=False)
class Claims:
    """Claims about n candidates.

    Args:
        claimed: (n,) bool, by the threshold of the best balanced accuracy.
        risk: (n,) how probably each is a member, at even odds before.
        disclosure: what claims at other thresholds amount to.
        chosen_on: where thresholds come from: `SHADOWS` or `HALF`.
    """

    claimed: Mask
    risk: Floats
    disclosure: Disclosure
    chosen_on: str


def claim(
    attack: AttackFactory, seen: Observations, member: Mask, scores: Floats, *, seed: int
) -> Claims:
    """Claims of an attack about candidates that it scored.

    An attacker with shadows lets some play the target and knows their members: thresholds come
    from there, and no candidate's membership is looked at. Any other knows the members of one half
    of the candidates and claims those of the other; the disclosure is then of one half.

    Args:
        attack: makes the attack.
        seen: n candidates.
        member: (n,) bool, of both kinds.
        scores: (n,) by `cross_scores` with the same seed.
        seed: of the halves.
    """
    calibration = on_shadows(attack, seen) if attack().needs_shadows else None
    if calibration is not None:
        return Claims(
            scores >= calibration.balanced,
            calibration.risk(scores),
            disclose(scores, member, calibration),
            SHADOWS,
        )
    claimed, risk = np.empty(len(seen), dtype=np.bool_), np.empty(len(seen))
    halves = cross_calibrations(attack, seen, member, scores, seed)
    for inside, known in halves:
        claimed[inside] = scores[inside] >= known.balanced
        risk[inside] = known.risk(scores[inside])
    inside, known = halves[0]
    return Claims(claimed, risk, disclose(scores[inside], member[inside], known), HALF)


def on_shadows(attack: AttackFactory, seen: Observations) -> Calibration | None:
    """A calibration on shadows in the target's place; None where they cannot show it.

    One shadow has no others to be compared with, and one that was trained on all candidates, or on
    none, shows no difference.
    """
    shadows = seen.shadows
    if shadows is None or len(shadows) < 2:
        return None
    scores, members = [], []
    for number in range(min(TURNS, len(shadows))):
        played, member = in_place_of_target(seen, number)
        if member.any() and not member.all():
            with one_thread():
                scores.append(attack().score(played))
            members.append(member)
    return calibrate(np.concatenate(scores), np.concatenate(members)) if scores else None
