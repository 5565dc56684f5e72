"""Which pictures the steps of an epoch meet."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.verification.adaptation.adapter_settings import AdapterSettings
from facebone.verification.adaptation.sampling import BatchPlan, draw_epoch, round_up

COUNTS = (1, 2, 3, 5, 9, 4, 1, 7)
PERSON = np.repeat(np.arange(len(COUNTS)), COUNTS)


def drawn(settings, person=PERSON, seed=0):
    places, weights = draw_epoch(settings, person, np.random.default_rng(seed))
    return [row[weight > 0] for row, weight in zip(places, weights, strict=True)], weights


@pytest.mark.parametrize("size", [1, 5, 8, 32, 33, 100])
def test_pictures_are_met_once_each(size):
    batches, weights = drawn(AdapterSettings(batch_size=size))
    assert sorted(np.concatenate(batches)) == list(range(len(PERSON)))
    assert [len(batch) for batch in batches[:-1]] == [size] * (len(batches) - 1)
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-6)


def test_numbers_that_differ_a_little_have_one_plan():
    settings = AdapterSettings(batch_size=64)
    plans = {BatchPlan.of(settings, count) for count in range(961, 1025)}
    assert plans == {BatchPlan(16, 64)}
    few = {BatchPlan.of(settings, count) for count in range(1, 33)}
    assert few == {BatchPlan(1, round_up(1))}


@pytest.mark.parametrize(("count", "sizes"), [(9, [4, 4]), (10, [4, 4, 2]), (8, [4, 4])])
def test_a_batch_that_cannot_be_normalised_is_left_out(count, sizes):
    settings = AdapterSettings(batch_size=4, batch_norm=True)
    batches, _ = drawn(settings, np.arange(count))
    assert [len(batch) for batch in batches] == sizes
    # Over epochs every picture is met all the same.
    met = {
        i for seed in range(30) for i in np.concatenate(drawn(settings, np.arange(count), seed)[0])
    }
    assert met == set(range(count))


def test_people_come_with_a_few_pictures_each():
    settings = AdapterSettings(sampler="people", people_per_batch=3, pictures_per_person=4)
    assert len(drawn(settings)[0]) == -(-len(PERSON) // 12)
    for seed in range(20):
        for batch in drawn(settings, seed=seed)[0]:
            who, shown = np.unique(PERSON[batch], return_counts=True)
            assert len(who) == 3
            np.testing.assert_array_equal(shown, np.minimum(np.array(COUNTS)[who], 4))
            assert len(set(batch)) == len(batch)


def test_nobody_comes_again_before_the_others_have_come():
    settings = AdapterSettings(sampler="people", people_per_batch=4, pictures_per_person=2)
    person = np.repeat(np.arange(8), 6)
    batches, _ = drawn(settings, person)
    assert len(batches) == 6
    for first, second in zip(batches[::2], batches[1::2], strict=True):
        assert sorted(np.unique(person[np.concatenate([first, second])])) == list(range(8))


def test_fewer_people_than_a_batch_wants_are_all_met():
    settings = AdapterSettings(sampler="people", people_per_batch=50, pictures_per_person=2)
    (batch,), weights = drawn(settings)
    assert weights.shape == (1, 100)
    assert set(PERSON[batch]) == set(range(len(COUNTS)))


@pytest.mark.parametrize("sampler", ["pictures", "people"])
def test_draws_are_the_seed_s(sampler):
    settings = AdapterSettings(sampler=sampler, batch_size=8, people_per_batch=4)
    first, again, other = (drawn(settings, seed=seed)[0] for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_every_picture_of_a_person_is_as_likely():
    settings = AdapterSettings(sampler="people", people_per_batch=2, pictures_per_person=2)
    person = np.array([0, 0, 0, 0, 0, 1, 1])
    rng = np.random.default_rng(0)
    met = np.zeros(7)
    for _ in range(400):
        places, weights = draw_epoch(settings, person, rng)
        np.add.at(met, places[weights > 0], 1)
    # 800 batches with two of five pictures: 320 each, with a deviation of 14.
    assert np.abs(met[:5] - 320).max() < 5 * 14
    assert (met[5:] == 800).all()
