"""Leaks: questions are counted, budgets hold, gradients are those that PyTorch finds."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facebone.attacks.extraction.oracle import BudgetError
from facebone.attacks.inversion.classifier_leak import ClassifierLeak
from facebone.attacks.inversion.score_leak import ScoreLeak
from facebone.attacks.inversion.slope_leak import SlopeLeak
from facebone.errors import UsageError
from facebone.verification.embedded_pairs import normalise


class Echo:
    """Tells the position that was asked about, and ten times the person."""

    def __init__(self):
        self.calls = 0

    def own(self, people, positions):
        self.calls += 1
        return 10.0 * people + positions

    def made(self, people, pictures):
        self.calls += 1
        return 10.0 * people + pictures[:, 0, 0, 0]


def test_questions_are_counted_by_person_and_stop_at_the_budget():
    door = Echo()
    leak = ScoreLeak(door, people=3, queries=4)
    told = leak.ask_own(np.array([0, 0, 2]), np.array([5, 6, 7]))
    assert told.tolist() == [5.0, 6.0, 27.0]
    pictures = np.full((2, 2, 2, 3), 9, dtype=np.uint8)
    assert leak.ask(np.array([2, 1]), pictures).tolist() == [29.0, 19.0]
    assert leak.asked.tolist() == [2, 1, 2]
    with pytest.raises(BudgetError, match="the 4 questions about a person are used up"):
        leak.ask_own(np.array([0, 0, 0, 1]), np.arange(4))
    # Nothing was asked: neither the person with questions left.
    assert leak.asked.tolist() == [2, 1, 2]
    assert door.calls == 2
    leak.ask_own(np.array([0, 0]), np.arange(2))
    assert len(leak) == 3


def test_time_ends_questions():
    now = [0.0]
    leak = ScoreLeak(Echo(), people=1, queries=9, seconds=5, clock=lambda: now[0])
    leak.ask_own(np.array([0]), np.array([0]))
    assert not leak.late
    now[0] = 5.0
    assert leak.late
    with pytest.raises(BudgetError, match="seconds"):
        leak.ask_own(np.array([0]), np.array([0]))


def test_budgets_and_answers_that_are_none_are_refused():
    with pytest.raises(UsageError, match="queries"):
        ScoreLeak(Echo(), people=1, queries=0)
    with pytest.raises(UsageError, match="seconds"):
        ScoreLeak(Echo(), people=1, queries=1, seconds=-1.0)

    class Mute(Echo):
        def own(self, people, positions):
            return np.full(len(people), np.nan)

    with pytest.raises(UsageError, match="must give 2 numbers"):
        ScoreLeak(Mute(), people=1, queries=2).ask_own(np.zeros(2, dtype=np.intp), np.arange(2))


def test_slopes_are_what_automatic_differentiation_finds():
    rng = np.random.default_rng(0)
    enrolled = torch.from_numpy(rng.normal(size=(3, 6)).astype(np.float32))

    def smooth(people, rows):
        mixed = rows * enrolled[torch.from_numpy(people)]
        return 5 * torch.tanh(mixed.sum(dim=1)) + mixed.square().sum(dim=1)

    leak = SlopeLeak(
        lambda people, rows: smooth(people, torch.from_numpy(rows)).double().numpy(), people=3
    )
    people, rows = np.array([0, 1, 2, 1]), rng.normal(size=(4, 6)).astype(np.float32) / 3
    wanted = torch.from_numpy(rows).requires_grad_()
    smooth(people, wanted).sum().backward()
    np.testing.assert_allclose(leak.slopes(people, rows), wanted.grad.numpy(), atol=5e-3)
    assert leak.asked.tolist() == [1, 2, 1]


def test_slopes_of_a_head_point_to_what_is_enrolled():
    templates = normalise(np.random.default_rng(1).normal(size=(4, 16)).astype(np.float32))
    leak = SlopeLeak(
        lambda people, rows: 9.0 * np.einsum("qd,qd->q", rows, templates[people]) - 2, people=4
    )
    found = leak.slopes(np.arange(4), np.roll(templates, 1, axis=0))
    np.testing.assert_allclose(found, 9 * templates, atol=1e-3)


def test_an_identification_model_knows_its_people():
    templates = normalise(np.random.default_rng(1).normal(size=(30, 16)).astype(np.float32))
    leak = ClassifierLeak.fit(templates, np.arange(5, 9))
    odds = templates @ leak.weights.T + leak.biases
    assert (odds.argmax(axis=1) == np.arange(30)).all()
    assert len(leak) == 4
    with pytest.raises(UsageError, match="needs 3 people, got 2"):
        ClassifierLeak.fit(templates[:2], np.arange(2))
