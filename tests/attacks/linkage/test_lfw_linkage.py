"""Real faces: templates of two backbones are linked, and secret rotations hide little."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.attacks.linkage.base import LINKAGES
from facebone.attacks.linkage.figures import measure_linkage
from facebone.attacks.linkage.records import Records, deal
from facebone.attacks.linkage.view import Anchors, LinkageView

pytestmark = pytest.mark.assets


@pytest.fixture(scope="module")
def lfw(assets):
    """Embeddings of LFW by backbone, who is on which picture, who has two, and who has one."""
    stored = np.load(assets / "lfw" / "view2_embeddings.npz")
    person = np.array([name.rsplit("_", 1)[0] for name in stored["names"]])
    names, count = np.unique(person, return_counts=True)
    embeddings = {k: stored[f"{k}_aligned"].astype(np.float64) for k in ("a", "b", "dlib")}
    return embeddings, person, names[count >= 2], names[count == 1]


def linked(lfw, one, two, anchors, name, key=None):
    embeddings, person, several, single = lfw
    shared = deal(person, several[:400], seed=0)
    first = Records.enrol(embeddings[one], person, shared.first)
    second = Records.enrol(embeddings[two], person, shared.second)
    rows = np.flatnonzero(np.isin(person, single[:anchors]))
    known = Anchors(embeddings[one][rows], embeddings[two][rows], person[rows]) if anchors else None
    templates = second.templates if key is None else second.templates @ key
    found = LINKAGES.make(name).link(LinkageView(first.templates, templates, known), seed=0)
    return measure_linkage(found, first.person, second.person, seed=0, replicates=50)


def test_two_public_backbones_are_linked_by_a_straight_map(lfw):
    assert linked(lfw, "a", "b", 0, "direct").auc.value < 0.6
    few, many = (linked(lfw, "a", "b", anchors, "linear_alignment") for anchors in (64, 500))
    assert few.auc.value > 0.97
    assert many.auc.value > 0.99
    assert many.rank_one.value > 0.9 > few.rank_one.value > 0.5


def test_the_same_templates_under_another_key_are_found_without_anchors(lfw):
    embeddings, person, several, _ = lfw
    key = np.linalg.qr(np.random.default_rng(0).normal(size=(128, 128)))[0]
    record = Records.enrol(embeddings["b"], person, deal(person, several[:200], seed=0).first)
    view = LinkageView(record.templates, record.templates @ key)
    found = LINKAGES.make("unaligned", {"axes": 1, "rounds": 2}).link(view, seed=0)
    assert (found.argmax(axis=1) == np.arange(200)).mean() > 0.99
