"""Crops: as the engine makes them, and shown to another backbone."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.data.faces.prepare import Preparation
from facebone.data.faces.templates import get_template
from facebone.data.synthetic import synthetic_dataset
from facebone.verification.crops import crop_faces, recrop
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.routes import open_routes


def preparation(template, alignment="five-point"):
    return Preparation(alignment, "synthetic", template)


def test_crops_embed_as_the_pictures_do():
    pictures = synthetic_dataset(4, 2, seed=0).pictures
    (route,) = routes = open_routes(["tiny_mobile"])
    wanted = EmbeddingEngine(routes).embed(pictures).matrices[0]
    crops = crop_faces(pictures, route.preparation)
    np.testing.assert_allclose(route.backbone.embed(crops), wanted, atol=1e-4)


def marked(template):
    """A crop with a white spot at each landmark."""
    spec = get_template(template)
    points = (spec.substitute or spec).points
    face = np.zeros((*spec.size, 3), dtype=np.uint8)
    rows, columns = np.indices(spec.size)
    for x, y in points:
        face[(rows - y) ** 2 + (columns - x) ** 2 < 9] = 255
    return face, points


@pytest.mark.parametrize("wanted", ["arcface-64x64", "dlib-150x150", "arcface-112x96"])
def test_landmarks_come_to_lie_where_the_other_template_wants_them(wanted):
    face, _ = marked("arcface-112x112")
    spec = get_template(wanted)
    points = (spec.substitute or spec).points
    (shown,) = recrop(face[None], preparation("arcface-112x112"), preparation(wanted))
    assert shown.shape == (*spec.size, 3)
    scale = spec.size[0] / 112
    for x, y in points:
        near = shown[round(y) - 3 : round(y) + 4, round(x) - 3 : round(x) + 4]
        assert near.max() > 60, (wanted, x, y, scale)


def test_the_same_template_changes_nothing_and_whole_pictures_are_resized():
    face, _ = marked("arcface-112x112")
    same = preparation("arcface-112x112")
    np.testing.assert_array_equal(recrop(face[None], same, same), face[None])
    whole = [preparation(name, "none") for name in ("arcface-112x112", "dlib-150x150")]
    assert recrop(face[None], *whole).shape == (1, 150, 150, 3)
    assert recrop(face[:0][None][:0], *whole).shape == (0, 150, 150, 3)
