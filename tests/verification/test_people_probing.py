"""Templates of an adapted model in the hands of a thief: plain loops beside the matrices."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.verification.embedded_pairs import normalise
from facebone.verification.heads.people_probing import (
    PEOPLE_PROBES,
    likeness_to_others,
    probe_people,
)


def crowd(n: int = 30, people: int = 7, width: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return normalise(rng.normal(size=(n, width)).astype(np.float32)), rng.integers(people, size=n)


def test_likeness_is_the_root_mean_square_over_other_people() -> None:
    templates, person = crowd()
    found = likeness_to_others(templates, person)
    for i in range(30):
        squares = [
            float(templates[i].astype(float) @ templates[j].astype(float)) ** 2
            for j in range(30)
            if person[j] != person[i]
        ]
        assert found[i] == pytest.approx(np.mean(squares) ** 0.5, abs=1e-6)


def test_likeness_hangs_on_no_order_and_no_names() -> None:
    templates, person = crowd()
    found = likeness_to_others(templates, person)
    order = np.random.default_rng(1).permutation(30)
    names = np.array([40, 3, 17, 5, 11, 0, 2])
    mixed = likeness_to_others(templates[order], names[person][order])
    np.testing.assert_allclose(mixed, found[order], atol=1e-12)
    np.testing.assert_allclose(likeness_to_others(-templates, person), found, atol=1e-12)


def test_who_stands_alone_is_like_nobody() -> None:
    templates, _ = crowd()
    assert (likeness_to_others(templates, np.zeros(30, dtype=np.intp)) == 0).all()
    assert likeness_to_others(templates[:0], np.zeros(0, dtype=np.intp)).shape == (0,)
    across = np.eye(4, dtype=np.float32)
    np.testing.assert_allclose(likeness_to_others(across, np.arange(4)), 0, atol=1e-12)
    same = np.ones((4, 1), dtype=np.float32)
    np.testing.assert_allclose(likeness_to_others(same, np.arange(4)), 1)


def test_columns_are_what_their_names_say() -> None:
    templates, person = crowd()
    rng = np.random.default_rng(2)
    left, right = rng.integers(30, size=(2, 50))
    odds, public = rng.normal(size=(2, 50))
    same = person[left] == person[right]
    # Templates need not come with length one.
    found = probe_people(odds, 3 * templates, left, right, person, public, same)
    assert found.shape == (50, len(PEOPLE_PROBES))
    likeness = likeness_to_others(templates, person)
    for row in range(50):
        sign = 1 if same[row] else -1
        cosine = float(templates[left[row]].astype(float) @ templates[right[row]].astype(float))
        wanted = [sign * odds[row], sign * cosine, sign * public[row]]
        wanted += [likeness[left[row]], likeness[right[row]]]
        np.testing.assert_allclose(found[row], wanted, atol=1e-6)
