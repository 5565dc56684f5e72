"""Recognition of reconstructions: hand-worked rates, thresholds, intervals and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.audit.reconstruction.recognition import Recognition, Seen, recognise, threshold_at
from facebone.verification.embedded_pairs import normalise
from facebone.verification.estimates import Estimate, Refused


def strangers(count=120, width=32, seed=9):
    return normalise(np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32))


def seen(made, attacked, others, of, control=None):
    return Seen(
        *(normalise(np.asarray(rows, dtype=np.float32)) for rows in (made, attacked, others)),
        of=np.array(of),
        control=strangers(15, seed=3) if control is None else control,
        strangers=strangers(),
    )


def eye(*numbers, width=32):
    return np.eye(width)[list(numbers)]


def test_rates_by_hand():
    # Of four people the first two are rebuilt rightly, the third as somebody else, the fourth as
    # their other picture alone.
    attacked, others = eye(0, 1, 2, 3), eye(0, 10, 1, 2, 11)
    made = eye(0, 1, 20, 11)
    found = recognise(seen(made, attacked, others, [0, 0, 1, 2, 3]), seed=0)
    assert found.type_i.value == 2 / 4
    assert found.type_ii.value == pytest.approx((1 / 2 + 1 + 0 + 1) / 4)
    assert found.genuine.value == pytest.approx((1 / 2 + 1 + 1 + 0) / 4)
    assert found.control.value == 0.0
    assert Recognition.from_json(found.to_json()) == found


def test_control_counts_every_pair_of_a_rebuilt_face_and_a_control_person():
    control = normalise(np.concatenate([eye(0), eye(5), eye(6), eye(7)]).astype(np.float32))
    found = recognise(seen(eye(0, 1), eye(0, 1), eye(0, 1), [0, 1], control), seed=0)
    assert found.control.value == 1 / 8
    assert found.control.low <= 1 / 8 <= found.control.high


def test_the_threshold_lets_through_the_share_that_is_asked_for():
    rows = strangers(200)
    threshold = threshold_at(rows, 0.01)
    left, right = np.triu_indices(200, k=1)
    cosines = (rows[left] * rows[right]).sum(axis=1)
    passed = (cosines >= threshold).mean()
    assert 0.009 < passed <= 0.01


def test_too_few_strangers_are_refused():
    few = threshold_at(strangers(20), 0.001)
    assert isinstance(few, Refused)
    assert "190 pairs of strangers are too few" in few.reason
    short = Seen(*[eye(0, 1).astype(np.float32)] * 3, np.array([0, 1]), strangers(5), strangers(20))
    found = recognise(short, seed=0)
    assert found.threshold is None
    assert isinstance(found.type_ii, Refused)


def test_nothing_rebuilt_is_at_the_rate_of_strangers():
    rng = np.random.default_rng(0)
    attacked = normalise(rng.normal(size=(100, 32)).astype(np.float32))
    noise = normalise(rng.normal(size=(100, 32)).astype(np.float32))
    found = recognise(
        Seen(noise, attacked, attacked, np.arange(100), strangers(80, seed=1), strangers(400)),
        seed=0,
    )
    assert isinstance(found.control, Estimate)
    assert found.type_ii.value < 0.05
    assert found.control.value < 0.01
    assert found.genuine.value == 1.0
    # All of a hundred people are right: the exact interval still leaves room.
    assert 0.96 < found.genuine.low < 1.0


def test_the_bootstrap_covers_the_true_rate():
    rng = np.random.default_rng(5)
    covered = 0
    for seed in range(40):
        right = rng.random(60) < 0.3
        attacked = eye(*[0] * 60)
        made = np.where(right[:, None], attacked, eye(*[1] * 60))
        found = recognise(seen(made, attacked, attacked, np.arange(60)), seed=seed)
        covered += found.type_ii.low <= 0.3 <= found.type_ii.high
    assert covered >= 34
