"""Rates of an attack: against loops, closed forms, simulation and planted leaks."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facebone.audit.statistics import (
    FPRS,
    Leak,
    beats,
    figure_from_json,
    measure_auc,
    measure_leak,
)
from facebone.errors import UsageError
from facebone.verification.estimates import Estimate, Refused
from facebone.verification.intervals import clopper_pearson


def pairs(n=400, people=80, seed=0):
    """Members at random, matched at random, people of each pair."""
    rng = np.random.default_rng(seed)
    same = rng.random(n) < 0.5
    member = rng.permutation(np.arange(n) < n // 2)
    left = rng.integers(0, people, n)
    right = np.where(same, left, (left + rng.integers(1, people, n)) % people)
    return member, same, (left, right), rng


def slow_auc(scores, member):
    wins = [(a > b) + 0.5 * (a == b) for a in scores[member] for b in scores[~member]]
    return sum(wins) / len(wins)


def slow_tpr(scores, member, fpr):
    """The largest TPR of any threshold, tried one after the other."""
    best = 0.0
    for threshold in [*scores, np.inf]:
        claimed = scores >= threshold
        if np.mean(claimed[~member]) <= fpr:
            best = max(best, float(np.mean(claimed[member])))
    return best


def inside(figure):
    assert isinstance(figure, Estimate)
    assert 0 <= figure.low <= figure.value <= figure.high <= 1
    assert figure.low < figure.high
    return figure


@pytest.mark.parametrize("digits", [0, 1, 8])
def test_values_are_those_of_naive_loops(digits):
    member, same, people, rng = pairs(n=700)
    scores = np.round(rng.normal(size=700) + member, digits)
    claims = scores >= 0.6
    leak = measure_leak(scores, claims, member, same, people, seed=1, replicates=50)
    assert (leak.members, leak.non_members, leak.member_share) == (350, 350, 0.5)
    assert inside(leak.auc).value == pytest.approx(slow_auc(scores, member), abs=1e-12)
    right = (np.mean(claims[member]) + np.mean(~claims[~member])) / 2
    assert inside(leak.balanced_accuracy).value == pytest.approx(right, abs=1e-12)
    assert inside(leak.tpr_at_fpr[0.01]).value == slow_tpr(scores, member, 0.01)
    assert leak.tpr_at_fpr[0.001] == Refused(
        "TPR at FPR 0.001 needs at least 3000 non-members, got 350"
    )


@pytest.mark.parametrize("digits", [0, 8])
@pytest.mark.parametrize("known", [True, False])
def test_intervals_are_those_of_pairs_written_out(digits, known):
    """Each resample done the slow way, and the 25th of 1000 from either end taken."""
    member, same, (left, right), rng = pairs(n=640, people=60)
    scores = np.round(rng.normal(size=640) + 2 * member, digits)
    claims = scores >= 1
    people = (left, right) if known else None
    leak = measure_leak(scores, claims, member, same, people, seed=3, replicates=1000)
    from facebone.seeding import make_rng

    count = 60 if known else 640
    drawn = make_rng(3, "leak bootstrap").integers(0, count, size=(1000, count))
    aucs, tprs, accuracies = [], [], []
    order = np.argsort(scores, kind="stable")
    for row in drawn:
        weight = np.bincount(row, minlength=count)
        times = weight[left] * np.where(same, 1, weight[right]) if known else weight
        s, y, c = (np.repeat(column[order], times[order]) for column in (scores, member, claims))
        ours, theirs = s[y], s[~y]
        below = np.searchsorted(theirs, ours, "left") + np.searchsorted(theirs, ours, "right")
        aucs.append(below.mean() / 2 / len(theirs))
        accuracies.append((c[y].mean() + (~c[~y]).mean()) / 2)
        limits = np.unique(np.append(theirs, np.inf))
        allowed = [t for t in limits[-30:] if np.mean(theirs > t) <= 0.01]
        tprs.append(float(np.mean(ours > min(allowed))))
    for figure, slow in ((leak.auc, aucs), (leak.balanced_accuracy, accuracies)):
        ends = np.sort(slow)[[24, 975]]
        assert (inside(figure).low, figure.high) == pytest.approx(ends, abs=1e-12)
    found = inside(leak.tpr_at_fpr[0.01])
    exact = clopper_pearson(round(found.value * 320), 320)
    low, high = np.sort(tprs)[[24, 975]]
    assert found.low == pytest.approx(min(low, exact.low), abs=1e-12)
    assert found.high == pytest.approx(max(high, exact.high), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(4, 60),
    st.sampled_from([0, 1, 6]),
    st.floats(-30, 30),
    st.booleans(),
)
def test_swapped_labels_mirror_exactly_intervals_too(seed, n, digits, shift, known):
    member, same, people, rng = pairs(n=n, people=7, seed=seed)
    scores = np.round(rng.normal(size=n) + shift * member, digits)
    claims = rng.random(n) < 0.5
    for given_people in (people, None) if known else (None,):
        one = measure_leak(scores, claims, member, same, given_people, seed=1, replicates=60)
        other = measure_leak(scores, claims, ~member, same, given_people, seed=1, replicates=60)
        assert (other.members, other.non_members) == (one.non_members, one.members)
        for a, b in ((one.auc, other.auc), (one.balanced_accuracy, other.balanced_accuracy)):
            if isinstance(a, Refused):
                assert b == a
            else:
                assert b == Estimate(1 - a.value, 1 - a.high, 1 - a.low)
                assert inside(a)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_only_the_order_of_scores_counts_and_not_that_of_rows(seed):
    member, same, people, rng = pairs(n=320, people=30, seed=seed)
    scores = np.round(rng.normal(size=320) + member, 1)
    claims = scores > 0.5
    leak = measure_leak(scores, claims, member, same, people, seed=1, replicates=40)
    curved = np.exp(3 * scores)
    curved[scores == scores.max()] = np.inf
    assert measure_leak(curved, claims, member, same, people, seed=1, replicates=40) == leak
    row = rng.permutation(320)
    shuffled = measure_leak(
        scores[row], claims[row], member[row], same[row], (people[0][row], people[1][row]),
        seed=1, replicates=40,
    )  # fmt: skip
    assert shuffled == leak


def test_the_auc_alone_is_the_same():
    member, same, people, rng = pairs()
    scores = rng.normal(size=400) + 0.3 * member
    leak = measure_leak(scores, None, member, same, people, seed=5, replicates=200)
    assert measure_auc(scores, member, same, people, seed=5, replicates=200) == leak.auc
    assert leak.balanced_accuracy == Refused("the attack gives scores and claims nothing")


def test_seeds_move_the_interval_and_nothing_else():
    member, same, people, rng = pairs()
    scores = rng.normal(size=400) + 0.3 * member
    one, again, two = (
        measure_leak(scores, scores > 0, member, same, people, seed=seed) for seed in (1, 1, 2)
    )
    assert one == again
    assert one.auc.value == two.auc.value
    assert one.auc.low != two.auc.low


def test_constant_scores_say_nothing_with_an_honest_interval():
    """A half exactly, and as wide as that many trials make it, not a width of zero."""
    member, same, people, _ = pairs(n=200)
    leak = measure_leak(
        np.full(200, 0.3), np.ones(200, bool), member, same, people, seed=0, replicates=100
    )
    for figure in (leak.auc, leak.balanced_accuracy):
        assert inside(figure).value == 0.5
        exact = clopper_pearson(50, 100)
        assert (figure.low, figure.high) == pytest.approx((exact.low, exact.high), abs=1e-12)
    odd = np.concatenate([np.ones(33, bool), np.zeros(67, bool)])
    leak = measure_leak(np.zeros(100), None, odd, same[:100], None, seed=0, replicates=100)
    assert inside(leak.auc).low == 1 - leak.auc.high


def test_a_planted_leak_is_certain_but_for_the_size_of_the_sample():
    member, same, people, _ = pairs()
    leak = measure_leak(member.astype(float), member, member, same, people, seed=0)
    for figure in (leak.auc, leak.balanced_accuracy):
        assert inside(figure).value == 1.0
        assert figure.low == pytest.approx(clopper_pearson(200, 200).low)
    loud = measure_leak(
        np.tile(member, 10).astype(float), None, np.tile(member, 10), np.tile(same, 10), None,
        seed=0, replicates=100,
    )  # fmt: skip
    assert inside(loud.tpr_at_fpr[0.01]).value == 1.0
    assert isinstance(loud.tpr_at_fpr[0.001], Refused)


@pytest.mark.parametrize(("count", "refused"), [(2999, True), (3000, False)])
def test_a_rate_needs_three_over_itself_non_members(count, refused):
    rng = np.random.default_rng(0)
    member = np.arange(count + 40) < 40
    scores = rng.normal(size=count + 40) + 5 * member
    leak = measure_leak(scores, None, member, member, None, seed=0, replicates=20)
    assert isinstance(leak.tpr_at_fpr[0.001], Refused) == refused
    assert inside(leak.tpr_at_fpr[0.01])


def test_no_leak_is_inside_the_interval_about_as_often_as_it_says():
    """200 samples without a leak, people shared by pairs as in LFW. 95 % must cover a half.

    The pairs of one person have scores that resemble each other, and members are drawn by the
    pair. If the true coverage is 95 %, fewer than 180 of 200 have probability 0.2 %; on the wide
    side the product of two people's weights allows more, but an interval that always covers would
    be worth nothing: it is at most twice as wide as the spread of the AUC itself asks for.
    """
    covered, values, widths = 0, [], []
    for trial in range(200):
        member, same, people, rng = pairs(n=400, people=150, seed=trial)
        effect = rng.normal(size=150)
        scores = rng.normal(size=400) + effect[people[0]] * 0.5
        figure = measure_auc(scores, member, same, people, seed=trial, replicates=200)
        covered += figure.low <= 0.5 <= figure.high
        values.append(figure.value)
        widths.append(figure.high - figure.low)
    assert covered >= 180
    assert np.mean(widths) < 2 * (2 * 1.96 * np.std(values))


def test_too_few_people_refuse_the_interval():
    """One member, of one person: a resample misses that person with probability 36 %, and most
    miss the member where it counts for two people who must both be drawn.
    """
    crowd = np.arange(40)
    member = crowd == 0
    seen = {
        same: measure_auc(
            np.linspace(0, 1, 40), member, np.full(40, same) | ~member,
            (crowd, np.where(member & (not same), 1, crowd)), seed=1,
        )
        for same in (True, False)
    }  # fmt: skip
    assert isinstance(seen[True], Estimate)
    refused = seen[False]
    assert isinstance(refused, Refused)
    assert "resamples hold members and non-members: too few people or pairs" in refused.reason


def broken(**changes):
    member, same, people, rng = pairs(n=50)
    columns = {
        "scores": rng.normal(size=50), "claims": None, "member": member, "same": same,
        "people": people, "seed": 0,
    }  # fmt: skip
    columns |= changes
    return measure_leak(**columns)


def test_no_members():
    with pytest.raises(UsageError, match="membership: needs members and non-members, got 0 and 50"):
        broken(member=np.zeros(50, bool))


def test_members_only():
    with pytest.raises(UsageError, match="membership: needs members and non-members, got 50 and 0"):
        broken(member=np.ones(50, bool))


def test_scores_that_are_not_numbers():
    scores = np.zeros(50)
    scores[[7, 9]] = np.nan
    with pytest.raises(
        UsageError, match="attack scores: 2 of 50 are not a number, the first in row 7"
    ):
        broken(scores=scores)


@pytest.mark.parametrize("name", ["member", "same", "claims"])
def test_columns_that_do_not_fit(name):
    with pytest.raises(UsageError, match=rf"{name}: must be bool of the shape of the scores"):
        broken(**{name: np.zeros(49, bool)})
    with pytest.raises(UsageError, match=rf"{name}: must be bool of the shape .* got int64"):
        broken(**{name: np.zeros(50, int)})


def test_people_that_do_not_fit():
    with pytest.raises(UsageError, match="people: needs two columns of 50"):
        broken(people=(np.zeros(50), np.zeros(49)))


def test_no_replicates():
    with pytest.raises(UsageError, match="replicates: must be at least 1, got 0"):
        broken(replicates=0)


def test_a_leak_survives_json():
    member, same, people, rng = pairs(n=700)
    scores = rng.normal(size=700)
    leak = measure_leak(scores, scores > 0, member, same, people, seed=1, replicates=20)
    text = json.dumps(leak.to_json())
    assert Leak.from_json(json.loads(text)) == leak
    assert set(json.loads(text)["tpr_at_fpr"]) == {f"{fpr:g}" for fpr in FPRS} == {"0.01", "0.001"}
    silent = replace(leak, balanced_accuracy=Refused("why"))
    assert Leak.from_json(silent.to_json()) == silent
    assert figure_from_json({"refused": "why"}) == Refused("why")


@pytest.mark.parametrize(
    ("main", "other", "expected"),
    [
        ((0.60, 0.57, 0.63), (0.50, 0.47, 0.53), True),
        # Above the other by more than either half width, not by the root of their squares.
        ((0.54, 0.51, 0.57), (0.505, 0.475, 0.535), False),
        # Above the other, but not above a half.
        ((0.48, 0.45, 0.51), (0.40, 0.37, 0.43), False),
        ((0.60, 0.57, 0.63), (0.60, 0.57, 0.63), False),
        ((0.55, 0.52, 0.58), (0.70, 0.67, 0.73), False),
    ],
)  # fmt: skip
def test_what_beats_a_control(main, other, expected):
    assert beats(Estimate(*main), Estimate(*other)) is expected


def test_nothing_beats_what_is_refused():
    figure = Estimate(0.9, 0.8, 0.95)
    assert beats(figure, Refused("why")) is None
    assert beats(Refused("why"), figure) is None
