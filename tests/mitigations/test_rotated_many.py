"""Many heads that rotate backbones, trained side by side: each as alone, to the last bit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from facebone.mitigations.base import make_mitigation
from facebone.settings import parse_spec
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise
from facebone.verification.heads.mlp import MLPHead
from facebone.verification.heads.mlp_step import Run

PAIRS, WIDTH, BACKBONES = 240, 16, ("one", "two", "three")
# Widths of whole vectors, for which the engine promises the last bit.
WHOLE = {"layers": [32, 16], "batch_norm": [], "epochs": 4, "learning_rate": 3e-3}
SEEDS = (3, 1, 4, 1, 5)


def pool(seed=0):
    rng = np.random.default_rng(seed)
    same = np.arange(PAIRS) % 2 == 0
    a = rng.normal(size=(PAIRS, WIDTH))
    b = np.where(same[:, None], a, rng.normal(size=a.shape))
    sides = ([], [])
    for k in range(len(BACKBONES)):
        turn = np.linalg.qr(np.random.default_rng(k).normal(size=(WIDTH, WIDTH)))[0]
        for side, matrix in zip(sides, (a, b), strict=True):
            seen = matrix @ turn + 0.5 * rng.normal(size=matrix.shape)
            side.append(normalise(seen.astype(np.float32)))
    return EmbeddedPairs(tuple(sides[0]), tuple(sides[1])), same


def members():
    """Parts of different sizes, whose last batches of 64 hold 56, 1, 56, 2 and 33 pairs."""
    rng = np.random.default_rng(9)
    return [rng.permutation(PAIRS)[:count] for count in (120, 129, 120, 130, 97)]


def rotated(assignment, space, settings):
    spec = f"facebone:assignment={assignment},query=mean,space={space}"
    mitigation = make_mitigation(*parse_spec(spec, where="spec"))
    return mitigation.protect("mlp", settings, backbones=BACKBONES)


def assert_as_alone(head, at_once):
    pairs, same = pool()
    heads = head.fit_many(pairs, same, members(), SEEDS, at_once=at_once)
    for found, rows, seed in zip(heads, members(), SEEDS, strict=True):
        alone = head.fresh()
        alone.fit(pairs.take(rows), same[rows], seed=seed)
        wanted, arrays = alone.state()[1], found.state()[1]
        assert arrays.keys() == wanted.keys()
        for name, array in wanted.items():
            np.testing.assert_array_equal(arrays[name], array, err_msg=name)


@pytest.mark.parametrize(
    ("assignment", "space", "norms", "dropout"),
    [*itertools.product(("batch", "pair", "epoch"), ("procrustes", "raw"), ([], [1]), (0.0, 0.2))],
)
def test_every_assignment_in_more_than_one_group(assignment, space, norms, dropout):
    settings = WHOLE | {"batch_norm": norms, "dropout": dropout}
    assert_as_alone(rotated(assignment, space, settings), at_once=2)


@pytest.mark.parametrize("assignment", ["pair", "epoch"])
def test_a_training_of_full_length(assignment):
    """At a rate that learns the pairs by heart: what rounds otherwise would have grown by then."""
    settings = WHOLE | {"batch_norm": [1], "dropout": 0.1, "epochs": 30, "learning_rate": 1e-2}
    assert_as_alone(rotated(assignment, "procrustes", settings), at_once=5)


def test_the_loop_is_not_taken(monkeypatch):
    """The heads inside are trained by the stacked engine, as many at once as were asked for."""
    counts = []
    step = Run.step

    def counting(self, rows, truth, places):
        counts.append(len(self.stacked.generators))
        return step(self, rows, truth, places)

    def refused(*args, **kwargs):
        raise AssertionError("trained alone")

    monkeypatch.setattr(Run, "step", counting)
    monkeypatch.setattr(MLPHead, "_train", refused)
    pairs, same = pool()
    rows = [np.arange(128)] * 4
    rotated("pair", "raw", WHOLE).fit_many(pairs, same, rows, range(4), at_once=2)
    assert set(counts) == {2}


def test_rows_held_are_those_of_a_group(monkeypatch):
    """However many heads there are, what they see is held for those that train side by side."""
    held = []
    together = MLPHead._together

    def counting(self, rows, truth, courses, dimensions):
        held.append(len(rows))
        return together(self, rows, truth, courses, dimensions)

    monkeypatch.setattr(MLPHead, "_together", counting)
    pairs, same = pool()
    rows = [np.arange(120)] * 6
    rotated("pair", "raw", WHOLE | {"epochs": 30}).fit_many(pairs, same, rows, range(6), at_once=2)
    assert held == [2 * 3 * 120] * 3
    held.clear()
    # Where each pair is ever seen through one backbone, only that is held.
    rotated("batch", "raw", WHOLE).fit_many(pairs, same, rows, range(6), at_once=3)
    assert held == [3 * 120] * 2
