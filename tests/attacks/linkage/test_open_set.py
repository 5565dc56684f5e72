"""Named people in a database: normalised scores, figures against loops, and a list of names."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.attacks.linkage.base import LINKAGES
from facebone.attacks.linkage.open_set_figures import best_records, measure_open_set
from facebone.attacks.linkage.prior import ListedMembership, NameList
from facebone.attacks.linkage.view import Anchors, LinkageView
from facebone.errors import UsageError
from facebone.verification.estimates import Refused
from facebone.verification.metrics import auc


def world(names=400, enrolled=200, noise=0.7, width=32, seed=0):
    """Public pictures of named people, records of half of them, and unrelated people."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(names, width)) + 0.5  # all faces have something in common
    public = centres + noise * rng.normal(size=centres.shape)
    records = centres[:enrolled] + noise * rng.normal(size=(enrolled, width))
    cohort = rng.normal(size=(100, width)) + 0.5
    return LinkageView(public, records, cohort=cohort), np.arange(names), np.arange(enrolled)


def test_normalised_scores_are_those_of_a_loop():
    rng = np.random.default_rng(1)
    answers, unrelated = rng.normal(size=(6, 9)), rng.normal(size=(12, 9))
    view = LinkageView(answers=answers, cohort_answers=unrelated)
    found = LINKAGES.make("score_identification", {"share": 0.5}).link(view, seed=0)
    for i in range(6):
        others = sorted(answers[i])[:-1][-4:]
        for j in range(9):
            theirs = sorted(unrelated[:, j])[-6:]
            wanted = (answers[i, j] - np.mean(others)) / np.std(others)
            wanted += (answers[i, j] - np.mean(theirs)) / np.std(theirs)
            assert found[i, j] == pytest.approx(wanted)


def test_probabilities_are_compared_as_log_odds():
    rng = np.random.default_rng(2)
    odds, unrelated = 3 * rng.normal(size=(5, 7)), 3 * rng.normal(size=(8, 7))
    attack = LINKAGES.make("score_identification")

    def linked(change):
        view = LinkageView(answers=change(odds), cohort_answers=change(unrelated))
        return attack.link(view, seed=0)

    probabilities = linked(lambda values: 1 / (1 + np.exp(-values)))
    np.testing.assert_allclose(probabilities, linked(lambda values: values), atol=1e-6)


def test_without_normalisation_scores_are_cosines():
    view, _, _ = world(names=20, enrolled=10)
    found = LINKAGES.make("open_set_identification", {"normalise": False}).link(view, seed=0)
    assert np.abs(found).max() <= 1
    direct = LINKAGES.make("direct").link(view, seed=0)
    np.testing.assert_allclose(found, direct)


def test_who_is_in_the_database_is_found_and_strangers_are_not():
    view, names, records = world()
    found = LINKAGES.make("open_set_identification").link(view, seed=0)
    figures = measure_open_set(found, names, records, seed=0, fpirs=(0.1, 0.02), replicates=200)
    assert (figures.enrolled, figures.strangers, figures.enrolled_share) == (200, 200, 0.5)
    assert figures.auc.low > 0.9
    assert figures.found[0.1].low > 0.7
    assert figures.found[0.1].value >= figures.found[0.02].value


def test_nobody_is_found_in_a_database_of_others():
    view, names, records = world()
    rng = np.random.default_rng(5)
    others = LinkageView(view.first, rng.normal(size=view.second.shape) + 0.5, cohort=view.cohort)
    found = LINKAGES.make("open_set_identification").link(others, seed=0)
    figures = measure_open_set(found, names, records, seed=0, replicates=200)
    assert figures.auc.low <= 0.5 <= figures.auc.high
    assert figures.found[0.1].high < 0.05


def test_a_protected_database_takes_anchors():
    view, names, records = world()
    rng = np.random.default_rng(6)
    key = np.linalg.qr(rng.normal(size=(32, 32)))[0]
    attack = LINKAGES.make("open_set_identification")
    hidden = LinkageView(view.first, view.second @ key, cohort=view.cohort)
    assert best_records(attack.link(hidden, seed=0), names, records)[2].sum() < 8
    own = rng.normal(size=(150, 32)) + 0.5
    known = LinkageView(
        view.first, view.second @ key, Anchors(own, own @ key, np.arange(150) + 999), view.cohort
    )
    figures = measure_open_set(attack.link(known, seed=0), names, records, seed=0, replicates=100)
    assert figures.auc.low > 0.9


def test_figures_are_those_of_a_loop():
    rng = np.random.default_rng(3)
    names, records = np.arange(60), np.arange(0, 60, 2)
    scores = rng.normal(size=(60, 30)) + 3 * (names[:, None] == records[None, :])
    found = measure_open_set(scores, names, records, seed=0, fpirs=(0.1,), replicates=100)
    strangers = sorted((max(scores[i]) for i in range(1, 60, 2)), reverse=True)
    hits = 0
    for i in range(0, 60, 2):
        top = max(range(30), key=lambda j: scores[i, j])
        # Three of thirty strangers may be taken for somebody; the fourth may not.
        hits += records[top] == i and scores[i, top] > strangers[3]
    assert found.found[0.1].value == pytest.approx(hits / 30)
    best = scores.max(axis=1)
    assert found.auc.value == auc(best, names % 2 == 0)


def test_rates_that_too_few_strangers_can_show_are_refused():
    scores = np.random.default_rng(0).normal(size=(40, 20))
    found = measure_open_set(scores, np.arange(40), np.arange(20), seed=0, replicates=20)
    assert isinstance(found.found[0.1], Refused)
    assert "needs at least 300 names" in found.found[0.01].reason
    with pytest.raises(UsageError, match="needs names in the database and such that are not"):
        measure_open_set(scores[:20], np.arange(20), np.arange(20), seed=0)
    with pytest.raises(UsageError, match=r"must have shape \(40, 19\)"):
        measure_open_set(scores, np.arange(40), np.arange(19), seed=0)


def test_a_list_adds_what_bayes_rule_says():
    found = NameList(hit=0.8, wrong=0.2).log_ratio(np.array([True, False]))
    np.testing.assert_allclose(found, [np.log(4), -np.log(4)])


def test_shares_of_a_list_are_learnt_and_never_certain():
    listed = np.array([True, True, True, False, False, False])
    member = np.array([True, True, True, True, False, False])
    found = NameList.learn(listed, member)
    assert (found.hit, found.wrong) == (4 / 6, 1 / 4)
    with pytest.raises(UsageError, match="hit"):
        NameList(hit=1.0, wrong=0.2)


def listed_people(seed, hit, wrong, n=2000):
    rng = np.random.default_rng((8, seed))
    member = rng.random(n) < 0.5
    listed = rng.random(n) < np.where(member, hit, wrong)
    return rng.normal(size=n) + 0.8 * member, listed, member


def test_score_and_list_together_beat_each_alone():
    attack = ListedMembership()
    attack.fit(*listed_people(0, 0.7, 0.2))
    scores, listed, member = listed_people(1, 0.7, 0.2)
    both = auc(attack.score(scores, listed), member)
    assert both > auc(scores, member) + 0.05
    assert both > auc(listed.astype(float), member) + 0.05
    # The best there is, which knows how both were made.
    best = 0.8 * scores + np.where(listed, np.log(0.7 / 0.2), np.log(0.3 / 0.8))
    assert both == pytest.approx(auc(best, member), abs=0.005)


def test_a_list_that_says_nothing_adds_nothing():
    attack = ListedMembership()
    attack.fit(*listed_people(2, 0.4, 0.4))
    scores, listed, member = listed_people(3, 0.4, 0.4)
    found = auc(attack.score(scores, listed), member)
    assert found == pytest.approx(auc(scores, member), abs=0.01)


def test_a_list_is_not_used_before_it_is_learnt():
    with pytest.raises(UsageError, match="name list: scores nothing before it is fitted"):
        ListedMembership().score(np.zeros(2), np.zeros(2, dtype=bool))
    with pytest.raises(UsageError, match="name list: needs members and others"):
        ListedMembership().fit(np.zeros(2), np.zeros(2, dtype=bool), np.ones(2, dtype=bool))
    with pytest.raises(UsageError, match="do not fit each other"):
        ListedMembership().fit(np.zeros(3), np.zeros(2, dtype=bool), np.ones(2, dtype=bool))
