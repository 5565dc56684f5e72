"""A memory of questions, against a naive one; and what changed pictures then tell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facebone.errors import UsageError
from facebone.mitigations.guards.memory import Album, Memory, bits_that_differ
from facebone.mitigations.guards.query_budget import QueryBudgetSettings
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise


def naive_pictures(sides, most):
    known, found = [], []
    for code in sides:
        for number, other in enumerate(known):
            if (code != other).sum() <= most:
                found.append(number)
                break
        else:
            found.append(len(known))
            known.append(code)
    return found


def clustered(count, bits=32, groups=12, flips=3, seed=0):
    """Codes around a few others, nearer and farther."""
    rng = np.random.default_rng(seed)
    centres = rng.random((groups, bits)) < 0.5
    codes = centres[rng.integers(groups, size=count)]
    for row in codes:
        row[rng.integers(bits, size=rng.integers(2 * flips))] ^= True
    return codes


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 700), st.integers(0, 8))
def test_pictures_are_recognised_as_one_by_one(seed, count, most):
    sides = clustered(count, seed=seed)
    album = Album(bits=32, most=most)
    found = album.recognise(sides)
    expected = naive_pictures(sides, most)
    assert found.tolist() == expected
    assert len(album) == max(expected) + 1
    # In however many calls they are shown.
    again = Album(bits=32, most=most)
    parts = np.array_split(sides, 1 + seed % 5)
    assert np.concatenate([again.recognise(part) for part in parts]).tolist() == expected


def naive_answers(left, right, odds, most, exact):
    """Every question is held against all pictures and all questions before it."""
    pictures = naive_pictures(np.stack([left, right], axis=1).reshape(-1, left.shape[1]), most)
    said, kept = [], []
    for row, (a, b) in enumerate(zip(pictures[::2], pictures[1::2], strict=True)):
        pair = {a, b}
        question = {left[row].tobytes(), right[row].tobytes()}
        mine = [(q, answer) for p, q, answer in kept if p == pair]
        repeated = [answer for q, answer in mine if q == question]
        if repeated:
            said.append(repeated[0])
        elif len(mine) < exact:
            kept.append((pair, question, odds[row]))
            said.append(odds[row])
        else:
            said.append(mine[0][1])
    return said


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 200), st.integers(1, 3))
def test_answers_are_those_of_a_naive_memory(seed, count, exact):
    both = clustered(2 * count, groups=5, seed=seed)
    left, right, odds = both[:count], both[count:], np.random.default_rng(seed).normal(size=count)
    memory = Memory(exact=exact, bits=32, most=5)
    found = memory.answer(left, right, odds, way=None)
    assert found.tolist() == naive_answers(left, right, odds, 5, exact)
    # Whatever is asked again, in either order, is answered as before.
    np.testing.assert_array_equal(memory.answer(right, left, odds + 1, way=None), found)
    np.testing.assert_array_equal(memory.answer(left, right, odds, way=1)[0], odds[0])


def test_bits_by_hand():
    assert bits_that_differ(0.5, 128) == 42  # 60 of 180 degrees, a third
    assert bits_that_differ(0.999999, 128) == 0


def changed(pairs, length, seed):
    rng = np.random.default_rng(seed)

    def side(rows):
        noise = rng.normal(size=rows.shape) * length / np.sqrt(rows.shape[1])
        return normalise((rows + noise).astype(np.float32))

    return EmbeddedPairs(tuple(map(side, pairs.left)), tuple(map(side, pairs.right)))


@pytest.mark.parametrize("turned", [False, True])
def test_changed_pictures_get_the_answer_of_the_first(toy, protect, turned):
    head, plain = protect("query_budget"), protect("none")
    pairs, same = toy()
    for each in (head, plain):
        each.fit(pairs, same, seed=0)
    asked, truth = toy(seed=4)
    first = head.logit(asked)
    # Pictures of one person resemble each other here, too, but seldom so much.
    assert (first == plain.logit(asked)).mean() > 0.95
    near = changed(asked, 0.05, seed=1)
    if turned:
        near = EmbeddedPairs(near.right, near.left)
    repeated = head.logit(near)
    assert np.abs(plain.logit(near) - first).max() > 0.1
    assert (repeated == first).mean() > 0.9
    # Others are answered as they are.
    others, _ = toy(seed=5)
    assert (head.logit(others) == plain.logit(others)).mean() > 0.9
    np.testing.assert_array_equal(head.logit(asked), first)
    assert truth.any()


def test_a_larger_budget_answers_more_of_them(toy, protect):
    head, plain = protect("query_budget:queries=3"), protect("none")
    pairs, same = toy()
    for each in (head, plain):
        each.fit(pairs, same, seed=0)
    asked, _ = toy(seed=4)
    versions = [asked, *(changed(asked, 0.05, seed=seed) for seed in range(4))]
    exact = [(head.logit(one) == plain.logit(one)).mean() for one in versions]
    assert min(exact[:3]) > 0.9
    assert max(exact[3:]) < 0.2


def test_it_forgets_on_reseed_and_saves_nothing(toy, protect):
    head = protect("query_budget")
    pairs, same = toy()
    head.fit(pairs, same, seed=0)
    near = changed(pairs, 0.05, seed=1)
    before = head.state()[1]
    alone = head.logit(near)
    head.reseed(np.random.default_rng(0))
    head.logit(pairs)
    assert (head.logit(near) != alone).mean() > 0.8
    head.reseed(np.random.default_rng(0))
    np.testing.assert_array_equal(head.logit(near), alone)
    after = head.state()[1]
    assert all(array.tobytes() == before[name].tobytes() for name, array in after.items())
    assert not head.answers_vary


def test_settings_out_of_range():
    for name, value in (("queries", 0), ("likeness", 1), ("likeness", 0)):
        with pytest.raises(UsageError, match=f"{name}: must be"):
            QueryBudgetSettings(**{name: value})
