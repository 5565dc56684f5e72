"""Keyed templates: nothing is lost but what the numbers mean."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.errors import UsageError
from facebone.mitigations.base import make_mitigation
from facebone.mitigations.keyed_templates.head import rotation
from facebone.verification.embedded_pairs import EmbeddedPairs, side_by_side
from facebone.verification.heads import head_from_state, make_head

NAMES = ("one", "two", "three")
KEY = "0123456789abcdef"


def fitted(toy, head="logistic", seed=0, key=None):
    made = make_mitigation("keyed_templates", {"key": key} if key else None).protect(
        head, {}, backbones=NAMES
    )
    made.fit(*toy(), seed=seed)
    return made


def test_answers_are_those_of_the_mean_cosine(toy):
    head = fitted(toy)
    pairs, same = toy()
    joined = EmbeddedPairs((side_by_side(pairs.left),), (side_by_side(pairs.right),))
    plain = make_head("logistic")
    plain.fit(joined, same, seed=0)
    np.testing.assert_allclose(head.logit(pairs), plain.logit(joined), rtol=1e-4, atol=1e-3)


def test_what_is_stored_is_turned_and_keeps_all_cosines(toy):
    head = fitted(toy, key=KEY)
    rows = toy()[0].left
    stored, plain = head.stored(rows), side_by_side(rows)
    assert not head.public_templates
    np.testing.assert_allclose(stored @ stored.T, plain @ plain.T, atol=1e-5)
    # Not one number says what it said.
    assert np.abs((stored * plain).sum(axis=1)).mean() < 0.4


def test_the_key_decides_and_the_seed_where_there_is_none(toy):
    rows = toy()[0].left
    one, other = (fitted(toy, key=KEY, seed=seed).stored(rows) for seed in (0, 1))
    np.testing.assert_array_equal(one, other)
    drawn = [fitted(toy, seed=seed).stored(rows) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.allclose(drawn[0], drawn[2], atol=0.1)


def test_rotations_are_orthogonal_and_favour_no_direction():
    turns = np.stack([rotation(bytes([k]) * 32, 8) for k in range(256)])
    np.testing.assert_allclose(turns @ turns.transpose(0, 2, 1), np.tile(np.eye(8), (256, 1, 1)),
                               atol=1e-5)  # fmt: skip
    # Without signs the diagonal of the first column would all be negative or all positive.
    assert 0.35 < (turns[:, 0, 0] > 0).mean() < 0.65
    assert np.abs(turns.mean(axis=0)).max() < 0.15


def test_the_key_is_shown_nowhere_and_the_saved_head_answers_alike(toy):
    head = fitted(toy, key=KEY)
    config, arrays = head.state()
    assert KEY not in str(config)
    assert "30313233" not in str(config)
    again = head_from_state(config, arrays)
    pairs, _ = toy(seed=1)
    assert again.score(pairs).tobytes() == head.score(pairs).tobytes()
    np.testing.assert_array_equal(again.stored(pairs.left), head.stored(pairs.left))
    mitigation = make_mitigation("keyed_templates", {"key": KEY})
    assert KEY not in mitigation.spec() + mitigation.describe(NAMES) + repr(mitigation.settings)


def test_wrong_use_is_refused(toy):
    mitigation = make_mitigation("keyed_templates")
    head = mitigation.protect("logistic", {}, backbones=NAMES)
    with pytest.raises(UsageError, match="has no key before it is fitted"):
        head.stored(toy()[0].left)
    with pytest.raises(UsageError, match="head cosine learns nothing"):
        mitigation.protect("cosine", {}, backbones=NAMES)
    with pytest.raises(UsageError, match="adapter makes templates of its own"):
        mitigation.protect("adapter", {}, backbones=NAMES)
    with pytest.raises(UsageError, match="must have at least 16 characters"):
        make_mitigation("keyed_templates", {"key": "short"})
