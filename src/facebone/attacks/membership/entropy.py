"""The entropy attack: the surer an answer, right or wrong, the likelier its pair is a member."""

from __future__ import annotations

import numpy as np

from facebone.attacks.access import Access
from facebone.attacks.base import MembershipAttack
from facebone.attacks.observations import Floats, Observations


class Entropy(MembershipAttack):
    """Goal: tell members by the low entropy of the answer.

    Access: the score. Knowledge: none, not even whether a candidate shows one person; nothing is
    learnt. Success: training made the target surer of members than of other pairs.

    The entropy of an answer with log odds ``l`` falls strictly in ``|l|``, so ``|l|`` ranks as the
    negative entropy does, and does so where the entropy itself has underflown to 0.

    References:
        Salem, Zhang, Humbert, Berrang, Fritz and Backes, "ML-Leaks: Model and Data Independent
        Membership Inference Attacks and Defenses on Machine Learning Models", 2019 (its third
        attacker).
    """

    name = "entropy"
    summary = "a sure answer, right or wrong, means a member"
    access = Access.SCORE
    knowledge = "Nothing."

    def _score(self, observed: Observations) -> Floats:
        sureness: Floats = np.abs(observed.log_odds.mean(axis=1))
        return sureness
