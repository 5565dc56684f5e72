"""Attacks on whole pictures and people: densities and summaries in plain loops, planted leaks."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean, median, pstdev

import numpy as np
import pytest
from scipy.stats import norm

from facebone.attacks.base import ATTACKS
from facebone.attacks.membership.lira import log_ratio
from facebone.attacks.membership.set_attack import means
from facebone.attacks.membership.set_description import describe_set
from facebone.attacks.membership.shadow_attack import Compared
from facebone.attacks.membership.shadow_posterior import expect
from facebone.attacks.probe_answers import ProbeAnswers
from facebone.data.splits import Level
from facebone.errors import UsageError
from facebone.verification.metrics import auc

NAMES = ["set_likelihood", "set_classifier"]


@pytest.fixture
def world(beside):
    """People with one to eight pairs each; how much of the noise their pairs share is `shared`.

    Every other pair leaks, by `gap` deviations of the noise, and pairs differ in how hard they are.
    """

    def make(gap, n=500, shadows=12, most=8, shared=0.2, seed=0):
        rng = np.random.default_rng(seed)
        candidate = np.repeat(np.arange(n), rng.integers(1, most + 1, n))
        r = len(candidate)
        trained = rng.random((shadows + 1, n)) < 0.5
        margins = 2 * rng.normal(size=r) + gap * (rng.random(r) < 0.5) * trained[:, candidate]
        margins = margins + shared**0.5 * rng.normal(size=(shadows + 1, n))[:, candidate]
        margins += (1 - shared) ** 0.5 * rng.normal(size=(shadows + 1, r))
        probes = ProbeAnswers(
            candidate, margins[0], rng.random(r) < 0.4, margins[1:].astype(np.float32), n
        )
        counts = np.bincount(candidate)
        mean = np.stack([np.bincount(candidate, weights=row) / counts for row in margins])
        observed = beside(mean[0], mean[1:], trained[1:])
        return replace(observed, probes=probes), trained[0]

    return make


def compared(observed):
    probes = observed.probes
    trained = observed.shadows.trained[:, probes.candidate]
    margins = probes.margins.astype(np.float64)
    first = np.searchsorted(probes.candidate, np.arange(probes.size))
    return Compared(probes.margin, margins, trained, probes.same), first


@pytest.mark.parametrize("combine", ["sum", "mean"])
def test_likelihood_is_that_of_normal_densities_pair_by_pair(world, combine):
    observed, _ = world(1.0, n=40, shadows=10)
    probes, shadows = observed.probes, observed.shadows
    # Half of the shadows were trained on each, so that there are enough of both kinds.
    rng = np.random.default_rng(1)
    trained = rng.permuted(np.arange(10)[:, None].repeat(40, 1) < 5, axis=0)
    observed = replace(observed, shadows=replace(shadows, trained=trained))
    wanted = []
    for i in range(40):
        ratios = []
        for row in range(len(probes.candidate)):
            if probes.candidate[row] != i:
                continue
            inside = [float(probes.margins[s, row]) for s in range(10) if trained[s, i]]
            outside = [float(probes.margins[s, row]) for s in range(10) if not trained[s, i]]
            near, far = (
                norm.logpdf(probes.margin[row], fmean(v), pstdev(v)) for v in (inside, outside)
            )
            ratios.append(near - far)
        wanted.append(sum(ratios) if combine == "sum" else fmean(ratios))
    settings = {"combine": combine, "variance": "candidate"}
    found = ATTACKS.make("set_likelihood", settings).score(observed)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


def test_a_description_is_that_of_a_loop(world):
    observed, _ = world(1.0, n=60, shadows=5)
    pairs, first = compared(observed)
    found, probes = describe_set(pairs, first), observed.probes
    usual = expect(pairs.margins, pairs.trained, pairs.same)
    every = [log_ratio(pairs, "online", "shrunk"), usual.log_ratio(pairs.margin)]
    missing = 0
    for i in range(60):
        rows = [row for row in range(len(probes.candidate)) if probes.candidate[row] == i]
        kinds = [
            [row for row in rows if probes.same[row]],
            [row for row in rows if not probes.same[row]],
            rows,
        ]
        wanted = [float(len(rows))]
        for kind in kinds:
            values = [float(probes.margin[row]) for row in kind]
            missing += not values
            wanted += (
                [fmean(values), pstdev(values), min(values), max(values), median(values)]
                if values
                else [np.nan] * 5
            )
        for ratios in every:
            for kind in kinds:
                values = [float(ratios[row]) for row in kind]
                wanted += (
                    [fmean(values), max(values), sum(values)] if values else [np.nan, np.nan, 0.0]
                )
        np.testing.assert_allclose(found[i, :-2], wanted, rtol=1e-9, atol=1e-9)
    assert missing > 10
    lira = ATTACKS.make("lira").score(replace(observed, probes=None))
    np.testing.assert_allclose(found[:, -2], lira, rtol=1e-4, atol=1e-4)


def test_means_over_pairs_are_those_of_a_loop(world):
    observed, _ = world(1.0, n=30, shadows=4)
    pairs, first = compared(observed)
    found = means(pairs, first)
    for i in range(30):
        rows = observed.probes.candidate == i
        assert found.margin[i] == pytest.approx(pairs.margin[rows].mean())
        np.testing.assert_allclose(found.margins[:, i], pairs.margins[:, rows].mean(axis=1))
    np.testing.assert_array_equal(found.trained, observed.shadows.trained)


@pytest.mark.parametrize("name", NAMES)
def test_finds_people_by_pairs_of_which_some_leak(world, name):
    attack = ATTACKS.make(name)
    assert attack.levels == (Level.IMAGE, Level.IDENTITY)
    observed, member = world(4.0, most=12, shadows=16)
    found = auc(attack.score(observed), member)
    assert found > 0.95
    # The mean mixes pairs that leak with such that do not.
    assert auc(ATTACKS.make("lira").score(observed), member) < found - 0.02


@pytest.mark.parametrize("name", NAMES)
def test_finds_nothing_where_training_changes_nothing(world, name):
    observed, member = world(0.0, n=1500, shadows=8)
    found = ATTACKS.make(name).score(observed)
    assert auc(found, member) == pytest.approx(0.5, abs=3.5 * (1 / 4500) ** 0.5)


def test_the_classifier_learns_what_a_sum_overlooks(world):
    """Where pairs share much of their noise, one that leaks stands out beside one that does not."""
    observed, member = world(1.5, n=600, shadows=16, shared=0.8)
    likelihood, classifier = (auc(ATTACKS.make(name).score(observed), member) for name in NAMES)
    assert classifier > likelihood + 0.02


def test_the_sum_is_better_than_the_mean_where_pairs_share_nothing(world):
    observed, member = world(1.0, n=2000, shadows=32, shared=0.0, most=20)
    total, mean = (
        auc(ATTACKS.make("set_likelihood", {"combine": c}).score(observed), member)
        for c in ("sum", "mean")
    )
    assert total > mean + 0.01
    default = auc(ATTACKS.make("set_likelihood").score(observed), member)
    assert default == total


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_candidates_their_pairs_and_shadows_does_not_matter(world, name):
    observed, _ = world(1.5, n=150, shadows=6)
    attack, rng = ATTACKS.make(name), np.random.default_rng(1)
    found, rows = attack.score(observed), rng.permutation(150)
    np.testing.assert_allclose(attack.score(observed.take(rows)), found[rows], atol=1e-6)
    order, probes = rng.permutation(6), observed.probes
    within = np.lexsort((rng.random(len(probes.candidate)), probes.candidate))
    turned = replace(
        observed,
        shadows=observed.shadows.choose(order),
        probes=ProbeAnswers(
            probes.candidate,
            probes.margin[within],
            probes.same[within],
            probes.margins[order][:, within],
            150,
        ),
    )
    np.testing.assert_allclose(attack.score(turned), found, atol=1e-6)


@pytest.mark.parametrize("same", [True, False])
def test_pairs_of_one_kind_alone_will_do(world, same):
    observed, member = world(3.0, n=300)
    probes = replace(observed.probes, same=np.full_like(observed.probes.same, same))
    found = ATTACKS.make("set_classifier").score(replace(observed, probes=probes))
    assert auc(found, member) > 0.8


@pytest.mark.parametrize("everyone", [True, False])
def test_without_one_kind_of_shadow_the_margins_above_the_usual_tell(world, everyone):
    observed, _ = world(1.0, n=100, shadows=6)
    trained = np.full_like(observed.shadows.trained, everyone)
    given = replace(observed, shadows=replace(observed.shadows, trained=trained))
    higher = replace(given.probes, margin=given.probes.margin + 1)
    for name in NAMES:
        attack = ATTACKS.make(name, {} if name == "set_likelihood" else {"align": False})
        assert (attack.score(replace(given, probes=higher)) > attack.score(given)).all()


def test_larger_log_odds_of_some_verifiers_change_little_once_aligned(world):
    observed, member = world(3.0, n=400, shadows=8)
    scale = np.array([1, 3, 1, 2, 4, 1, 2, 1], dtype=np.float32)[:, None]
    other = replace(observed.probes, margins=observed.probes.margins * scale)
    other = replace(observed, probes=other)
    aligned, plain = (
        auc(ATTACKS.make("set_classifier", {"align": align}).score(other), member)
        for align in (True, False)
    )
    assert aligned > plain + 0.02


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("set_likelihood", {"combine": "max"}, "combine: must be sum or mean, got 'max'"),
        ("set_likelihood", {"mode": 1}, "mode: must be online or offline, got 1"),
        ("set_classifier", {"rounds": 0}, "rounds: must be an integer of at least 1, got 0"),
    ],
)
def test_bad_settings(name, settings, message):
    with pytest.raises(UsageError, match=message):
        ATTACKS.make(name, settings)
