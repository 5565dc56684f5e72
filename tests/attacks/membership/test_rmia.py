"""RMIA: the paper's formulas pair by pair, in plain loops."""

from __future__ import annotations

from dataclasses import replace
from math import exp
from statistics import fmean

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import rankdata

from facebone.attacks.base import ATTACKS
from facebone.errors import UsageError
from facebone.verification.metrics import auc


def paper(observed, *, gamma, a=None):
    """Share of z with (p(x|t) / p(x)) / (p(z|t) / p(z)) >= gamma, a loop over all pairs."""

    def right(m):
        return 1 / (1 + exp(-m))

    margins, trained = observed.shadows.margins(observed.same), observed.shadows.trained
    ratios = []
    for i, margin in enumerate(observed.margin()):
        inside = [right(m) for m, t in zip(margins[:, i], trained[:, i], strict=True) if t]
        outside = [right(m) for m, t in zip(margins[:, i], trained[:, i], strict=True) if not t]
        if a is None:
            usual = (fmean(inside) + fmean(outside)) / 2
        else:
            usual = ((1 + a) * fmean(outside) + (1 - a)) / 2
        ratios.append(right(margin) / usual)
    share = []
    for i, x in enumerate(ratios):
        share.append(fmean(x / z >= gamma for j, z in enumerate(ratios) if j != i))
    return share


@pytest.fixture
def even(random_answers):
    observed = random_answers(n=120, shadows=6, spread=1.5)
    rng = np.random.default_rng(1)
    trained = rng.permuted(np.arange(6)[:, None].repeat(120, 1) < 3, axis=0)
    return replace(observed, shadows=replace(observed.shadows, trained=trained))


@pytest.mark.parametrize("gamma", [1.0, 1.3, 2.0])
def test_online_counts_what_the_paper_counts(even, gamma):
    found = ATTACKS.make("rmia", {"gamma": gamma}).score(even)
    np.testing.assert_allclose(found, paper(even, gamma=gamma), atol=1e-6)
    assert len(np.unique(found)) > 30


@pytest.mark.parametrize("a", [0.0, 0.3, 1.0])
def test_offline_guesses_what_the_paper_guesses(even, a):
    found = ATTACKS.make("rmia", {"mode": "offline", "offline_a": a, "gamma": 1.5}).score(even)
    np.testing.assert_allclose(found, paper(even, gamma=1.5, a=a), atol=1e-6)


def test_offline_does_not_look_at_shadows_trained_on_the_candidate(even):
    shadows = even.shadows
    other = replace(shadows, log_odds=np.where(shadows.trained, np.float32(7), shadows.log_odds))
    attack = ATTACKS.make("rmia", {"mode": "offline"})
    changed = attack.score(replace(even, shadows=other))
    np.testing.assert_array_equal(changed, attack.score(even))


def test_finds_members_that_the_margin_alone_does_not(gaussian_target):
    observed, member = gaussian_target(2.0, difficulty=2.0)
    found = auc(ATTACKS.make("rmia").score(observed), member)
    assert found > auc(observed.margin(), member) + 0.02
    assert found > 0.72


@pytest.mark.parametrize("gap", [0.5, 1.0, 2.0])
def test_reaches_the_best_possible_where_candidates_are_alike(gaussian_target, gap):
    """Where none is harder than another the margin itself is the best test there is."""
    observed, member = gaussian_target(gap, n=20_000, shadows=128, seed=1, difficulty=0.0)
    best = float(ndtr(gap / 2**0.5))
    # The deviation of an AUC of 10,000 against 10,000 is about 0.004.
    assert auc(observed.margin(), member) == pytest.approx(best, abs=0.01)
    found = auc(ATTACKS.make("rmia", {"gamma": 1.0}).score(observed), member)
    assert found == pytest.approx(best, abs=0.01)


def test_the_shadows_order_does_not_matter(even, reordered):
    attack = ATTACKS.make("rmia")
    found = attack.score(reordered(even, np.arange(6)[::-1]))
    np.testing.assert_allclose(found, attack.score(even), atol=1e-12)


def test_shadows_of_one_kind_only(random_answers):
    observed = random_answers()
    for everyone in (True, False):
        trained = np.full_like(observed.shadows.trained, everyone)
        given = replace(observed, shadows=replace(observed.shadows, trained=trained))
        found = ATTACKS.make("rmia").score(given)
        ratio = observed.score[:, 0] * 0  # p(x) is then the mean over all shadows
        right = 1 / (1 + np.exp(-observed.shadows.margins(observed.same)))
        ratio = 1 / (1 + np.exp(-observed.margin())) / right.mean(axis=0)
        order = rankdata(found)
        assert (np.diff(order[np.argsort(ratio)]) >= 0).all()


def test_certain_and_impossible_answers_keep_their_order(beside):
    margins = np.full((4, 5), -900.0)
    trained = np.tile([[True], [False]], (2, 5))
    observed = beside(np.array([-900.0, -800.0, 0.0, 30.0, 900.0]), margins, trained)
    found = ATTACKS.make("rmia", {"gamma": 1.0}).score(observed)
    assert np.isfinite(found).all()
    assert (np.diff(found) >= 0).all()
    assert found[0] == 0


def test_equal_answers_get_equal_scores(beside):
    trained = np.tile([[True], [False]], (1, 4))
    observed = beside(np.ones(4), np.ones((2, 4)), trained)
    np.testing.assert_array_equal(ATTACKS.make("rmia").score(observed), np.zeros(4))
    one = ATTACKS.make("rmia", {"gamma": 1.0}).score(observed)
    np.testing.assert_array_equal(one, np.ones(4))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": 1}, "mode: must be online or offline, got 1"),
        ({"gamma": 0.9}, "gamma: must be a number of at least 1, got 0.9"),
        ({"offline_a": -0.1}, "offline_a: must be a number of at least 0"),
        ({"offline_a": 1.1}, "offline_a: must be at most 1, got 1.1"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(UsageError, match=message):
        ATTACKS.make("rmia", settings)
