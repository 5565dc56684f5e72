"""Adaptations behind guards: templates are their own, comparing them goes through the guard."""

from __future__ import annotations

import json

import numpy as np
import pytest
import safetensors.numpy

from facebone.errors import UsageError
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads import PeopleHead, head_from_state
from facebone.verification.heads.base import sigmoid
from facebone.verification.heads.people import draw_labelled_pairs

GUARDS = ("rounding", "decision_only", "keyed_noise", "memguard", "query_budget")
SPECS = (*GUARDS, "facebone:parts=3/keyed_noise", "facebone:parts=3/memguard/rounding")


@pytest.fixture(params=SPECS)
def spec(request):
    return request.param


def asked(pictures):
    left, right, same = draw_labelled_pairs(pictures.person, 100, seed=1)
    matrices = pictures.embeddings
    return EmbeddedPairs(tuple(m[left] for m in matrices), tuple(m[right] for m in matrices)), same


def innermost(head):
    while hasattr(head, "guards"):
        head = head._inner
    return head


def fitted(protect, spec, pictures, head="whitening", seed=2):
    made = protect(spec, head)
    assert isinstance(made, PeopleHead)
    made.fit_people(pictures, seed=seed)
    return made


@pytest.mark.parametrize("head", ["whitening", "adapter"])
def test_it_compares_through_the_guard_and_makes_templates_as_without(
    protect, spec, pictures, head
):
    learnt, others = pictures.take(pictures.person < 48), pictures.take(pictures.person >= 48)
    made = fitted(protect, spec, learnt, head)
    pairs, same = asked(others)
    behind = innermost(made)
    templates = [made.templates(side) for side in (pairs.left, pairs.right)]
    for side, rows in zip((pairs.left, pairs.right), templates, strict=True):
        np.testing.assert_array_equal(rows, behind.templates(side))
    shown = made.compare(*templates)
    assert np.isfinite(shown).all()
    made.reseed(np.random.default_rng(0))
    np.testing.assert_array_equal(made.logit(pairs), shown)
    np.testing.assert_array_equal(made.score(pairs), sigmoid(shown))
    np.testing.assert_array_equal(made.quick_logit(pairs), shown.astype(np.float32))
    np.testing.assert_array_equal(made.through(pairs)[:, 0], shown)
    seen = EmbeddedPairs((templates[0],), (templates[1],))
    expected = behind.compare(*templates)
    made.reseed(np.random.default_rng(0))
    for guard in made.guards:
        expected = guard.show(expected, seen)
    np.testing.assert_array_equal(shown, expected)
    np.testing.assert_array_equal(
        made.inside(pairs, same).columns(), behind.inside(pairs, same).columns()
    )
    assert made.base_name == head
    none = templates[0][:0]
    assert made.compare(none, none).shape == (0,)


def test_it_comes_back_bit_for_bit(protect, spec, pictures):
    made = fitted(protect, spec, pictures, "adapter")
    config, arrays = made.state()
    read = safetensors.numpy.load(safetensors.numpy.save(arrays))
    again = head_from_state(json.loads(json.dumps(config)), read)
    assert type(again) is type(made)
    assert (again.settings, again.dimensions) == (made.settings, made.dimensions)
    pairs, _ = asked(pictures)
    assert again.logit(pairs).tobytes() == made.logit(pairs).tobytes()
    assert again.state()[0] == config
    assert fitted(protect, spec, pictures, "adapter").logit(pairs).tobytes() == (
        head_from_state(config, arrays).logit(pairs).tobytes()
    )


def test_many_are_each_as_alone(protect, spec, pictures):
    rng = np.random.default_rng(3)
    members = [
        np.flatnonzero(np.isin(pictures.person, rng.permutation(60)[:count]))
        for count in (40, 40, 35)
    ]
    unfitted = protect(spec, "whitening")
    many = unfitted.fit_people_many(pictures, members, [8, 9, 8])
    pairs, _ = asked(pictures)
    for found, rows, seed in zip(many, members, [8, 9, 8], strict=True):
        alone = fitted(protect, spec, pictures.take(rows), seed=seed)
        for name, array in found.state()[1].items():
            np.testing.assert_allclose(array, alone.state()[1][name], rtol=1e-3, atol=1e-4)
        assert np.isclose(found.logit(pairs), alone.logit(pairs), atol=1e-3).mean() > 0.95
    assert unfitted.dimensions is None
    assert unfitted.fit_people_many(pictures, [], []) == []


def test_memguard_keeps_people_aside_whole(protect, pictures):
    made = protect("memguard:share=0.25", "whitening")
    report = made.fit_people(pictures, seed=4)
    kept, aside = made._split(pictures.person, 4)
    assert not set(pictures.person[kept]) & set(pictures.person[aside])
    assert len(set(pictures.person[aside])) == 15
    assert (report.pairs, report.held_out) == (180, 60)
    plain = fitted(protect, "none", pictures.take(kept), seed=4)
    np.testing.assert_array_equal(
        made.templates(pictures.embeddings), plain.templates(pictures.embeddings)
    )


def test_validation_and_wrong_use_are_those_of_the_adaptation(protect, pictures):
    made = protect("rounding", "adapter")
    with pytest.raises(UsageError, match="learns from pictures of known people, not from pairs"):
        made.fit(*asked(pictures), seed=0)
    with pytest.raises(UsageError, match="makes no template before it is fitted"):
        made.templates(pictures.embeddings)
    with pytest.raises(UsageError, match="shows people who are trained on"):
        made.fit_people(pictures, seed=0, validation=pictures)
    with pytest.raises(UsageError, match="guard memguard: 3 people with two pictures are too few"):
        protect("memguard", "whitening").fit_people(pictures.take(pictures.person < 3), seed=0)
