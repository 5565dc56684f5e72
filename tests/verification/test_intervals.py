"""Intervals: against closed forms and simulation, and the bootstrap against a loop."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from facebone.errors import UsageError
from facebone.verification.estimates import Estimate, Refused
from facebone.verification.intervals import (
    bootstrap,
    clopper_pearson,
    hull,
    never_certain,
    percentile_interval,
    resample_pairs,
    standard_error,
    t_interval,
)
from facebone.verification.metrics import auc, eer, tar_at_far


@pytest.mark.parametrize(("k", "n"), [(0, 10), (1, 10), (7, 10), (10, 10), (3, 3000), (1, 1)])
def test_clopper_pearson_solves_its_definition(k, n):
    """The bounds are the rates at which what was seen, or more of it, has probability 2.5 %."""
    found = clopper_pearson(k, n)
    assert found.value == k / n
    if k:
        assert stats.binom.sf(k - 1, n, found.low) == pytest.approx(0.025)
    else:
        assert found.low == 0
    if k < n:
        assert stats.binom.cdf(k, n, found.high) == pytest.approx(0.025)
    else:
        assert found.high == 1
    theirs = stats.binomtest(k, n).proportion_ci(method="exact")
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))


@pytest.mark.parametrize(("k", "n"), [(1, 0), (-1, 5), (6, 5)])
def test_impossible_counts_are_refused(k, n):
    with pytest.raises(UsageError, match="is no rate"):
        clopper_pearson(k, n)


def test_t_interval_is_the_textbook_one():
    values = [0.98, 0.99, 1.0, 0.97, 0.985]
    found = t_interval(values)
    theirs = stats.t.interval(0.95, 4, loc=np.mean(values), scale=stats.sem(values))
    assert (found.low, found.high) == pytest.approx((theirs[0], min(1.0, theirs[1])))
    assert standard_error(values) == pytest.approx(stats.sem(values))


def test_t_interval_stays_inside_what_the_figure_can_be():
    assert t_interval([0.0, 1.0]) == Estimate(0.5, 0.0, 1.0)
    with pytest.raises(UsageError, match="at least two folds, got 1"):
        t_interval([0.5])


def test_hull_holds_the_value():
    assert hull(0.5, (0.6, 0.7), (0.55, 0.65)) == Estimate(0.5, 0.5, 0.7)


def test_percentiles_and_the_value_they_missed():
    replicates = np.linspace(0, 1, 1001)
    found = percentile_interval(0.5, replicates)
    assert isinstance(found, Estimate)
    assert (found.low, found.value, found.high) == pytest.approx((0.025, 0.5, 0.975))
    found = percentile_interval(0.99, replicates)
    assert isinstance(found, Estimate)
    assert (found.low, found.high) == pytest.approx((0.025, 0.99))


def test_resamples_without_a_class_are_left_out_or_refuse_the_figure():
    some = np.array([0.2, np.nan, 0.4, 0.3])
    found = percentile_interval(0.3, some)
    assert isinstance(found, Estimate)
    assert 0.2 <= found.low < found.high <= 0.4
    most = np.array([0.2, np.nan, np.nan, np.nan])
    refused = percentile_interval(0.2, most)
    assert isinstance(refused, Refused)
    assert "only 1 of 4 resamples" in refused.reason


def sample(pairs=60, people=20, seed=0, ties=True):
    rng = np.random.default_rng(seed)
    same = np.arange(pairs) < pairs // 2
    left = rng.integers(0, people, pairs)
    right = np.where(same, left, (left + rng.integers(1, people, pairs)) % people)
    scores = rng.normal(size=pairs) + same
    return (np.round(scores, 1) if ties else scores), same, (left, right)


@pytest.mark.parametrize("ties", [False, True])
def test_bootstrap_is_the_metrics_on_repeated_pairs(ties):
    """Each replicate, done the slow way: pairs written out as often as their people were drawn."""
    scores, same, (left, right) = sample(ties=ties)
    aucs, eers, tars = bootstrap(
        scores, same, people=(left, right), fars=(0.1, 0.3), rng=np.random.default_rng(5),
        replicates=40,
    )  # fmt: skip
    drawn = np.random.default_rng(5).integers(0, 20, size=(40, 20))
    for b in range(40):
        weight = [int(np.sum(drawn[b] == person)) for person in range(20)]
        rows = [
            row
            for row in range(len(scores))
            for _ in range(weight[left[row]] * (1 if same[row] else weight[right[row]]))
        ]
        s, y = scores[rows], same[rows]
        assert aucs[b] == pytest.approx(auc(s, y), abs=1e-12)
        assert eers[b] == pytest.approx(eer(s, y), abs=1e-12)
        assert tars[0, b] == tar_at_far(s, y, 0.1)
        assert tars[1, b] == tar_at_far(s, y, 0.3)


def test_classes_may_be_others_than_one_person_and_two():
    """Members and non-members are told apart; how often a pair counts still hangs on who it shows.

    The oracle writes pairs out as often as their people were drawn.
    """
    scores, one_person, (left, right) = sample()
    member = np.random.default_rng(1).random(60) < 0.5
    aucs, eers, tars = bootstrap(
        scores, member, people=(left, right), fars=(0.2,), rng=np.random.default_rng(5),
        replicates=40, one_person=one_person,
    )  # fmt: skip
    drawn = np.random.default_rng(5).integers(0, 20, size=(40, 20))
    for b in range(40):
        weight = np.bincount(drawn[b], minlength=20)
        rows = np.repeat(np.arange(60), weight[left] * np.where(one_person, 1, weight[right]))
        s, y = scores[rows], member[rows]
        assert aucs[b] == pytest.approx(auc(s, y), abs=1e-12)
        assert eers[b] == pytest.approx(eer(s, y), abs=1e-12)
        assert tars[0, b] == tar_at_far(s, y, 0.2)
    assumed, _, _ = bootstrap(
        scores, member, people=(left, right), fars=(), rng=np.random.default_rng(5), replicates=40
    )
    assert not np.allclose(assumed, aucs)


def test_how_often_pairs_count_in_resamples(monkeypatch):
    """In blocks of any size: one weight for a matched pair, the product for a mismatched one."""
    _, same, (left, right) = sample()
    monkeypatch.setattr("facebone.verification.intervals.BLOCK_VALUES", 7 * 60)
    blocks = list(
        resample_pairs(same, people=(left, right), rng=np.random.default_rng(5), replicates=40)
    )
    assert [block.shape for block in blocks] == [(60, 7)] * 5 + [(60, 5)]
    found = np.concatenate(blocks, axis=1)
    drawn = np.random.default_rng(5).integers(0, 20, size=(40, 20))
    for b in range(40):
        for row in range(60):
            times = int(np.sum(drawn[b] == left[row]))
            if not same[row]:
                times *= int(np.sum(drawn[b] == right[row]))
            assert found[row, b] == times


@pytest.mark.parametrize("value", [0.0, 0.25, 1.0])
def test_an_interval_without_width_becomes_the_exact_one(value):
    exact = clopper_pearson(round(value * 20), 20)
    assert never_certain(Estimate(value, value, value), 20) == Estimate(
        value, exact.low, exact.high
    )
    wide = Estimate(0.5, 0.4, 0.5)
    assert never_certain(wide, 20) is wide
    refused = Refused("why")
    assert never_certain(refused, 20) is refused


def test_bootstrap_over_pairs_where_people_are_unknown():
    scores, same, _ = sample()
    aucs, _, _ = bootstrap(
        scores, same, people=None, fars=(), rng=np.random.default_rng(5), replicates=30
    )
    drawn = np.random.default_rng(5).integers(0, 60, size=(30, 60))
    slow = [auc(scores[rows], same[rows]) for rows in drawn]
    np.testing.assert_allclose(aucs, slow, atol=1e-12)


def test_blocks_change_nothing(monkeypatch):
    scores, same, people = sample()
    whole = bootstrap(
        scores, same, people=people, fars=(0.1,), rng=np.random.default_rng(1), replicates=50
    )
    monkeypatch.setattr("facebone.verification.intervals.BLOCK_VALUES", 7 * 60)
    parts = bootstrap(
        scores, same, people=people, fars=(0.1,), rng=np.random.default_rng(1), replicates=50
    )
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(a, b)


def test_names_of_people_may_be_words():
    scores, same, (left, right) = sample()
    words = np.array([f"person {i:02d}" for i in range(20)])
    numbers = bootstrap(
        scores, same, people=(left, right), fars=(), rng=np.random.default_rng(1), replicates=20
    )
    named = bootstrap(
        scores, same, people=(words[left], words[right]), fars=(),
        rng=np.random.default_rng(1), replicates=20,
    )  # fmt: skip
    np.testing.assert_array_equal(numbers[0], named[0])


def test_a_resample_of_one_class_has_no_figure():
    """Two people, one matched and one mismatched pair: only a draw of both people has figures."""
    scores, same = np.array([1.0, 0.0]), np.array([True, False])
    people = (np.array([0, 0]), np.array([0, 1]))
    aucs, _, _ = bootstrap(
        scores, same, people=people, fars=(), rng=np.random.default_rng(0), replicates=200
    )
    drawn = np.random.default_rng(0).integers(0, 2, size=(200, 2))
    np.testing.assert_array_equal(np.isnan(aucs), drawn.sum(axis=1) != 1)


def test_people_must_fit_the_pairs():
    scores, same, (left, _) = sample()
    with pytest.raises(UsageError, match=r"people: needs two columns of 60, got \(59,\)"):
        bootstrap(scores, same, people=(left, left[1:]), fars=(), rng=np.random.default_rng(0))


def test_interval_over_people_covers_where_the_one_over_pairs_does_not():
    """People who differ make their pairs rise and fall together; truth is known by simulation.

    Every person has an effect of their own on all their ten matched pairs. The interval over
    people must cover the true AUC about as often as it says (with 120 trials, less than 0.88 has
    probability 1e-3 if 0.95 is true), the one over pairs far less often.
    """
    rng = np.random.default_rng(11)
    people, each = 25, 10
    person = np.repeat(np.arange(people), each)
    same = np.concatenate([np.ones(people * each, bool), np.zeros(people * each, bool)])
    other = (person + rng.integers(1, people, people * each)) % people
    left, right = np.concatenate([person, person]), np.concatenate([person, other])
    # Matched: 1 + person + noise; mismatched: noise. The difference is N(1, 1 + 1/2 + 1/2).
    truth = stats.norm.cdf(1 / np.sqrt(2))
    covered = {"people": 0, "pairs": 0}
    for trial in range(120):
        effect = rng.normal(size=people)
        noise = rng.normal(size=2 * people * each) * np.sqrt(0.5)
        scores = np.where(same, 1 + effect[left], 0.0) + noise
        for kind, given in (("people", (left, right)), ("pairs", None)):
            found, _, _ = bootstrap(
                scores, same, people=given, fars=(), rng=np.random.default_rng(trial),
                replicates=200,
            )  # fmt: skip
            low, high = np.percentile(found, [2.5, 97.5])
            covered[kind] += low <= truth <= high
    assert covered["people"] / 120 >= 0.88
    assert covered["pairs"] / 120 < 0.75
