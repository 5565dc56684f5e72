"""Linking without anchors: what no rotation can hide."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.attacks.linkage.base import LINKAGES
from facebone.attacks.linkage.matching import QUANTILES, centred_rows, principal, profiles, refine
from facebone.attacks.linkage.unaligned import Unaligned, UnalignedSettings
from facebone.attacks.linkage.view import LinkageView
from facebone.errors import UsageError

WIDTH, PEOPLE = 24, 200


def key(seed):
    return np.linalg.qr(np.random.default_rng((6, seed)).normal(size=(WIDTH, WIDTH)))[0]


def databases(noise, spread, people=PEOPLE, seed=0):
    """Two databases under other keys, the second in another order; and who is who."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(people, WIDTH)) * spread
    one, two = (centres + noise * rng.normal(size=centres.shape) for _ in range(2))
    order = rng.permutation(people)
    return LinkageView(one @ key(1), two[order] @ key(2)), np.argsort(order)


def found_first(view, whom, **settings):
    found = LINKAGES.make("unaligned", settings).link(view, seed=0)
    return (found.argmax(axis=1) == whom).mean()


STEEP, FLAT = 3 * 0.8 ** np.arange(WIDTH), np.ones(WIDTH)


def test_a_template_that_both_databases_hold_is_found_under_any_key():
    view, whom = databases(noise=0.0, spread=FLAT)
    assert found_first(view, whom) == 1.0


def test_different_pictures_are_found_where_people_differ_along_few_axes():
    view, whom = databases(noise=0.05, spread=STEEP)
    assert found_first(view, whom) > 0.8


def test_wrong_starts_are_not_believed():
    view, whom = databases(noise=0.5, spread=FLAT)
    assert found_first(view, whom) < 0.05
    found = LINKAGES.make("unaligned").link(view, seed=0)
    first, second = map(centred_rows, (view.first, view.second))
    alike = profiles(first) @ profiles(second).T
    # What is left is how alike the profiles are.
    np.testing.assert_array_equal(
        np.sign(found[np.abs(alike) > 1]), np.sign(alike[np.abs(alike) > 1])
    )


def test_no_rotation_and_no_order_changes_a_profile():
    rows = centred_rows(np.random.default_rng(0).normal(size=(50, WIDTH)))
    order = np.random.default_rng(1).permutation(50)
    found = profiles(rows)
    assert found.shape == (50, QUANTILES)
    np.testing.assert_allclose(profiles(rows[order] @ key(3)), found[order], atol=1e-6)


def test_principal_axes_are_those_of_largest_variance():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 5)) * [1, 5, 2, 4, 3]
    rows = rows @ np.linalg.qr(rng.normal(size=(5, 5)))[0]
    found = principal(rows, 3).std(axis=0)
    np.testing.assert_allclose(found, [5, 4, 3], rtol=0.15)


def test_a_right_start_holds_together_and_a_wrong_one_does_not():
    view, whom = databases(noise=0.05, spread=STEEP)
    first, second = map(centred_rows, (view.first, view.second))
    truth = np.zeros((PEOPLE, PEOPLE))
    truth[np.arange(PEOPLE), whom] = 1
    right = refine(first, second, truth, rounds=6)
    wrong = refine(first, second, np.roll(truth, 1, axis=1), rounds=6)
    assert right.agreement > 0.9 > wrong.agreement + 0.1


def test_a_time_budget_stops_the_search(monkeypatch):
    ticks = iter(np.arange(1000.0))
    tried = []
    monkeypatch.setattr(Unaligned, "clock", staticmethod(lambda: float(next(ticks))))
    monkeypatch.setattr(
        "facebone.attacks.linkage.unaligned.refine",
        lambda *given, rounds: tried.append(rounds) or refine(*given, rounds=rounds),
    )
    view, _ = databases(noise=0.05, spread=STEEP, people=40)
    Unaligned(UnalignedSettings(seconds=3.0, rounds=2)).link(view, seed=0)
    assert tried == [2, 2, 2]
    tried.clear()
    Unaligned(UnalignedSettings(axes=2, rounds=2)).link(view, seed=0)
    assert len(tried) == 1 + 2**2


def test_too_few_records_are_refused():
    view, _ = databases(noise=0.0, spread=FLAT, people=7)
    with pytest.raises(UsageError, match=r"attack unaligned: needs 8 records in each .* got 7"):
        LINKAGES.make("unaligned").link(view, seed=0)
