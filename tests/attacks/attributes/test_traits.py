"""Attributes of data sets as tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facebone.attacks.attributes.evidence import Evidence, as_log_odds
from facebone.attacks.attributes.traits import Kind, Traits, Unit, stated
from facebone.data.celeba import PARTITION
from facebone.data.dataset import Dataset
from facebone.data.pictures import FileSource, Picture
from facebone.data.synthetic import synthetic_dataset
from facebone.errors import UsageError

TABLE = {
    "a1": {"Male": 1.0, "Smiling": -1.0, "Young": 1.0, "Age": 30.5, PARTITION: 0.0},
    "a2": {"Male": 1.0, "Smiling": 1.0, "Young": 1.0, "Age": 30.5, PARTITION: 1.0},
    "b1": {"Male": -1.0, "Smiling": 1.0, "Young": 1.0, "Age": 20.25, PARTITION: 2.0},
    "c1": {"Male": 1.0, "Smiling": 1.0, "Young": 1.0, "Age": 40.0, PARTITION: 2.0},
}


def data():
    names = ["a1", "x1", "a2", "b1", "c1"]
    pictures = tuple(Picture(name, name[0], FileSource(Path(name))) for name in names)
    return Dataset("celeba", pictures, attributes=TABLE)


def test_attributes_are_read_in_the_order_of_the_pictures():
    found = Traits.read(data(), np.array([3, 0, 2, 4]))
    assert found.names == ("Male", "Smiling", "Age")  # all are young, the partition is no trait
    np.testing.assert_array_equal(
        found.values, [[-1, 1, 20.25], [1, -1, 30.5], [1, 1, 30.5], [1, 1, 40]]
    )
    assert found.person.tolist() == ["b", "a", "a", "c"]


def test_kinds_and_units():
    found = Traits.read(data(), [0, 2, 3, 4])
    assert [found.kind(name) for name in found.names] == [Kind.BINARY, Kind.BINARY, Kind.NUMBER]
    units = [found.unit(name) for name in found.names]
    assert units == [Unit.PERSON, Unit.PICTURE, Unit.PERSON]


def test_pictures_without_attributes_are_named_and_can_be_left_out():
    assert stated(data()).tolist() == [0, 2, 3, 4]
    with pytest.raises(UsageError, match="data set celeba: states no attributes of x1"):
        Traits.read(data(), [0, 1])
    with pytest.raises(UsageError, match="no pictures were named"):
        Traits.read(data(), [])


def test_synthetic_people_have_traits_of_their_own():
    dataset = synthetic_dataset(30, 2, seed=3)
    found = Traits.read(dataset, stated(dataset))
    assert "hair_style" not in found.names  # a code, whose order means nothing
    assert {"skin_tone", "age", "glasses"} <= set(found.names)
    assert all(found.unit(name) is Unit.PERSON for name in found.names)
    assert found.kind("glasses") is Kind.BINARY
    assert found.kind("age") is Kind.NUMBER
    row = found.names.index("age")
    assert found.values[7, row] == dataset.attributes["s00003/001"]["age"]


def test_tables_that_do_not_fit_are_refused():
    with pytest.raises(UsageError, match=r"must have shape \(2, 1\)"):
        Traits(("a",), np.zeros((2, 2)), np.arange(2))
    with pytest.raises(UsageError, match="must be finite"):
        Traits(("a",), np.array([[np.nan]]), np.arange(1))


def test_evidence_that_does_not_fit_is_refused():
    with pytest.raises(UsageError, match="templates: must be a matrix of 3 rows"):
        Evidence(np.arange(3), np.zeros((2, 4)))
    with pytest.raises(UsageError, match="scores: row 1 is not finite"):
        Evidence(np.arange(3), None, np.array([[1.0], [np.inf], [0.0]]))


def test_probabilities_become_log_odds_and_others_stay():
    odds = np.array([[-2.0, 0.5], [1.0, 3.0]])
    np.testing.assert_allclose(as_log_odds(1 / (1 + np.exp(-odds))), odds, atol=1e-9)
    np.testing.assert_array_equal(as_log_odds(odds), odds)
