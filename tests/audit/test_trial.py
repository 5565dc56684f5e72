"""Trials: nothing is scored by an attack that saw it, and nothing is found where nothing is."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facebone.attacks.access import Access
from facebone.attacks.base import ATTACKS, MembershipAttack
from facebone.attacks.observations import Observations
from facebone.audit.crossfit import cross_scores, deal_halves
from facebone.audit.score_table import CONTROL, MEMBER, NON_MEMBER, ScoreTable
from facebone.audit.statistics import Leak, measure_auc
from facebone.audit.trial import LEAST, Trial, reference_trial, run_trial
from facebone.errors import UsageError
from facebone.seeding import derive_seed
from facebone.verification.estimates import Estimate, Refused
from facebone.verification.intervals import clopper_pearson


class Margin(MembershipAttack):
    """Sure and right: a member. Learns nothing."""

    name = "margin"
    summary = "the margin"
    access = Access.SCORE
    knowledge = "none"

    def _score(self, observed):
        return observed.margin()


class Memory(MembershipAttack):
    """Knows again what it was fitted to and answers with its membership; a coin for the rest."""

    name = "memory"
    summary = "the cheat that a fit and score on the same candidates rewards"
    access = Access.SCORE
    knowledge = "none"
    learns = True

    def _fit(self, known, member, *, seed):
        self.known = dict(zip(known.score[:, 0].tolist(), member.tolist(), strict=True))
        self.seed = seed

    def _score(self, observed):
        coin = np.random.default_rng(derive_seed(self.seed, len(observed)))
        chance = coin.random(len(observed))
        return np.array(
            [
                float(self.known.get(score, guess))
                for score, guess in zip(observed.score[:, 0], chance, strict=True)
            ]
        )


class Learner(MembershipAttack):
    """The direction in which members' margins differ, learnt; scores on a scale of its own."""

    name = "learner"
    summary = "the sign of a difference of means"
    access = Access.SCORE
    knowledge = "none"
    learns = True
    fits: ClassVar[list[tuple[set, set]]] = []

    def _fit(self, known, member, *, seed):
        margin = known.margin()
        self.slope = margin[member].mean() - margin[~member].mean()
        self.seen = set(margin.tolist())
        # Every fit another scale and origin: scores of two fits cannot be compared.
        rng = np.random.default_rng(seed)
        self.scale, self.shift = rng.uniform(0.1, 10), rng.normal() * 100

    def _score(self, observed):
        self.fits.append((self.seen, set(observed.margin().tolist())))
        return observed.margin() * self.slope * self.scale + self.shift


@pytest.fixture
def fits(monkeypatch):
    """What each fit saw, and what it was asked to score."""
    found = []
    monkeypatch.setattr(Learner, "fits", found)
    return found


def table(
    n=600, leak=0.0, control=200, seed=0, people=80, queries=1, blind=True, share=0.5
) -> ScoreTable:
    """A target's answers: `leak` is what members' margins gain."""
    rng = np.random.default_rng(seed)
    rows = n + control
    same = rng.random(rows) < 0.5
    membership = np.full(rows, CONTROL, dtype=np.int8)
    membership[:n] = rng.permutation(np.where(np.arange(n) < share * n, MEMBER, NON_MEMBER))
    drawn = (membership == CONTROL) & (rng.random(rows) < 0.5)
    left = rng.integers(0, people, rows)
    right = np.where(same, left, (left + rng.integers(1, people, rows)) % people)
    margin = rng.normal(size=(rows, 1)) + leak * (membership == MEMBER)[:, None]
    odds = np.where(same[:, None], margin, -margin) + 0.5 * rng.normal(size=(rows, queries))
    order = rng.permutation(rows)
    names = np.array([f"p{i:03d}" for i in range(people)])
    found = ScoreTable(
        left=np.array([f"l{i}" for i in range(rows)]),
        right=np.array([f"r{i}" for i in range(rows)]),
        people=(names[left], names[right]),
        membership=membership,
        drawn=drawn,
        answers=Observations.from_scores(1 / (1 + np.exp(-odds)), same),
        blind=Observations.from_scores(rng.random(rows), same) if blind else None,
    )
    return found.take(order)


def inside(figure) -> Estimate:
    assert isinstance(figure, Estimate)
    return figure


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 90), st.floats(0, 1), st.floats(0, 1))
def test_halves_are_equal_in_everything(seed, n, members, matched):
    rng = np.random.default_rng(seed)
    member, same = rng.random(n) < members, rng.random(n) < matched
    half = deal_halves(member, same, seed=seed)
    assert set(np.unique(half)) <= {0, 1}

    def difference(rows):
        return abs(int(np.sum(half[rows] == 0)) - int(np.sum(half[rows] == 1)))

    assert difference(np.ones(n, bool)) <= 1
    assert difference(member) <= 1
    assert difference(~member) <= 1
    for is_member in (True, False):
        for is_same in (True, False):
            assert difference((member == is_member) & (same == is_same)) <= 1


def test_halves_differ_between_seeds():
    member = np.arange(100) < 50
    one, again, two = (deal_halves(member, member, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert (one != two).any()


def test_no_candidate_is_scored_by_a_fit_that_saw_it(fits):
    answers = table()
    run_trial(Learner, answers, seed=3, replicates=5)
    # Candidates 2 fits and 4 for thresholds, control likewise, baseline 2.
    assert len(fits) == 14
    for seen, asked in fits:
        assert not seen & asked
        assert len(seen) == pytest.approx(len(asked), abs=1)
    candidates = set(answers.answers.margin()[answers.candidates].tolist())
    control = set(answers.answers.margin()[answers.control].tolist())
    for seen, asked in fits:
        both = seen | asked
        assert both <= candidates or both <= control or not both & (candidates | control)


def test_thresholds_of_a_half_never_look_at_it(fits):
    """Claims on one half come from fits and scores of the other alone, up to the ranks in it."""
    answers = table(control=0, blind=False)
    run_trial(Learner, answers, seed=3, replicates=5)
    (first, asked_first), (second, asked_second), *inner = fits
    assert first == asked_second
    assert second == asked_first
    for seen, asked in inner[:2]:
        assert seen | asked == first
    for seen, asked in inner[2:]:
        assert seen | asked == second


def test_memory_finds_nothing_here_and_everything_in_the_reference():
    answers = table(leak=0.0, share=0.8)
    trial = run_trial(Memory, answers, seed=1)
    figure = inside(trial.leak.auc)
    assert figure.low < 0.5 < figure.high
    believed = reference_trial(Memory, answers, seed=1)
    assert believed.accuracy.value == 1.0
    assert believed.control_accuracy.value == 1.0
    assert believed.member_share == 0.8
    assert (believed.members, believed.non_members) == (480, 120)
    assert believed.accuracy == clopper_pearson(600, 600)


@pytest.mark.parametrize("attack", [Margin, Learner])
def test_a_leak_is_found_and_beats_control_and_baseline(attack):
    trial = run_trial(attack, table(n=2000, leak=1.0), seed=0)
    # Noise of deviation 1 and 0.5 in margins of one query: the AUC is that of N(1, 2 * 1.25).
    assert inside(trial.leak.auc).value == pytest.approx(0.736, abs=0.03)
    assert inside(trial.leak.balanced_accuracy).value == pytest.approx(0.673, abs=0.03)
    control, baseline = inside(trial.control), inside(trial.baseline)
    assert control.low < 0.5 < control.high
    assert baseline.low < 0.5 < baseline.high
    assert trial.beats_control is True
    assert trial.beats_baseline is True


@pytest.mark.parametrize("attack", [Margin, Learner])
def test_no_leak_is_inside_the_interval(attack):
    """The interval holds a half in at least 18 of 20 seeds, of candidates and of control pairs."""
    held = {"leak": 0, "control": 0}
    beaten = 0
    for seed in range(20):
        trial = run_trial(attack, table(n=400, seed=seed), seed=seed, replicates=200)
        held["leak"] += inside(trial.leak.auc).low <= 0.5 <= inside(trial.leak.auc).high
        held["control"] += inside(trial.control).low <= 0.5 <= inside(trial.control).high
        beaten += trial.beats_control is True
    assert min(held.values()) >= 18, held
    assert beaten <= 1


def test_scores_of_two_fits_are_put_on_one_scale():
    """Raw scores of the two fits lie 100s apart: pooled as they are, the leak would all but go."""
    answers = table(n=2000, leak=1.0, control=0, blind=False)
    rows = answers.candidates
    seen, member = answers.answers.take(rows), answers.member[rows]
    own = derive_seed(0, "trial")
    half = deal_halves(member, seen.same, seed=own)
    raw = np.empty(2000)
    for number in (0, 1):
        attack = Learner()
        attack.fit(
            seen.take(half != number), member[half != number], seed=derive_seed(own, "fit", number)
        )
        raw[half == number] = attack.score(seen.take(half == number))
    scores = cross_scores(Learner, seen, member, own)
    for number in (0, 1):
        # The order within a half is kept, and the scale is the share of the half.
        order = np.argsort(raw[half == number])
        np.testing.assert_allclose(scores[half == number][order], (np.arange(1000) + 0.5) / 1000)

    def area(values):
        return inside(measure_auc(values, member, seen.same, None, seed=0, replicates=5)).value

    assert area(raw) < 0.66
    assert area(scores) == pytest.approx(0.736, abs=0.03)
    within = [area_of(raw[half == number], member[half == number]) for number in (0, 1)]
    assert area(scores) == pytest.approx(np.mean(within), abs=0.01)


def area_of(scores, member):
    return np.mean(
        (scores[member][:, None] > scores[~member])
        + 0.5 * (scores[member][:, None] == scores[~member])
    )


def test_ties_stay_ties():
    class Steps(Learner):
        def _score(self, observed):
            return np.floor(observed.margin())

    answers = table(control=0, blind=False).answers
    member = table(control=0, blind=False).member
    scores = cross_scores(Steps, answers, member, 1)
    half = deal_halves(member, answers.same, seed=1)
    for number in (0, 1):
        steps = np.floor(answers.margin()[half == number])
        pairs = set(zip(steps, scores[half == number], strict=True))
        assert len(pairs) == len(set(steps)) == len({score for _, score in pairs})
        assert sorted(pairs) == sorted(pairs, key=lambda pair: pair[1])


def test_an_attack_that_does_not_learn_keeps_its_scores():
    answers = table()
    trial = run_trial(Margin, answers, seed=0, replicates=5)
    np.testing.assert_array_equal(trial.attack_score, answers.answers.margin())


def test_columns_have_a_row_for_every_row_of_the_table():
    answers = table(leak=1.0)
    trial = run_trial(Learner, answers, seed=0, replicates=5)
    assert trial.attack_score.shape == trial.claimed.shape == (800,)
    assert np.isfinite(trial.attack_score).all()
    assert trial.claimed.dtype == np.bool_
    rows = answers.candidates
    member, claimed = answers.member[rows], trial.claimed[rows]
    right = (np.mean(claimed[member]) + np.mean(~claimed[~member])) / 2
    assert inside(trial.leak.balanced_accuracy).value == pytest.approx(right)


def test_the_figures_are_those_of_the_columns():
    """What is written beside the figures gives the figures again."""
    answers = table(leak=0.5)
    trial = run_trial(Learner, answers, seed=0, replicates=50)
    rows = answers.candidates
    found = area_of(trial.attack_score[rows], answers.member[rows])
    assert inside(trial.leak.auc).value == pytest.approx(found)
    rows = answers.control
    found = area_of(trial.attack_score[rows], answers.drawn[rows])
    assert inside(trial.control).value == pytest.approx(found)


def test_more_queries_average_out_noise():
    answers = table(n=1500, leak=1.0, queries=16)
    once = run_trial(Margin, answers, seed=0, queries=1, replicates=20)
    often = run_trial(Margin, answers, seed=0, queries=16, replicates=20)
    assert inside(often.leak.auc).value > inside(once.leak.auc).value + 0.01
    np.testing.assert_array_equal(once.attack_score, answers.answers.first_queries(1).margin())


def test_seeds():
    answers = table(leak=0.5)
    one, again, two = (run_trial(Learner, answers, seed=seed, replicates=20) for seed in (1, 1, 2))
    assert one.to_json() == again.to_json()
    np.testing.assert_array_equal(one.attack_score, again.attack_score)
    assert one.to_json() != two.to_json()


def test_what_is_missing_is_refused_and_not_made_up():
    answers = table(control=30, blind=False)
    trial = run_trial(Learner, answers, seed=0, replicates=5)
    drawn = int(answers.drawn.sum())
    assert trial.control == Refused(
        f"a control needs at least {LEAST} members and {LEAST} non-members, got {drawn} and "
        f"{30 - drawn} drawn by a coin"
    )
    assert isinstance(trial.baseline, Refused)
    assert trial.beats_control is None
    assert trial.beats_baseline is None
    np.testing.assert_array_equal(np.isnan(trial.attack_score), answers.control)
    assert not trial.claimed[answers.control].any()
    assert isinstance(run_trial(Margin, table(control=0), seed=0, replicates=5).control, Refused)


def test_a_trial_as_plain_values():
    trial = run_trial(Margin, table(control=0), seed=0, replicates=5)
    values = trial.to_json()
    assert Leak.from_json(values["leak"]) == trial.leak
    assert set(values["control"]) == {"refused"}
    assert set(values["baseline"]) == {"value", "low", "high"}
    assert isinstance(trial, Trial)


def test_too_few_candidates():
    members = np.flatnonzero(table().member)
    answers = table().take(np.append(members[: LEAST - 1], np.flatnonzero(~table().member)))
    with pytest.raises(
        UsageError, match=r"candidates: a trial needs at least 20 members .* got 19 and 300"
    ):
        run_trial(Margin, answers, seed=0)


def test_no_members():
    answers = table()
    with pytest.raises(UsageError, match=r"a trial needs .* got 0 and 600"):
        run_trial(Margin, replace(answers, membership=np.minimum(answers.membership, 0)), seed=0)


def test_more_queries_than_were_recorded():
    with pytest.raises(UsageError, match="2 answers a candidate were asked for, 1 were recorded"):
        run_trial(Margin, table(), seed=0, queries=2)


def test_the_reference_refuses_attacks_of_another_kind():
    with pytest.raises(UsageError, match=r"attack margin: learns nothing, .* use art_gb"):
        reference_trial(Margin, table(), seed=0)
    with pytest.raises(UsageError, match=r"attack learner: scores .* are no probabilities"):
        reference_trial(Learner, table(leak=1.0), seed=0)


def test_the_reference_makes_something_out_of_nothing():
    """Gradient boosting, 80 % members, no leak at all: above 80 %, and its control says why."""
    answers = table(n=400, leak=0.0, share=0.8, control=0, blind=False)
    found = reference_trial(partial(ATTACKS.make, "art_gb"), answers, seed=0)
    assert found.accuracy.value > 0.82
    assert found.control_accuracy.value > 0.82
    honest = run_trial(partial(ATTACKS.make, "art_gb"), answers, seed=0, replicates=100)
    assert inside(honest.leak.auc).low < 0.5 < inside(honest.leak.auc).high
    right = np.mean((found.attack_score > 0.5) == answers.member[answers.candidates])
    assert found.accuracy.value == pytest.approx(right)
    values = found.to_json()
    assert values["accuracy"] == found.accuracy.to_json()
    assert values["member_share"] == 0.8
