"""What each channel of an attacker shows of a guarded verifier: matcher or what lies stored."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.attacks.access import Channel
from facebone.audit.answers import answer
from facebone.audit.gallery import Gallery
from facebone.audit.shadow_heads import pack, train_heads, unpack
from facebone.audit.target import TargetRecipe
from facebone.data.pairs import Pairs
from facebone.mitigations.base import parse_mitigation

SMALL = {"layers": [16, 8], "batch_norm": [], "epochs": 8, "learning_rate": 1e-2}
HEADS = {"mlp": SMALL, "whitening": {}}
ALL = tuple(Channel)
ROUNDED = np.log(np.append(0.05, np.arange(1, 10) / 10)) - np.log(
    1 - np.append(0.05, np.arange(1, 10) / 10)
)


@pytest.fixture(scope="module")
def gallery():
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(50), 4)
    matrices = []
    for width in (12, 8):
        centres = rng.normal(size=(50, width))
        rows = centres[people] + 0.6 * rng.normal(size=(200, width))
        matrices.append(rows.astype(np.float32))
    changed = tuple(
        tuple((m + 0.1 * rng.normal(size=m.shape)).astype(np.float32) for m in matrices)
        for _ in range(2)
    )
    ids = np.array([f"picture {i}" for i in range(200)])
    return Gallery(("one", "two"), tuple(matrices), ids, people.astype(str), changed=changed)


@pytest.fixture(scope="module")
def pairs():
    rng = np.random.default_rng(1)
    left = np.arange(200)
    right = np.where(left % 2 == 0, left + 1, (left + 4 * rng.integers(1, 49, 200)) % 200)
    return Pairs(left, right, left // 4 == right // 4)


def recipe_of(spec, head):
    name, settings = parse_mitigation(spec)
    return TargetRecipe(spec, name, settings, head, HEADS[head])


def observed(spec, head, gallery, pairs):
    recipe = recipe_of(spec, head)
    made = train_heads(recipe, gallery, pairs, [np.arange(100)], [1])[0]
    return answer(made, gallery, pairs, (0, 1), channels=ALL, seed=0)


def is_rounded(values):
    return np.isclose(np.abs(values)[..., None], np.abs(ROUNDED), atol=1e-5).any(axis=-1)


@pytest.mark.parametrize("head", HEADS)
def test_the_matcher_is_met_through_the_guard_and_what_lies_stored_is_not(gallery, pairs, head):
    guarded, plain = (observed(s, head, gallery, pairs) for s in ("rounding", "none"))
    assert is_rounded(guarded.log_odds).all()
    assert not is_rounded(plain.log_odds).any()
    seen, bare = guarded.channels, plain.channels
    for channel in (Channel.VARIANTS, Channel.THROUGH):
        assert is_rounded(seen[channel]).all()
        assert not is_rounded(bare[channel]).all()
    # Of templates: the pair's own margin is an answer.
    assert is_rounded(seen[Channel.TEMPLATES][:, 0]).all()
    for channel in (Channel.INSIDE, Channel.COSINE, Channel.UNADAPTED):
        np.testing.assert_array_equal(seen[channel], bare[channel])
    answers = np.concatenate([guarded.log_odds, seen[Channel.VARIANTS]], axis=1)
    np.testing.assert_array_equal(seen[Channel.DECISIONS], (answers >= 0) == pairs.same[:, None])
    if head == "mlp":
        # Templates of the attacker's own making are handed to the matcher, too.
        assert is_rounded(seen[Channel.TEMPLATES][:, -1]).all()
        still, bare_still = ((one[Channel.TEMPLATES][:, 3] == 0).mean() for one in (seen, bare))
        assert still > 0.5
        assert bare_still < 0.1
    else:
        # Stolen templates are compared among themselves, without the matcher.
        np.testing.assert_array_equal(
            seen[Channel.TEMPLATES][:, 1:], bare[Channel.TEMPLATES][:, 1:]
        )


def test_the_first_answer_is_what_changed_pictures_get(gallery, pairs):
    guarded = observed("query_budget:likeness=0.8", "mlp", gallery, pairs)
    plain = observed("none", "mlp", gallery, pairs)
    # Some pictures of one person resemble each other enough to be taken for one.
    assert (guarded.log_odds == plain.log_odds).mean() > 0.9
    variants, bare = (one.channels[Channel.VARIANTS] for one in (guarded, plain))
    first = guarded.log_odds.astype(np.float32)
    assert (variants == first).mean() > 0.8
    assert (bare == first).mean() < 0.05


@pytest.mark.parametrize(
    ("spec", "head"),
    [
        ("memguard/query_budget", "mlp"),
        ("facebone/rounding", "mlp"),
        ("memguard/query_budget", "whitening"),
        ("facebone/keyed_noise", "whitening"),
    ],
)
def test_shadows_are_kept_and_come_back(gallery, pairs, spec, head):
    recipe = recipe_of(spec, head)
    heads = train_heads(recipe, gallery, pairs, [np.arange(100), np.arange(60, 180)], [1, 2])
    again = unpack(recipe, gallery, *pack(heads))
    asked = gallery.embedded(pairs, (0, 1))
    for one, other in zip(heads, again, strict=True):
        np.testing.assert_array_equal(one.logit(asked), other.logit(asked))
        assert one.settings == other.settings
