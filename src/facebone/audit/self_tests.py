"""Checks of the audit itself: a planted leak is found, an absent one is not."""

from __future__ import annotations

from facebone.audit.plan import Result
from facebone.audit.pooling import to_schema
from facebone.audit.schema import SelfTest
from facebone.audit.statistics import Leak
from facebone.verification.estimates import Estimate

AT_LEVEL = " @"
"""Stands between the name of a target, or a self-test, and its level, if that is not pairs."""


def self_test_result(name: str, attack: str, tried: Result) -> SelfTest:
    """A self-test from the trial it consists of.

    Args:
        name: a key of `PLANTED_SUMMARIES` or `NULL_SUMMARIES`, perhaps with a level behind it.
        attack: that was tried.
        tried: what it found.
    """
    auc = Leak.from_json(tried.values["leak"]).auc
    kind = name.split(AT_LEVEL, maxsplit=1)[0]
    planted = kind in PLANTED_SUMMARIES
    return SelfTest(
        name=name,
        summary=PLANTED_SUMMARIES[kind] if planted else NULL_SUMMARIES[kind],
        attack=attack,
        auc=to_schema(auc),
        passed=isinstance(auc, Estimate)
        and (auc.value > FOUND_AUC if planted else told_from_chance(auc) is False),
    )


FOUND_AUC = 0.95
"""A planted leak counts as found above this AUC."""

PLANTED_SUMMARIES = {
    "planted bits": "membership is copied into the last bit of the target's scores; it must be "
    f"found with an AUC above {FOUND_AUC}",
    "planted table": "members are answered from a table that remembers them; they must be found "
    f"with an AUC above {FOUND_AUC}",
}
NULL_SUMMARIES = {
    "other people": "a target trained on control people alone has met no member; 0.5 must lie in "
    "the 99 % interval of the AUC, so that one audit in a hundred fails this by chance",
    "redrawn membership": "membership is dealt out anew; 0.5 must lie in the 99 % interval of the "
    "AUC, so that one audit in a hundred fails this by chance",
}

_WIDER = 2.5758 / 1.9600
"""A 99 % interval of a normal figure is so many times as wide as a 95 % one."""


def told_from_chance(auc: Estimate) -> bool:
    """Whether 0.5 lies outside the 99 % interval."""
    low = auc.value - (auc.value - auc.low) * _WIDER
    high = auc.value + (auc.high - auc.value) * _WIDER
    return not low <= 0.5 <= high
