"""LiRA: the paper's formula in plain loops, and the best possible test where it is known."""

from __future__ import annotations

from statistics import NormalDist, fmean

import numpy as np
import pytest
from scipy.special import ndtr

from facebone.attacks.base import ATTACKS
from facebone.errors import UsageError
from facebone.verification.metrics import auc

VARIANCES = ["shrunk", "global", "candidate"]


def of_each(observed):
    """Margin of the target, and lists of shadows' margins in and out, of each candidate."""
    margins = observed.shadows.margins(observed.same).tolist()
    trained = observed.shadows.trained.tolist()
    for i, margin in enumerate(observed.margin().tolist()):
        column = [(trained[s][i], margins[s][i]) for s in range(len(margins))]
        yield margin, [m for t, m in column if t], [m for t, m in column if not t]


def variance(values, about):
    return sum((v - about) ** 2 for v in values) / len(values)


def in_all(observed, trained):
    """The same answers, with another table of who was trained on what."""
    from dataclasses import replace

    return replace(observed, shadows=replace(observed.shadows, trained=trained))


@pytest.fixture
def even(random_answers):
    """Random answers of eight shadows, each candidate in the training of four."""
    observed = random_answers(n=80, shadows=8)
    rng = np.random.default_rng(1)
    return in_all(observed, rng.permuted(np.arange(8)[:, None].repeat(80, 1) < 4, axis=0))


def test_online_is_the_papers_ratio_of_densities(even):
    wanted = []
    for margin, inside, outside in of_each(even):
        densities = []
        for values in (inside, outside):
            mean = fmean(values)
            normal = NormalDist(mean, variance(values, mean) ** 0.5)
            # Its own logarithm: a density far out is 0 in float64.
            z = (margin - normal.mean) / normal.stdev
            densities.append(-z * z / 2 - np.log(normal.stdev))
        wanted.append(densities[0] - densities[1])
    found = ATTACKS.make("lira", {"variance": "candidate"}).score(even)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


def test_global_variance_is_one_for_all(even):
    squares, freedom, wanted = [0.0, 0.0], [0, 0], []
    for _, *kinds in of_each(even):
        for kind, values in enumerate(kinds):
            squares[kind] += sum((v - fmean(values)) ** 2 for v in values)
            freedom[kind] += len(values) - 1
    w = [s / f for s, f in zip(squares, freedom, strict=True)]
    for margin, *kinds in of_each(even):
        logs = [
            -((margin - fmean(v)) ** 2) / 2 / w[k] - np.log(w[k]) / 2 for k, v in enumerate(kinds)
        ]
        wanted.append(logs[0] - logs[1])
    found = ATTACKS.make("lira", {"variance": "global"}).score(even)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


def test_offline_is_the_papers_tail_probability(even):
    wanted = []
    for margin, _, outside in of_each(even):
        mean = fmean(outside)
        wanted.append(NormalDist(mean, variance(outside, mean) ** 0.5).cdf(margin))
    found = ATTACKS.make("lira", {"mode": "offline", "variance": "candidate"}).score(even)
    np.testing.assert_allclose(ndtr(found), wanted, atol=1e-9)


def test_offline_does_not_look_at_shadows_trained_on_the_candidate(even):
    from dataclasses import replace

    shadows = even.shadows
    other = np.where(shadows.trained, np.float32(7), shadows.log_odds)
    changed = replace(even, shadows=replace(shadows, log_odds=other))
    attack = ATTACKS.make("lira", {"mode": "offline"})
    np.testing.assert_array_equal(attack.score(changed), attack.score(even))


@pytest.mark.parametrize("kind", ["shrunk", "global"])
@pytest.mark.parametrize("gap", [0.5, 1.0, 2.0])
def test_reaches_the_best_test_there_is(gaussian_target, kind, gap):
    observed, member = gaussian_target(gap, n=12000, shadows=96, seed=3)
    found = auc(ATTACKS.make("lira", {"variance": kind}).score(observed), member)
    # Two normal distributions `gap` apart: Phi(gap / sqrt 2). Its own deviation is 0.005 here.
    assert found == pytest.approx(float(ndtr(gap / 2**0.5)), abs=0.01)
    if gap < 2:
        # The margin alone loses to how much candidates differ.
        assert auc(observed.margin(), member) < found - 0.03


def test_reaches_the_best_test_where_candidates_leak_differently(beside):
    rng = np.random.default_rng(5)
    n, S = 12000, 96
    gaps = rng.choice([0.3, 1.0, 2.5], n)
    hard, member = 3 * rng.normal(size=n), rng.random(n) < 0.5
    trained = rng.random((S, n)) < 0.5
    margins = hard + gaps * trained + rng.normal(size=(S, n))
    observed = beside(hard + gaps * member + rng.normal(size=n), margins, trained)
    found = ATTACKS.make("lira", {"variance": "global"}).score(observed)
    # The log ratio is normal, +-gap^2 / 2 with deviation gap, so a member of gap a is above a
    # non-member of gap b with the probability Phi((a^2 + b^2) / 2 / sqrt(a^2 + b^2)).
    a, b = np.meshgrid([0.3, 1.0, 2.5], [0.3, 1.0, 2.5])
    best = float(ndtr(np.sqrt(a**2 + b**2) / 2).mean())
    assert auc(found, member) == pytest.approx(best, abs=0.01)


def test_shrunk_variances_are_worth_it_where_shadows_are_few(gaussian_target):
    observed, member = gaussian_target(1.5, shadows=6, seed=7)
    figures = [
        auc(ATTACKS.make("lira", {"variance": v}).score(observed), member) for v in VARIANCES
    ]
    assert figures[0] > figures[2] + 0.03
    assert figures[0] == pytest.approx(figures[1], abs=0.01)


def test_shrunk_variances_follow_candidates_where_shadows_are_many(beside):
    rng = np.random.default_rng(8)
    n, S = 4000, 64
    noise = np.exp(rng.normal(size=n))
    member, trained = rng.random(n) < 0.5, rng.random((S, n)) < 0.5
    margins = trained + noise * rng.normal(size=(S, n))
    observed = beside(member + noise * rng.normal(size=n), margins, trained)
    shrunk, shared, own = (
        auc(ATTACKS.make("lira", {"variance": v}).score(observed), member) for v in VARIANCES
    )
    assert shrunk > shared + 0.02
    assert shrunk >= own - 0.002


def test_a_candidate_without_one_kind_of_shadow_gets_the_usual_gap(random_answers):
    observed = random_answers(n=200, shadows=8)
    trained = observed.shadows.trained.copy()
    trained[:, 0], trained[:, 1] = True, False
    observed = in_all(observed, trained)
    (m0, in0, _), (m1, _, out1), *rest = of_each(observed)
    gap = fmean(fmean(i) - fmean(o) for _, i, o in rest)
    found = ATTACKS.make("lira", {"variance": "global"}).score(observed)
    squares = [sum(variance(v, fmean(v)) * len(v) for _, *k in of_each(observed) if (v := k[j]))
               for j in (0, 1)]  # fmt: skip
    freedom = [sum(max(len(k[j]) - 1, 0) for _, *k in of_each(observed)) for j in (0, 1)]
    w_in, w_out = (s / f for s, f in zip(squares, freedom, strict=True))
    for place, margin, mean_in, mean_out in (
        (0, m0, fmean(in0), fmean(in0) - gap),
        (1, m1, fmean(out1) + gap, fmean(out1)),
    ):
        wanted = (margin - mean_out) ** 2 / w_out - (margin - mean_in) ** 2 / w_in
        wanted = (wanted + np.log(w_out / w_in)) / 2
        assert found[place] == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("everyone", [True, False])
def test_without_one_kind_of_shadow_at_all_it_is_offline(random_answers, everyone):
    observed = random_answers()
    observed = in_all(observed, np.full_like(observed.shadows.trained, everyone))
    online = ATTACKS.make("lira").score(observed)
    np.testing.assert_array_equal(online, ATTACKS.make("lira", {"mode": "offline"}).score(observed))
    assert len(np.unique(online)) == len(online)


def test_one_shadow_compares_with_the_usual_gap(gaussian_target, reordered):
    observed, member = gaussian_target(2.0, seed=9)
    found = ATTACKS.make("lira").score(reordered(observed, [0]))
    assert np.isfinite(found).all()
    # A difference of two noises: Phi(2 / sqrt 4) = 0.841 where the gap is known exactly.
    assert auc(found, member) == pytest.approx(float(ndtr(1)), abs=0.02)


def test_answers_known_by_heart_are_told_without_a_warning(beside):
    rng = np.random.default_rng(0)
    member, trained = rng.random(100) < 0.5, rng.random((8, 100)) < 0.5
    for kind in VARIANCES:
        observed = beside(np.where(member, 700.0, -700), np.where(trained, 700.0, -700), trained)
        found = ATTACKS.make("lira", {"variance": kind}).score(observed)
        assert found[member].min() > found[~member].max()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "on"}, "mode: must be online or offline, got 'on'"),
        ({"variance": 3}, "variance: must be shrunk or global or candidate, got 3"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(UsageError, match=message):
        ATTACKS.make("lira", settings)
