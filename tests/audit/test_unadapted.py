"""The verifier that has learnt from nobody: also where the target's backbones are cut."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facebone.attacks.access import Channel
from facebone.audit.answers import answer
from facebone.audit.gallery import Gallery
from facebone.audit.material import Material
from facebone.audit.target import observe_blind
from facebone.audit.unadapted import as_published, describe_unadapted, unadapted_scores
from facebone.data.pairs import Pairs
from facebone.verification.embedded_pairs import normalise
from facebone.verification.heads import make_head

CUT, WHOLE = (0,), (1,)


@pytest.fixture(scope="module")
def gallery() -> Gallery:
    """Noise under the same backbone, cut and whole; the rows at the cut have other lengths."""
    from facebone.backbones.zoo import load_backbone

    faces = np.random.default_rng(0).integers(0, 256, (120, 64, 64, 3), dtype=np.uint8)
    whole, cut = (
        load_backbone(name, device="cpu").embed(faces) for name in ("tiny_plain", "tiny_plain@2")
    )
    mirrored = [
        load_backbone(name, device="cpu").embed(faces[:, :, ::-1])
        for name in ("tiny_plain", "tiny_plain@2")
    ]
    return Gallery(
        backbones=("tiny_plain@2", "tiny_plain"),
        matrices=(0.01 * cut, whole),
        ids=np.arange(120).astype(str),
        people=(np.arange(120) // 2).astype(str),
        changed=((mirrored[1], mirrored[0]),),
    )


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    left = np.arange(0, 120, 2)
    right = np.r_[left + 1, (left + 3) % 120]
    return Pairs(np.r_[left, left], right, np.arange(120) < 60)


def test_unadapted_scores_are_mean_cosines_whatever_the_lengths(material: Material) -> None:
    pairs, columns = material.pool, (0, 2)
    scaled = replace(material, matrices=tuple(3 * matrix for matrix in material.matrices))
    found = unadapted_scores(scaled, pairs, columns)
    for i in range(0, len(pairs), 37):
        cosines = []
        for column in columns:
            a, b = (material.matrices[column][side[i]] for side in (pairs.left, pairs.right))
            cosines.append(float(a @ b) / float(np.linalg.norm(a) * np.linalg.norm(b)))
        assert found[i] == pytest.approx(np.mean(cosines), abs=1e-6)


def test_beside_a_cut_backbone_stands_the_whole_one(gallery: Gallery, pairs: Pairs) -> None:
    """Rows at the cut have a cosine too, which is no verifier's."""
    cut, whole = (unadapted_scores(gallery, pairs, columns) for columns in (CUT, WHOLE))
    np.testing.assert_allclose(cut, whole, atol=1e-4)
    assert np.abs(gallery.embedded(pairs, CUT).cosines()[:, 0] - whole).max() > 0.01
    assert describe_unadapted(gallery.backbones[:1]) == "cosine of tiny_plain"


def test_who_asks_for_what_it_gained_sees_the_whole_backbone(
    gallery: Gallery, pairs: Pairs
) -> None:
    head = make_head("logistic")
    head.fit(gallery.embedded(pairs, CUT), pairs.same, seed=0)
    found = answer(head, gallery, pairs, CUT, channels=[Channel.UNADAPTED], seed=0)
    expected = unadapted_scores(gallery, pairs, WHOLE)
    np.testing.assert_allclose(found.channels[Channel.UNADAPTED][:, 0], expected, atol=1e-4)


@pytest.mark.parametrize("calibrated", [True, False])
def test_the_blind_baseline_is_made_of_whole_backbones(
    gallery: Gallery, pairs: Pairs, calibrated: bool
) -> None:
    # Of few control people it is the cosine itself.
    control = pairs if calibrated else pairs.take(np.arange(55, 65))
    channels = (Channel.VARIANTS, Channel.COSINE, Channel.TEMPLATES) if calibrated else ()
    cut, whole = (
        observe_blind(gallery, control, pairs, columns, channels, adapted=True)
        for columns in (CUT, WHOLE)
    )
    np.testing.assert_allclose(cut.score, whole.score, atol=1e-3)
    for name in channels:
        np.testing.assert_allclose(cut.channels[name], whole.channels[name], atol=5e-3)


def test_what_is_not_cut_stays_the_same_object(gallery: Gallery) -> None:
    assert as_published(gallery, WHOLE) is gallery
    both = as_published(gallery, (0, 1))
    assert both.backbones == ("tiny_plain", "tiny_plain")
    assert both.matrices[1] is gallery.matrices[1]
    np.testing.assert_allclose(both.matrices[0], normalise(gallery.matrices[1]), atol=1e-4)
