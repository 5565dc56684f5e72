"""What templates and scores of synthetic faces tell of people, in small."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.attacks.access import Access
from facebone.attacks.attributes.answers import Budget
from facebone.attacks.attributes.asked import ask_about, order_gallery
from facebone.attacks.attributes.base import ATTRIBUTE_ATTACKS
from facebone.attacks.attributes.evidence import Evidence
from facebone.attacks.attributes.figures import measure_attributes
from facebone.attacks.attributes.traits import Traits, stated
from facebone.attacks.attributes.trial import infer_attributes
from facebone.data.synthetic import synthetic_dataset
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.heads import make_head
from facebone.verification.routes import open_routes

PEOPLE, PICTURES = 200, 2


@pytest.fixture(scope="module")
def faces():
    """A data set with embeddings, and its traits."""
    dataset = synthetic_dataset(PEOPLE, PICTURES, seed=21)
    engine = EmbeddingEngine(open_routes(["tiny_plain"], device="cpu"), workers=1)
    unit = normalise(engine.embed(dataset.pictures).matrices[0])
    return unit, Traits.read(dataset, stated(dataset))


@pytest.fixture(scope="module")
def asked(faces):
    """Scores of a cosine head, with a budget that ends early."""
    unit, traits = faces
    head = make_head("cosine")
    rows = np.arange(PEOPLE * PICTURES)
    gallery = order_gallery(traits.person, rows[:80], seed=0)
    return ask_about(
        lambda left, right: head.score(EmbeddedPairs((unit[left],), (unit[right],))),
        traits.person,
        known=rows[80:240],
        seen=rows[240:],
        gallery=gallery,
        budget=Budget(queries=320 * 50 + 100),
    )


@pytest.mark.parametrize("name", ATTRIBUTE_ATTACKS.names())
def test_colours_and_glasses_are_told_and_texture_is_not(faces, asked, name):
    unit, traits = faces
    rows = np.arange(len(traits))
    attack = ATTRIBUTE_ATTACKS.make(name)
    known, seen = asked.known, asked.seen
    if attack.access is Access.EMBEDDING:
        templates = unit.astype(np.float64)
        known, seen = (
            Evidence(traits.person[part], templates[part]) for part in (rows[80:240], rows[240:])
        )
    found = measure_attributes(
        infer_attributes(
            attack,
            known,
            traits.take(rows[80:240]),
            seen,
            traits.take(rows[240:]),
            seed=0,
            gallery=traits.take(asked.gallery),
        ),
        seed=0,
        replicates=200,
    )
    assert asked.answers.stopped == "queries"
    assert len(asked.gallery) == 50
    by_name = {one.name: one for one in found.attributes}
    for told in ("skin_tone", "long_hair"):
        assert by_name[told].auc.low > 0.7
        assert by_name[told].chance < 0.05
    assert by_name["moles"].auc.low < 0.6
    assert found.mean.low > found.control.high
    assert found.control.low < 0.5 < found.control.high
