"""The modified entropy attack: sure and right, measured against a threshold for each class."""

from __future__ import annotations

import math

import numpy as np

from facebone.attacks.access import Access
from facebone.attacks.base import MembershipAttack
from facebone.attacks.observations import Floats, Mask, Observations
from facebone.verification.metrics import roc_curve


class ModifiedEntropy(MembershipAttack):
    """Goal: tell members by an answer that is sure and right for a pair of its class.

    Access: the score. Knowledge: whether each candidate shows one person, and some members and
    non-members of the target. Success: members' modified entropy is lower than that of other
    pairs of their class, matched or mismatched.

    With two classes the modified entropy ranks as the loss does. What it adds are thresholds for
    each class: an answer that is usual for matched pairs may give a mismatched member away. The
    threshold ``t`` of a class is the one that tells its known members and non-members apart with
    the highest balanced accuracy, and the score is ``log t - log Mentr``: positive where the
    paper's attack says "member", in the order of the modified entropy inside a class, and a ratio
    to what is critical for the class across classes.

    References:
        Song and Mittal, "Systematic Evaluation of Privacy Risks of Machine Learning Models", 2021.
    """

    name = "modified_entropy"
    summary = "an answer that is sure and right for its class, matched or not, means a member"
    access = Access.SCORE
    knowledge = "Whether each candidate shows one person, and some members and non-members."
    learns = True

    def _fit(self, known: Observations, member: Mask, *, seed: int) -> None:
        found = negative_log_entropy(known.margin())
        overall = best_balanced_threshold(found, member)
        self._thresholds = {}
        for same in (False, True):
            rows = known.same == same
            one_kind = member[rows].all() or not member[rows].any()
            # A class of which the attacker knows only members, or none, has the common threshold.
            self._thresholds[same] = (
                overall if one_kind else best_balanced_threshold(found[rows], member[rows])
            )

    def _score(self, observed: Observations) -> Floats:
        threshold = np.where(observed.same, self._thresholds[True], self._thresholds[False])
        above: Floats = negative_log_entropy(observed.margin()) - threshold
        return above


def negative_log_entropy(margin: Floats) -> Floats:
    """``-log Mentr`` of answers with the given log odds of the right answer, (n,).

    ``Mentr(p, y) = -(1 - p_y) log p_y - sum_{i != y} p_i log(1 - p_i)``. With two classes
    ``1 - p_i = p_y`` for the other class ``i``, so both terms are ``-(1 - p_y) log p_y``; with
    ``p_y = 1 / (1 + exp(-m))`` this is ``2 sigmoid(-m) softplus(-m)``. It rises strictly from
    ``-log(2 |m|)`` to ``2 m - log 2``; in logarithms nothing under- or overflows.
    """
    log_other = -np.logaddexp(0.0, margin)
    # softplus(-m) = exp(-m) (1 - exp(-m) / 2 ...): beyond 40 the bracket is 1 in float64.
    inside = np.minimum(margin, 40.0)
    log_loss = np.where(margin > 40.0, -margin, np.log(np.logaddexp(0.0, -inside)))
    found: Floats = -(math.log(2) + log_other + log_loss)
    return found


def best_balanced_threshold(scores: Floats, member: Mask) -> float:
    """The t for which ``score >= t`` tells members with the highest balanced accuracy.

    The highest such t on ties. What it is does not depend on the share of members.
    """
    curve = roc_curve(scores, member)
    # The first point of a curve is infinity, which calls nobody a member.
    return float(curve.thresholds[1 + int(np.argmax((curve.tar - curve.far)[1:]))])
