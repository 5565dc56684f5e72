"""One contract over every registered attack on membership: `facebone.testing`'s."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from facebone.attacks.base import ATTACKS
from facebone.testing import attack_checks
from facebone.testing.declared import AttackSubject
from facebone.testing.membership_subject import fitted
from facebone.testing.membership_world import memorised, scored
from facebone.verification.metrics import auc

KNOWN = {
    # Small enough to be quick; every other setting keeps its default.
    "art_nn": {"settings": {"epochs": 30, "learning_rate": 3e-3}},
    # ART's linear model sees answer and label as a sum, in which sure and right does not show.
    "art_lr": {"finds": {"input_type": "loss"}},
    # Its gamma makes equals of ratios that lie close: those of easy pairs, known by heart or not.
    "rmia": {"finds": {"gamma": 1.0}},
    # It sees errors alone: of members none, of others the one in five.
    "gap": {"least": 0.55},
    # The bits are those of floating point numbers, of which no paper tells.
    "score_bits": {"cites": False},
}


@pytest.mark.parametrize(
    "check",
    [
        check
        for name in ATTACKS.own_names()
        for check in attack_checks(ATTACKS.get(name), **KNOWN.get(name, {}))
    ],
    ids=str,
)
def test_contract(check):
    check()


def test_the_gap_is_what_errors_alone_show():
    subject = AttackSubject(ATTACKS.get("gap"))
    for level in subject.kind.levels:
        found, member = memorised(seed=2, level=level)
        figure = auc(fitted(subject, memorised(seed=1, level=level)).score(found), member)
        wrong = 1 - found.right()[~member].mean()
        assert figure == pytest.approx(0.5 + wrong / 2)


@pytest.mark.parametrize("name", ATTACKS.own_names())
def test_another_seed_changes_those_that_draw_lots_alone(name):
    subject = AttackSubject(ATTACKS.get(name), KNOWN.get(name, {}).get("settings", {}))
    data, (observed, _) = scored(seed=1), scored(seed=2)
    first, second = fitted(subject, data, seed=5), fitted(subject, data, seed=6)
    equal = np.array_equal(first.score(observed), second.score(observed))
    if name in ("art_rf", "art_nn", "art_svm"):
        assert not equal
    elif name not in ("art_gb", "art_dt"):  # these draw lots for ties only
        assert equal


def test_an_attack_is_the_same_in_another_process():
    """Nothing hangs on the hash seed or on what was imported before."""
    code = """
import numpy as np
from facebone.attacks.base import ATTACKS
from facebone.attacks.observations import Observations
rng = np.random.default_rng(0)
same, member = np.arange(200) % 2 == 0, rng.random(200) < 0.5
observed = Observations.from_scores(rng.random(200), same)
attack = ATTACKS.make("art_rf")
attack.fit(observed, member, seed=1)
found = attack.score(observed).tobytes().hex()
"""
    here: dict[str, str] = {}
    exec(code, here)
    there = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{code}print(found)"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "7"},
    ).stdout
    assert there.strip() == here["found"]
