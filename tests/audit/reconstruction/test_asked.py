"""Asking a target's head about who claims to be enrolled: the same as its scores of pairs."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.audit.reconstruction.asked import AskedHead
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise, side_by_side
from facebone.verification.heads import make_head

WIDTHS = (6, 4)


def rows(count, seed):
    rng = np.random.default_rng(seed)
    return tuple(3 * rng.normal(size=(count, width)).astype(np.float32) for width in WIDTHS)


def fitted(name):
    left, right = rows(300, 1), rows(300, 2)
    same = np.random.default_rng(3).random(300) < 0.5
    right = tuple(np.where(same[:, None], a + 0.5 * b, b) for a, b in zip(left, right, strict=True))
    head = make_head(name)
    head.fit(EmbeddedPairs.scale(left, right), same, seed=0)
    return head


@pytest.mark.parametrize("name", ["cosine", "logistic", "products", "quality"])
def test_own_pictures_score_as_pairs_do(name):
    head, enrolled, owned = fitted(name), rows(5, 4), rows(9, 5)
    people, positions = np.array([0, 3, 3, 4]), np.array([8, 1, 0, 1])
    pairs = EmbeddedPairs.scale([m[positions] for m in owned], [m[people] for m in enrolled])
    wanted = head.score(pairs) if name == "cosine" else head.logit(pairs)
    np.testing.assert_allclose(AskedHead(head, enrolled, owned).own(people, positions), wanted)


@pytest.mark.parametrize("name", ["cosine", "logistic", "products"])
def test_embeddings_side_by_side_score_as_the_pictures_they_are_of(name):
    head, enrolled, owned = fitted(name), rows(5, 4), rows(5, 5)
    asked = AskedHead(head, enrolled, owned)
    flat = side_by_side([normalise(m) for m in owned])
    people = np.arange(5)
    np.testing.assert_allclose(asked.log_odds(people, flat), asked.own(people, people), rtol=1e-4)


def test_lengths_of_moved_embeddings_are_the_usual_ones():
    head, enrolled, owned = fitted("quality"), rows(5, 4), rows(5, 5)
    asked = AskedHead(head, enrolled, owned)
    flat = side_by_side([normalise(m) for m in owned])
    usual = [normalise(m) * np.median(np.linalg.norm(m, axis=1)).astype(np.float32) for m in owned]
    wanted = head.logit(EmbeddedPairs.scale(usual, enrolled))
    np.testing.assert_allclose(asked.log_odds(np.arange(5), flat), wanted, rtol=1e-3)


def test_pictures_cannot_be_asked_about_without_backbones():
    asked = AskedHead(fitted("logistic"), rows(5, 4), rows(5, 5))
    with pytest.raises(ValueError, match="no backbones"):
        asked.made(np.array([0]), np.zeros((1, 2, 2, 3), dtype=np.uint8))
