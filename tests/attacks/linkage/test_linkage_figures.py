"""Figures of linked records against loops, records, and what a trial adds."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.attacks.linkage.base import LINKAGES
from facebone.attacks.linkage.figures import measure_linkage
from facebone.attacks.linkage.records import Records, deal
from facebone.attacks.linkage.trial import break_up, derangement, run_linkage
from facebone.attacks.linkage.view import Anchors, LinkageView
from facebone.errors import UsageError
from facebone.verification.estimates import Refused


def test_figures_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    first, second = np.arange(40), rng.permutation(60)[:50]
    together = first[:, None] == second[None, :]
    scores = rng.normal(size=(40, 50)).round(1) + 1.5 * together
    found = measure_linkage(scores, first, second, seed=0, replicates=100)
    same, others = scores[together], scores[~together]
    wins = [(a > others).sum() + (a == others).sum() / 2 for a in same]
    assert found.auc.value == pytest.approx(sum(wins) / len(same) / len(others))
    assert (found.same, found.different) == (together.sum(), 2000 - together.sum())
    hits = [
        (scores[i, j] == scores[i].max()) / (scores[i] == scores[i].max()).sum()
        for i, j in zip(*np.nonzero(together), strict=True)
    ]
    assert found.rank_one.value == pytest.approx(np.mean(hits))
    assert found.rank_one.low < found.rank_one.value < found.rank_one.high
    assert found.chance == pytest.approx(1 / 50)
    threshold = np.sort(others)[::-1][int(0.01 * len(others))]
    assert found.tpr_at_fpr[0.01].value == pytest.approx((same > threshold).mean())
    assert isinstance(found.tpr_at_fpr[0.001], Refused)
    assert found.to_json()["tpr_at_fpr"]["0.001"]["refused"]


def test_part_of_the_pairs_gives_nearly_the_same():
    rng = np.random.default_rng(1)
    people = np.arange(150)
    scores = rng.normal(size=(150, 150)) + 1.5 * np.eye(150)
    whole = measure_linkage(scores, people, people, seed=0, replicates=20)
    part = measure_linkage(scores, people, people, seed=0, replicates=20, most=5000)
    assert (part.same, part.different) == (150, 5000)
    assert part.auc.value == pytest.approx(whole.auc.value, abs=0.01)
    assert part.rank_one == whole.rank_one


def test_constant_scores_are_chance():
    people = np.arange(30)
    found = measure_linkage(np.ones((30, 30)), people, people, seed=0, replicates=50)
    assert found.auc.value == 0.5
    assert found.rank_one.value == pytest.approx(found.chance) == pytest.approx(1 / 30)


def test_databases_without_a_common_person_are_refused():
    with pytest.raises(UsageError, match="need pairs of one person and of two, got 0 and 6"):
        measure_linkage(np.ones((2, 3)), np.arange(2), np.arange(5, 8), seed=0)
    with pytest.raises(UsageError, match=r"must have shape \(2, 2\)"):
        measure_linkage(np.ones((2, 3)), np.arange(2), np.arange(2), seed=0)


def test_a_record_is_the_mean_of_a_persons_templates():
    templates = np.array([[3.0, 0.0], [0.0, 5.0], [1.0, 1.0], [9.0, 9.0]])
    found = Records.enrol(templates, np.array(["b", "b", "a", "c"]), np.array([0, 1, 2]))
    assert found.person.tolist() == ["a", "b"]
    np.testing.assert_allclose(found.templates, np.sqrt([[0.5, 0.5], [0.5, 0.5]]))
    with pytest.raises(UsageError, match="a person has several"):
        Records(templates[:2], np.array(["b", "b"]))
    with pytest.raises(UsageError, match="do not fit templates"):
        Records(templates, np.array(["b"]))


def test_pictures_are_dealt_so_that_none_is_in_both():
    person = np.repeat(np.arange(6), [2, 3, 4, 5, 9, 1])
    found = deal(person, np.arange(5), seed=0, most=3)
    assert not set(found.first) & set(found.second)
    assert np.bincount(person[found.first]).tolist() == [1, 1, 2, 2, 3]
    assert np.bincount(person[found.second]).tolist() == [1, 1, 2, 2, 3]
    other = deal(person, np.arange(5), seed=1, most=3)
    assert not np.array_equal(found.first, other.first)
    with pytest.raises(UsageError, match="5 has 1 pictures"):
        deal(person, np.arange(6), seed=0)


def templates(count, seed, noise=0.3):
    rng = np.random.default_rng((2, seed))
    centres = rng.normal(size=(count, 16))
    return (centres + noise * rng.normal(size=(count, 16)) for _ in range(2))


def test_broken_anchors_teach_nothing():
    first, second = templates(200, seed=0)
    own, again = templates(100, seed=1)
    key = np.linalg.qr(np.random.default_rng(9).normal(size=(16, 16)))[0]
    people = np.arange(200)
    view = LinkageView(first, second @ key, Anchors(own, again @ key, np.arange(1000, 1100)))
    linked = run_linkage(LINKAGES.make("linear_alignment"), view, people, people, seed=0)
    found, control = (
        measure_linkage(scores, linked.first, second, seed=0, replicates=200)
        for scores, second in (
            (linked.scores, linked.second),
            (linked.control, linked.control_second),
        )
    )
    assert found.auc.low > 0.95
    assert found.rank_one.low > found.chance
    assert control.auc.low <= 0.5 <= control.auc.high
    assert control.rank_one.low <= control.chance <= control.rank_one.high
    # The map is another one, and true pairs are not found by it either.
    assert not np.allclose(linked.control, linked.scores)
    true_pairs = measure_linkage(linked.control, people, people, seed=0, replicates=50)
    assert true_pairs.rank_one.value < 0.1


def test_without_anchors_the_control_takes_others_for_a_match():
    first, second = templates(200, seed=0)
    people = np.arange(200)
    linked = run_linkage(
        LINKAGES.make("direct"), LinkageView(first, second), people, people, seed=0
    )
    assert not (linked.control_second == people).any()
    control = measure_linkage(linked.control, people, linked.control_second, seed=0, replicates=200)
    assert control.auc.low <= 0.5 <= control.auc.high
    again = run_linkage(LINKAGES.make("direct"), LinkageView(first, second), people, people, seed=1)
    assert not np.array_equal(again.control_second, linked.control_second)


def test_anchors_who_are_in_a_database_are_refused():
    first, second = templates(20, seed=0)
    view = LinkageView(first, second, Anchors(first, second, np.arange(10, 30)))
    with pytest.raises(UsageError, match="anchors: show 10, who is in a database"):
        run_linkage(LINKAGES.make("linear_alignment"), view, np.arange(20), np.arange(20), seed=0)


def test_anchors_are_broken_up_by_person():
    person = np.repeat(np.arange(10), 3)
    rows = np.arange(30.0)[:, None]
    found = break_up(Anchors(rows, rows, person), np.random.default_rng(0))
    theirs = person[found.second[:, 0].astype(int)]
    assert (theirs != person).all()
    np.testing.assert_array_equal(found.first, rows)
    # Who is taken for whom is the same for all pictures of a person.
    assert all(len(set(theirs[person == who])) == 1 for who in range(10))


@pytest.mark.parametrize("count", [1, 2, 3, 50])
def test_nothing_stays_in_its_place(count):
    found = derangement(count, np.random.default_rng(count))
    assert sorted(found) == list(range(count))
    assert count == 1 or (found != np.arange(count)).all()
