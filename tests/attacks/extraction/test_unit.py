"""Margins as chances and back."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.attacks.extraction.answers import Answers
from facebone.attacks.extraction.unit import SHARPER, Unit


def answers(margin):
    rows = np.arange(len(margin))
    return Answers(rows, rows + 1, np.asarray(margin, dtype=np.float64))


def test_chances_rise_and_lie_about_one_half_whatever_the_threshold():
    margins = np.random.default_rng(0).normal(size=500) * 8
    for shift in (-30.0, 0.0, 30.0):
        given = answers(margins + shift)
        chances = Unit.of(given).chances(given)
        assert np.mean(chances) == pytest.approx(0.5, abs=0.01)
        assert (np.diff(chances[np.argsort(margins)]) > 0).all()
        assert 0.02 < chances.min() < 0.1
        assert 0.9 < chances.max() < 0.98


def test_a_perfect_pupil_says_the_margins():
    given = answers([-20.0, -3.0, 1.0, 2.0, 12.0])
    unit = Unit.of(given)
    chances = unit.chances(given)
    said = unit.scorer(lambda _: np.log(chances / (1 - chances)))(None)
    np.testing.assert_allclose(said, given.margin)


def test_decisions_are_labels():
    given = answers([np.inf, -np.inf, np.inf])
    np.testing.assert_array_equal(Unit.of(given).chances(given), [1.0, 0.0, 1.0])


def test_margins_that_are_all_alike_have_a_unit():
    assert Unit.of(answers([3.0, 3.0])) == Unit(3.0, 1.0, SHARPER)


def test_the_loss_is_the_cross_entropy_of_its_definition():
    rng = np.random.default_rng(0)
    given, said = answers(rng.normal(size=50) * 6 + 2), rng.normal(size=50) * 6
    unit = Unit(1.0, 2.0)
    chance, same = (1 / (1 + np.exp(-(x - 1) / 2)) for x in (given.margin, said))
    expected = -np.mean(chance * np.log(same) + (1 - chance) * np.log(1 - same))
    assert unit.loss(said, given) == pytest.approx(expected)
    assert Unit(0.0, 1.0).loss(np.array([800.0, -800.0]), answers([np.inf, -np.inf])) == 0
    assert Unit(0.0, 1.0).loss(np.array([800.0]), answers([-np.inf])) == 800


def test_copies_are_compared_near_the_threshold():
    """One is right about the threshold and rough far off, the other the other way round."""
    margin = np.linspace(-10, 10, 201)
    given = answers(margin)
    near = np.abs(margin) < 2
    rough = np.where(near, margin, margin + 1.5 * np.sign(margin))
    blurred = np.where(near, -margin, margin)
    unit = Unit.of(given)
    assert unit.sharp().loss(rough, given) < unit.sharp().loss(blurred, given)
    assert unit.sharp() == Unit(0.0, unit.scale / SHARPER)
    assert Unit.of(answers([np.inf, -np.inf])).sharp() == Unit(0.0, 1.0)
