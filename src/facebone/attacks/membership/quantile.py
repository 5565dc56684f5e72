"""Quantile regression: an answer above what non-members like the candidate get means a member."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facebone.attacks.membership.shadow_attack import Compared, ShadowAttack
from facebone.attacks.membership.shadow_posterior import expect
from facebone.attacks.observations import Floats
from facebone.scale.threads import one_thread

MIDDLE, UPPER = 0.5, 0.84134
"""The upper quantile lies one deviation above the middle of a normal distribution."""


class Quantile(ShadowAttack):
    """Goal: tell members by an answer that few non-members as easy or hard would get.

    Access: the score. Knowledge: whether each candidate shows one person, and shadows, verifiers
    that the attacker trained by the target's recipe on pairs like the candidates. Success: members'
    margins lie higher, by the usual scatter, above the quantile of non-members like them.

    From the answers of each shadow about candidates it was not trained on, gradient boosting learns
    the median and the 84 % quantile of a non-member's margin, given the candidate's class and what
    the other shadows lead one to expect of it. The score is the target's margin above the median in
    units of the distance between the two.

    Where all shadows were trained on all candidates, their answers stand for those of non-members.

    References:
        Bertran, Tang, Roth, Kearns, Morgenstern and Wu, "Scalable Membership Inference Attacks via
        Quantile Regression", 2023.
    """

    name = "quantile"
    summary = "an answer above the quantile of non-members as hard as it means a member"

    def _compare(self, seen: Compared) -> Floats:
        from sklearn.ensemble import HistGradientBoostingRegressor

        if seen.trained.all():
            seen = replace(seen, trained=~seen.trained)
        described, answers = [], []
        for shadow, member in seen.in_turn():
            described.append(describe(shadow)[~member])
            answers.append(shadow.margin[~member])
        given, wanted = np.concatenate(described), np.concatenate(answers)
        asked = describe(seen if len(seen.margins) > 1 else seen.alone())
        models = (
            HistGradientBoostingRegressor(
                loss="quantile",
                quantile=quantile,
                max_iter=100,
                max_leaf_nodes=8,
                min_samples_leaf=30,
                early_stopping=False,
                random_state=0,
            )
            for quantile in (MIDDLE, UPPER)
        )
        # Trees this small wait for threads longer than they work, most of all on a busy machine.
        with one_thread():
            middle, upper = (model.fit(given, wanted).predict(asked) for model in models)
        # Two regressions may cross where there is little scatter.
        least = max(1e-3 * float(wanted.std()), 1e-6)
        above: Floats = (seen.margin - middle) / np.maximum(upper - middle, least)
        return above


def describe(seen: Compared) -> Floats:
    """What shadows lead one to expect of a candidate out of training, (n, 3); 0 without any."""
    known = np.zeros((2, len(seen.same)))
    if len(seen.margins):
        usual = expect(seen.margins, seen.trained, seen.same)
        known = np.stack([usual.mean_out, usual.variance_out])
    return np.column_stack([seen.same, *known])
