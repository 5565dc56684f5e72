"""A classifier of whole pictures or people: what gives a shadow's away is learnt by boosting."""

from __future__ import annotations

import math

import numpy as np

from facebone.attacks.membership.lira import log_ratio
from facebone.attacks.membership.set_attack import SetAttack, means
from facebone.attacks.membership.set_description import describe_set
from facebone.attacks.membership.shadow_attack import Compared
from facebone.attacks.membership.shadow_boosting import ShadowBoostingSettings, boosted
from facebone.attacks.membership.shadow_posterior import align
from facebone.attacks.observations import Floats
from facebone.attacks.probe_answers import Positions


class SetClassifier(SetAttack):
    """Goal: tell pictures and people that were trained on by what gives those of a shadow away.

    Access: the score. Knowledge: pictures of each candidate, and shadows, verifiers that the
    attacker trained by the target's recipe on pictures like the candidates'. Success: the answers
    about a member, taken together, stand out in the target as they do in a shadow.

    Each shadow plays the target in turn. A candidate is described by how many pairs were asked, by
    how the margins of matched and of mismatched pairs spread, and by likelihood ratios, of each
    pair and of the mean margin; see `describe_set`. Gradient boosting learns the membership, which
    the attacker knows, and is then asked of the target.

    The score is the log odds of membership less those of a candidate of which nothing is known. One
    shadow has no others to be compared with: then margins alone are learnt from. Where no shadow
    was trained on any candidate, or all on all, there is nothing to learn, and LiRA's comparison
    of the mean margins is the score.

    References:
        The shadows' part as targets: Shokri, Stronati, Song and Shmatikov, "Membership Inference
        Attacks against Machine Learning Models", 2017; one person's many pictures: Li, Rezaei and
        Liu, "User-Level Membership Inference Attack against Metric Embedding Learning", 2022.
    """

    name = "set_classifier"
    summary = "what gives pictures or people of shadows away, learnt by boosting, means a member"
    settings_type = ShadowBoostingSettings

    def _judge(self, pairs: Compared, first: Positions) -> Floats:
        if self.settings.align:
            pairs = align(pairs)
        examples = [
            (describe_set(shadow, first), trained[first]) for shadow, trained in pairs.in_turn()
        ]
        described, member = (np.concatenate(part) for part in zip(*examples, strict=True))
        share = float(member.mean())
        if share in (0, 1):
            return log_ratio(means(pairs, first), "offline", "shrunk")
        asked = describe_set(pairs if len(pairs.margins) > 1 else pairs.alone(), first)
        found = boosted(described, member, asked, rounds=self.settings.rounds)
        return found - math.log(share / (1 - share))
