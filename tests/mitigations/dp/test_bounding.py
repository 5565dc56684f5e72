"""Which pairs are kept, and whom they show."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facebone.audit.gallery import Gallery
from facebone.data.pairs import Pairs
from facebone.data.synthetic import synthetic_dataset
from facebone.errors import UsageError
from facebone.mitigations.dp.bounding import bound
from facebone.mitigations.units import units_of
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.pairing import embed_pairs
from facebone.verification.routes import open_routes


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=60),
    st.integers(1, 5),
    st.integers(0, 99),
)
def test_no_unit_stands_in_too_many_and_no_pair_could_be_added(rows, most, seed):
    units = np.array(rows, dtype=np.intp).reshape(-1, 2)
    kept = bound(units, most, seed=seed)
    assert (np.diff(kept) > 0).all()
    count = dict.fromkeys(range(10), 0)
    for row in kept:
        for unit in set(units[row].tolist()):
            count[unit] += 1
    assert max(count.values()) <= most
    for row in set(range(len(units))) - set(kept.tolist()):
        assert any(count[unit] == most for unit in units[row].tolist())


def test_pairs_that_are_kept_depend_on_who_stands_where_and_the_seed_alone():
    rng = np.random.default_rng(0)
    units = rng.integers(40, size=(200, 2))
    kept = bound(units, 3, seed=1)
    names = rng.permutation(40)
    np.testing.assert_array_equal(bound(names[units], 3, seed=1), kept)
    np.testing.assert_array_equal(bound(units[:, ::-1], 3, seed=1), kept)
    assert not np.array_equal(bound(units, 3, seed=2), kept)


def test_a_matched_pair_counts_once_for_its_person():
    units = np.array([[0, 0], [0, 0], [0, 0]])
    assert len(bound(units, 2, seed=0)) == 2


def test_nobody_is_left_out_where_all_stand_in_few(crowd):
    pairs, _ = crowd()
    units = units_of(pairs, "person")
    most = int(np.bincount(np.concatenate([np.unique(row) for row in units])).max())
    np.testing.assert_array_equal(bound(units, most, seed=0), np.arange(400))
    assert len(bound(units, most - 1, seed=0)) < 400


def test_pairs_carry_their_people(crowd):
    pairs, same = crowd()
    assert pairs.people.shape == (400, 2)
    np.testing.assert_array_equal(pairs.people[:, 0] == pairs.people[:, 1], same)
    rows = np.array([5, 2])
    np.testing.assert_array_equal(pairs.take(rows).people, pairs.people[rows])
    np.testing.assert_array_equal(pairs.take(same).people, pairs.people[same])
    np.testing.assert_array_equal(pairs.choose([1]).people, pairs.people)
    with pytest.raises(UsageError, match=r"must have shape \(400, 2\), got \(399, 2\)"):
        EmbeddedPairs(pairs.left, pairs.right, pairs.people[1:])


def test_a_gallery_says_whom_its_pairs_show():
    names = np.array(["a", "a", "b"])
    gallery = Gallery(("one",), (np.eye(3, dtype=np.float32),), np.array(["1", "2", "3"]), names)
    pairs = Pairs(np.array([0, 2]), np.array([1, 0]), np.array([True, False]))
    np.testing.assert_array_equal(gallery.embedded(pairs, (0,)).people, [["a", "a"], ["b", "a"]])


def test_pairs_to_train_on_say_whom_they_show():
    dataset = synthetic_dataset(people=4, pictures_per_person=2, seed=0)
    engine = EmbeddingEngine(open_routes(["tiny_plain"], device="cpu"))
    pairs = Pairs(np.array([0, 7]), np.array([1, 3]), np.array([True, False]))
    people = embed_pairs(engine, dataset, pairs).embedded.people
    shown = [[dataset.pictures[i].person for i in (a, b)] for a, b in ((0, 1), (7, 3))]
    names = list(dataset.people)
    assert [[names[number] for number in row] for row in people] == shown
