"""What all extraction attacks share: thresholds, answers kept aside, and checks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facebone.attacks.extraction.answers import Answers
from facebone.attacks.extraction.base import EXTRACTIONS, as_often
from facebone.attacks.extraction.head_learning import passes
from facebone.attacks.extraction.known import KnownPictures
from facebone.errors import UnknownNameError, UsageError


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30, unique=True),
    st.data(),
)
def test_as_many_pass_as_the_victim_accepts(scores, data):
    scores = np.array(scores)
    decided = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(scores), max_size=len(scores)))
    )
    assert (scores >= as_often(scores, decided)).sum() == decided.sum()


def test_passes_make_about_as_many_steps():
    assert passes(1000, 100, 10_000) == 10
    assert passes(1000, 100, 10) == 60
    assert passes(1000, 100, 10_000_000) == 5


def test_both_orders_of_a_pair_are_learnt_or_kept_aside_together():
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, 50, 400), rng.integers(50, 100, 400)
    answers = Answers(left, right, rng.normal(size=400)).both_orders()
    learnt, aside = EXTRACTIONS.make("copy_head")._split(answers, 0)
    assert len(learnt) + len(aside) == 800
    assert 0.2 < len(aside) / 800 < 0.5
    sides = [
        {frozenset(pair) for pair in zip(part.left.tolist(), part.right.tolist(), strict=True)}
        for part in (learnt, aside)
    ]
    assert not sides[0] & sides[1]


def test_unknown_attacks_and_settings_are_named():
    with pytest.raises(UnknownNameError, match="did you mean 'copy_head'"):
        EXTRACTIONS.make("copy_heads")
    with pytest.raises(UnknownNameError, match="setting of attack copy_head 'stepps'"):
        EXTRACTIONS.make("copy_head", {"stepps": 3})


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("copy_head", {"heads": []}, "heads: must be names of different heads"),
        ("copy_head", {"heads": ["mlp", "mlp"]}, "heads: must be names of different heads"),
        ("copy_head", {"heads": "cosine"}, "heads: 'cosine' cannot learn from chances"),
        ("copy_head", {"layers": [0]}, "layers"),
        ("copy_head", {"dropout": 1}, "dropout"),
        ("copy_head", {"networks": 0}, "networks"),
        ("copy_head", {"steps": 0}, "steps"),
        ("copy_decisions", {"batch_size": 1}, "batch_size"),
        ("copy_head", {"learning_rate": 0}, "learning_rate"),
        ("metric_copy", {"hidden": -1}, "hidden"),
        ("metric_copy", {"steps": 0}, "steps"),
        ("metric_copy", {"batch_size": 0}, "batch_size"),
        ("metric_copy", {"learning_rate": 0}, "learning_rate"),
        ("copycat", {"layers": [0]}, "layers"),
        ("copycat", {"steps": 0}, "steps"),
        ("knockoff", {"batch_size": 0}, "batch_size"),
        ("knockoff", {"learning_rate": -1}, "learning_rate"),
    ],
)
def test_settings_out_of_range_are_refused(name, settings, message):
    with pytest.raises(UsageError, match=message):
        EXTRACTIONS.make(name, settings)


@pytest.mark.parametrize(
    ("matrices", "people", "message"),
    [
        ((), np.arange(3), "needs a matrix a backbone"),
        ((np.ones((2, 4), dtype=np.float32),), np.arange(3), "needs a matrix a backbone of 3 rows"),
        ((np.full((3, 4), np.nan, dtype=np.float32),), np.arange(3), "not finite"),
        ((np.ones((3, 4), dtype=np.float32),), np.zeros(3), "two people"),
    ],
)
def test_pictures_that_do_not_fit_are_refused(matrices, people, message):
    with pytest.raises(UsageError, match=f"known pictures: .*{message}"):
        KnownPictures(matrices, people)
