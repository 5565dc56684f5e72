"""Straight maps between systems: keys, other widths, and the choice by held-out anchors."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from facebone.attacks.linkage.alignment import (
    LinearAlignmentSettings,
    learn_alignment,
    separation,
)
from facebone.attacks.linkage.axes import Paired, cosines, unit_rows
from facebone.attacks.linkage.base import LINKAGES
from facebone.attacks.linkage.view import Anchors, LinkageView
from facebone.errors import UsageError
from facebone.verification.metrics import auc

WIDTH, PEOPLE = 40, 120


def rotation(width, seed):
    return np.linalg.qr(np.random.default_rng((3, seed)).normal(size=(width, width)))[0]


def people(count, seed, noise=0.5, pictures=2):
    """Templates of `pictures` pictures of each of a number of people, (pictures, n, d)."""
    rng = np.random.default_rng((4, seed))
    centres = rng.normal(size=(count, WIDTH))
    return [unit_rows(centres + noise * rng.normal(size=(count, WIDTH))) for _ in range(pictures)]


def keyed(anchors, name="linear_alignment", keys=(1, 2)):
    """The AUC of linking databases of one system under two keys, with so many anchors."""
    one, two = (rotation(WIDTH, key) for key in keys)
    first, second = people(PEOPLE, seed=0)
    own = people(max(anchors, 1), seed=1)[0]
    known = Anchors(own @ one, own @ two, np.arange(len(own))) if anchors else None
    view = LinkageView(first @ one, second @ two, known)
    found = LINKAGES.make(name).link(view, seed=0)
    return auc(found.ravel(), np.eye(PEOPLE, dtype=bool).ravel())


def test_one_key_for_both_is_no_protection():
    assert keyed(0, "direct", keys=(1, 1)) > 0.999


@pytest.mark.parametrize("name", ["direct", "unaligned"])
def test_two_keys_leave_chance_to_who_has_no_anchors(name):
    # Each of 120 people is a trial of deviation sqrt(1 / 12).
    assert keyed(0, name) == pytest.approx(0.5, abs=3.5 * (1 / 12 / PEOPLE) ** 0.5)


def test_two_keys_fall_to_as_many_anchors_as_templates_have_numbers():
    found = [keyed(anchors) for anchors in (8, 20, WIDTH + 1, 100)]
    assert found == sorted(found)
    assert found[0] < 0.98
    assert found[2] > 0.999
    ceiling = keyed(0, "direct", keys=(1, 1))
    assert found[3] == pytest.approx(ceiling, abs=1e-3)


def test_a_rotation_is_recovered_exactly():
    own, key = people(100, seed=1)[0], rotation(WIDTH, 1)
    found = Paired(own, own @ key).rotation()
    np.testing.assert_allclose(found.first_axes @ found.second_axes.T, key, atol=1e-9)


def test_canonical_axes_are_those_of_the_definition():
    rng = np.random.default_rng(0)
    one = rng.normal(size=(300, 4))
    two = one @ rng.normal(size=(4, 3)) + rng.normal(size=(300, 3))
    x, y = unit_rows(one), unit_rows(two)
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    found = Paired(one, two).canonical(1e-9)
    # Squared correlations are the eigenvalues of Sxx^-1 Sxy Syy^-1 Syx.
    sxx, syy, sxy = x.T @ x, y.T @ y, x.T @ y
    wanted = np.linalg.eigvals(np.linalg.solve(sxx, sxy) @ np.linalg.solve(syy, sxy.T))
    wanted = np.sort(np.sqrt(np.abs(wanted)))[::-1][:3]
    first, second = x @ found.first_axes, y @ found.second_axes
    shown = [np.corrcoef(first[:, i], second[:, i])[0, 1] for i in range(3)]
    np.testing.assert_allclose(shown, wanted, atol=1e-6)
    # Weighed by them: deviations of 1 / sqrt(n) times root n cancel in whitened space.
    np.testing.assert_allclose(first.std(axis=0), wanted, atol=1e-6)


def test_systems_of_other_widths_compare():
    mix = np.random.default_rng(8).normal(size=(WIDTH, 25)) / 5
    first, second = people(PEOPLE, seed=0)
    own = people(300, seed=1)[0]
    view = LinkageView(first, second @ mix, Anchors(own, own @ mix, np.arange(300)))
    found = LINKAGES.make("linear_alignment").link(view, seed=0)
    assert auc(found.ravel(), np.eye(PEOPLE, dtype=bool).ravel()) > 0.97
    with pytest.raises(UsageError, match="attack direct: compares templates of one width, got 40"):
        LINKAGES.make("direct").link(view, seed=0)


def test_few_noisy_anchors_ask_for_more_shrinkage_than_many():
    def chosen(count):
        one, two = people(count, seed=2, noise=0.8)
        strengths = (0.1, 30.0)
        anchors = Anchors(one, two @ rotation(WIDTH, 1), np.arange(count))
        settings = LinearAlignmentSettings(shrinkages=strengths, rotation=False)
        found = learn_alignment(anchors, settings, seed=0)
        paired = Paired(anchors.first, anchors.second)
        return [
            strength
            for strength in strengths
            if np.array_equal(paired.canonical(strength).first_axes, found.first_axes)
        ]

    assert chosen(24) == [30.0]
    assert chosen(3000) == [0.1]


def test_separation_by_hand():
    scores = np.array([[0.9, 0.1], [0.3, 0.8]])
    assert separation(scores, np.eye(2, dtype=bool)) == pytest.approx((0.85 - 0.2) / 0.1)
    assert separation(np.ones((2, 2)), np.eye(2, dtype=bool)) == 0


def test_cosines_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=(4, 6)), rng.normal(size=(5, 6))
    found = cosines(one, two)
    for i, j in itertools.product(range(4), range(5)):
        wanted = one[i] @ two[j] / np.linalg.norm(one[i]) / np.linalg.norm(two[j])
        assert found[i, j] == pytest.approx(wanted)


def test_too_few_people_among_the_anchors_are_refused():
    own = people(3, seed=1)[0]
    view = LinkageView(own, own, Anchors(own, own, np.arange(3)))
    with pytest.raises(UsageError, match="anchors: must show at least 4 people, got 3"):
        LINKAGES.make("linear_alignment").link(view, seed=0)


def test_settings_that_try_nothing_are_refused():
    with pytest.raises(UsageError, match="needs at least one without a rotation"):
        LinearAlignmentSettings(shrinkages=(), rotation=False)


def test_views_that_do_not_fit_are_refused():
    own = people(10, seed=1)[0]
    anchors = Anchors(own, own[:, :20], np.arange(10))
    with pytest.raises(UsageError, match="second database have width 40, those of the anchors 20"):
        LinkageView(own, own, anchors)
    broken = own.copy()
    broken[3, 0] = np.nan
    with pytest.raises(UsageError, match="second: row 3 is not finite"):
        LinkageView(own, broken)
    with pytest.raises(UsageError, match="cohort: has 20 columns"):
        LinkageView(own, own, cohort=own[:, :20])
    with pytest.raises(UsageError, match="anchors: 10 and 9 templates of 10 pictures"):
        Anchors(own, own[:9], np.arange(10))
