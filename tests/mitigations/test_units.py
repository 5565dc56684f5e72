"""Which pairs, images and people pairs touch."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.errors import UsageError
from facebone.mitigations.units import units_of
from facebone.verification.embedded_pairs import EmbeddedPairs


def pictures(left, right, people=None):
    """Pairs of pictures, each of which is one number under each of two backbones."""
    one, other = (np.array(side, dtype=np.float32)[:, None] for side in (left, right))
    nothing = np.zeros_like(one)
    return EmbeddedPairs((one, nothing), (other, nothing.copy()), people)


def test_pictures_are_known_by_their_embeddings():
    pairs = pictures([1, 2, 3, 0.0], [2, 1, 1, -0.0])
    units = units_of(pairs, "image")
    assert units[0, 0] == units[1, 1] == units[2, 1]
    assert units[0, 1] == units[1, 0]
    assert units[3, 0] == units[3, 1]
    assert len(np.unique(units)) == 4


def test_a_pair_is_its_two_pictures_in_any_order():
    units = units_of(pictures([1, 2, 3, 1], [2, 1, 1, 2]), "pair")
    assert units.shape == (4, 1)
    assert units[0] == units[1] == units[3] != units[2]


def test_pictures_that_differ_under_one_backbone_are_two():
    pairs = pictures([1, 1], [2, 2])
    pairs.left[1][1] = 5
    units = units_of(pairs, "image")
    assert units[0, 0] != units[1, 0]
    assert units[0, 1] == units[1, 1]


def test_people_are_named_or_numbered():
    names = np.array([["b", "a"], ["a", "c"]])
    np.testing.assert_array_equal(
        units_of(pictures([1, 2], [3, 4], names), "person"), [[1, 0], [0, 2]]
    )
    numbers = np.array([[70, 3], [3, 3]])
    np.testing.assert_array_equal(
        units_of(pictures([1, 2], [3, 4], numbers), "person"), [[1, 0], [0, 0]]
    )


def test_people_must_be_known():
    with pytest.raises(UsageError, match="unit=person: the pairs do not say whom they show; give"):
        units_of(pictures([1], [2]), "person")
