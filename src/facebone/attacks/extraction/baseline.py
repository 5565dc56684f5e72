"""What an attacker has without asking: public backbones, and pictures of known people."""

from __future__ import annotations

import numpy as np

from facebone.attacks.extraction.base import Copy
from facebone.attacks.extraction.known import KnownPictures, Positions
from facebone.attacks.extraction.queries import matched_pairs
from facebone.errors import UsageError
from facebone.seeding import make_rng
from facebone.verification.calibration import calibrate_threshold
from facebone.verification.heads.logistic import LogisticHead
from facebone.verification.metrics import mismatched_needed

MOST_MATCHED = 3000
FEWEST_STRANGERS = 3000
FEW = 1000
"""Pictures up to which all pairs are written out to draw from; of more, draws hardly ever meet."""

SPARE = 4
"""Pairs of strangers for each one that a threshold at the false accept rate needs at least."""


def without_questions(known: KnownPictures, *, far: float, seed: int) -> Copy:
    """The verifier that the attacker would build alone: what a copy must beat to have learnt.

    Logistic regression on the public cosines, fitted to the attacker's own pairs, at a threshold
    that has the victim's false accept rate on these. It learns a number a backbone and one more: on
    pairs of other people it is as good.

    Args:
        known: the attacker's pictures.
        far: the false accept rate at which the victim works.
        seed: of the draw of pairs.

    Raises:
        UsageError: too few pictures for that rate.
    """
    matched = matched_pairs(known, make_rng(seed, "baseline", "matched"))[:MOST_MATCHED]
    if not len(matched):
        raise UsageError("show nobody twice", where="known pictures", hint="give more pictures")
    needed, possible = mismatched_needed(far), _possible(known)
    if needed > possible:
        raise UsageError(
            f"a threshold at FAR {far:g} needs at least {needed} mismatched pairs, and "
            f"{len(known)} pictures make {possible}",
            where="far",
            hint="give the attacker more pictures or ask for a larger rate",
        )
    wanted = min(possible, max(FEWEST_STRANGERS, SPARE * needed))
    strangers = _strangers(known, wanted, make_rng(seed, "baseline", "strangers"))
    pairs = np.concatenate([matched, strangers])
    left, right = pairs[:, 0], pairs[:, 1]
    embedded, same = known.embedded(left, right), known.same(left, right)
    head = LogisticHead()
    head.fit(embedded, same, seed=seed)
    threshold = calibrate_threshold(head.logit(embedded), same, far=far)
    return Copy(head.logit, threshold, 0, "public cosines alone")


def _strangers(known: KnownPictures, count: int, rng: np.random.Generator) -> Positions:
    """Different pairs of two people, (m, 2), m at most `count`, fewer of few pictures."""
    if len(known) <= FEW:
        every = np.stack(np.triu_indices(len(known), 1), axis=1)
        apart = every[~known.same(every[:, 0], every[:, 1])]
        chosen: Positions = rng.permutation(apart, axis=0)[:count]
        return chosen
    drawn = np.sort(rng.integers(0, len(known), size=(3 * count, 2)), axis=1)
    drawn = drawn[~known.same(drawn[:, 0], drawn[:, 1])]
    first = np.sort(np.unique(drawn, axis=0, return_index=True)[1])
    found: Positions = drawn[first][:count]
    return found


def _possible(known: KnownPictures) -> int:
    """Number of pairs of two people."""
    each = np.unique(known.people, return_counts=True)[1]
    return int(len(known) ** 2 - np.sum(each**2)) // 2
