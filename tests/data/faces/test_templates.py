from __future__ import annotations

import numpy as np
import pytest

from facebone.data.faces.align import apply_similarity, fit_similarity, invert_similarity
from facebone.data.faces.templates import get_template
from facebone.errors import UnknownNameError


def test_arcface_is_the_published_one() -> None:
    # InsightFace, python-package/insightface/utils/face_align.py, arcface_dst.
    template = get_template("arcface-112x112")
    assert template.size == (112, 112)
    assert template.scheme == "five-point"
    assert template.points[0].tolist() == [38.2946, 51.6963]
    assert template.points[4].tolist() == [70.7299, 92.2041]


def test_the_narrow_crop_is_the_published_one() -> None:
    # SphereFace's 96x112 reference points (width first), matlab code of the paper.
    template = get_template("arcface-112x96")
    assert template.size == (112, 96)
    published = [
        [30.2946, 51.6963],
        [65.5318, 51.5014],
        [48.0252, 71.7366],
        [33.5493, 92.3655],
        [62.7299, 92.2041],
    ]
    assert np.allclose(template.points, published, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "base", "factor"),
    [("arcface-224x224", "arcface-112x112", 2), ("arcface-224x192", "arcface-112x96", 2)],
)
def test_other_sizes_are_scaled(name: str, base: str, factor: int) -> None:
    assert np.allclose(get_template(name).points, get_template(base).points * factor)
    assert get_template(name).size == tuple(side * factor for side in get_template(base).size)


@pytest.mark.parametrize(
    "name",
    ["arcface", "arcface-112", "arcface-112x100", "dlib-150x112", "arcface-0x0", "none", ""],
)
def test_unknown_templates_are_refused(name: str) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown alignment template .*arcface-112x112"):
        get_template(name)


def test_dlib_chip_is_where_dlib_cuts_it() -> None:
    dlib = pytest.importorskip("dlib")
    template = get_template("dlib-150x150")
    assert template.scheme == "dlib-five"
    rng = np.random.default_rng(5)
    for turn in (-0.7, 0.0, 0.1, 1.2):
        # Landmarks that do not fit exactly, in whole pixels as dlib has them.
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        points = np.rint((template.points - 75) @ rotation.T * 0.8 + rng.normal(0, 4, (5, 2)) + 200)
        parts = dlib.points([dlib.point(int(x), int(y)) for x, y in points])
        shape = dlib.full_object_detection(dlib.rectangle(100, 100, 300, 300), parts)
        details = dlib.get_face_chip_details(shape, 150, 0.25)
        to_picture = fit_similarity(template.points, points)
        # dlib gives the chip as a rectangle of real numbers and a turn about its centre.
        scale = np.hypot(to_picture[0, 0], to_picture[1, 0])
        assert details.angle == pytest.approx(np.arctan2(to_picture[1, 0], to_picture[0, 0]))
        assert details.rect.width() == pytest.approx(150 * scale, rel=1e-6)
        centre = apply_similarity(to_picture, [[74.5, 74.5]])[0]
        rect = details.rect
        dlib_centre = [(rect.left() + rect.right()) / 2, (rect.top() + rect.bottom()) / 2]
        assert centre == pytest.approx(dlib_centre, abs=1e-6)


def test_the_substitute_is_roughly_the_same_crop() -> None:
    template = get_template("dlib-150x150")
    substitute = template.substitute
    assert substitute is not None
    assert substitute.scheme == "five-point"
    # Both put the middle of the eyes in the same place: the corners of an eye surround its centre.
    right_eye = template.points[:2].mean(axis=0)
    left_eye = template.points[2:4].mean(axis=0)
    assert np.abs(substitute.points[0] - left_eye).max() < 4
    assert np.abs(substitute.points[1] - right_eye).max() < 4


def test_there_and_back() -> None:
    matrix = fit_similarity(
        get_template("arcface-112x112").points, [[3, 1], [9, 2], [6, 5], [4, 8], [8, 9]]
    )
    points = np.random.default_rng(0).normal(size=(7, 2))
    assert np.allclose(
        apply_similarity(invert_similarity(matrix), apply_similarity(matrix, points)), points
    )
