from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from facebone.data.faces.align import (
    align,
    alignment_matrix,
    apply_similarity,
    fit_robustly,
    fit_similarity,
    resize_whole,
)
from facebone.data.faces.templates import get_template
from facebone.errors import PictureError

ARCFACE = get_template("arcface-112x112")
FITS = [fit_similarity, fit_robustly]


def umeyama(source: npt.NDArray[np.float64], target: npt.NDArray[np.float64]) -> Any:
    """The general solution by singular values, as in the paper, for any dimension."""
    src, dst = source - source.mean(0), target - target.mean(0)
    covariance = dst.T @ src / len(src)
    u, values, vt = np.linalg.svd(covariance)
    signs = np.array([1, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = u @ np.diag(signs) @ vt
    scale = (values * signs).sum() / (src**2).sum(1).mean()
    shift = target.mean(0) - scale * rotation @ source.mean(0)
    return np.hstack([scale * rotation, shift[:, None]])


def similarity(turn: float, scale: float, x: float, y: float) -> npt.NDArray[np.float64]:
    a, b = scale * math.cos(turn), scale * math.sin(turn)
    return np.array([[a, -b, x], [b, a, y]])


similarities = st.builds(
    similarity,
    st.floats(-math.pi, math.pi),
    st.floats(0.05, 20),
    st.floats(-500, 3000),
    st.floats(-500, 3000),
)
noise = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).normal(0, 3, size=(5, 2))
)


@given(similarities, noise)
def test_least_squares_is_umeyamas(move: npt.NDArray[np.float64], shake: Any) -> None:
    source = apply_similarity(move, ARCFACE.points + shake)
    assert np.allclose(
        fit_similarity(source, ARCFACE.points), umeyama(source, ARCFACE.points), atol=1e-6
    )


@pytest.mark.parametrize("fit", FITS)
@given(move=similarities)
def test_an_exact_similarity_is_found(fit: Any, move: npt.NDArray[np.float64]) -> None:
    source = apply_similarity(move, ARCFACE.points)
    found = fit(source, ARCFACE.points)
    assert np.allclose(apply_similarity(found, source), ARCFACE.points, atol=1e-3)


@pytest.mark.parametrize("fit", FITS)
@given(move=similarities, shake=noise)
def test_fits_do_not_care_where_how_large_and_how_turned_the_face_is(
    fit: Any, move: npt.NDArray[np.float64], shake: Any
) -> None:
    landmarks = ARCFACE.points + shake
    moved = apply_similarity(move, landmarks)
    here = apply_similarity(fit(landmarks, ARCFACE.points), landmarks)
    there = apply_similarity(fit(moved, ARCFACE.points), moved)
    assert np.allclose(here, there, atol=0.02)


def test_the_robust_fit_is_opencvs_on_typical_landmarks() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        landmarks = ARCFACE.points * 1.2 + [60, 50] + rng.normal(0, 2, (5, 2))
        plain = cv2.estimateAffinePartial2D(landmarks, ARCFACE.points, method=cv2.LMEDS)[0]
        ours = fit_robustly(landmarks, ARCFACE.points)
        difference = apply_similarity(ours, landmarks) - apply_similarity(plain, landmarks)
        assert np.abs(difference).max() < 0.02


def test_one_landmark_that_does_not_fit_moves_only_the_least_squares() -> None:
    landmarks = ARCFACE.points.copy()
    landmarks[2] += [25, 0]  # the nose of a head that is turned
    robust = apply_similarity(fit_robustly(landmarks, ARCFACE.points), landmarks)
    least = apply_similarity(fit_similarity(landmarks, ARCFACE.points), landmarks)
    others = [0, 1, 3, 4]
    assert np.abs(robust - ARCFACE.points)[others].max() < 0.05
    assert np.abs(least - ARCFACE.points)[others].max() > 2


def test_dlibs_fit_goes_the_other_way() -> None:
    template = get_template("dlib-150x150")
    shake = np.random.default_rng(1).normal(0, 6, (5, 2))
    landmarks = template.points + shake
    back = np.linalg.inv(np.vstack([umeyama(template.points, landmarks), [0, 0, 1]]))[:2]
    assert np.allclose(alignment_matrix(landmarks, template), back)
    assert not np.allclose(
        alignment_matrix(landmarks, template), umeyama(landmarks, template.points)
    )


@pytest.mark.parametrize("name", ["arcface-112x112", "dlib-150x150"])
@pytest.mark.parametrize(
    ("landmarks", "message"),
    [
        pytest.param(
            np.full((5, 2), 30.0), "the landmarks (coincide|do not form a face)", id="one"
        ),
        pytest.param(np.full((5, 2), np.nan), "the landmarks are not in any picture", id="nan"),
        pytest.param(np.full((5, 2), np.inf), "the landmarks are not in any picture", id="inf"),
        pytest.param(ARCFACE.points * 1e200, "the landmarks are not in any picture", id="far"),
    ],
)
def test_landmarks_that_are_no_face(name: str, landmarks: Any, message: str) -> None:
    with pytest.raises(PictureError, match=message):
        align(np.zeros((50, 50, 3), dtype=np.uint8), landmarks, get_template(name))


def smooth(height: int, width: int) -> npt.NDArray[np.uint8]:
    rng = np.random.default_rng(4)
    coarse = rng.integers(0, 256, (height // 12, width // 12, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))


def warp_by_hand(image: Any, matrix: Any, size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Bilinear samples at the places that the crop's pixels come from, black outside."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    back = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
    x, y = apply_similarity(back, np.stack([columns.ravel(), rows.ravel()], axis=1)).T
    channels = [map_coordinates(image[:, :, c].astype(float), [y, x], order=1) for c in range(3)]
    return np.stack(channels, axis=1).reshape(*size, 3)


@pytest.mark.parametrize("name", ["arcface-112x112", "arcface-112x96"])
def test_the_warp_is_bilinear_at_the_usual_sizes(name: str) -> None:
    template = get_template(name)
    image = smooth(250, 250)
    landmarks = apply_similarity(similarity(0.2, 1.2, 70, 40), ARCFACE.points)
    crop = align(image, landmarks, template)
    assert crop.shape == (*template.size, 3)
    assert crop.dtype == np.uint8
    wanted = warp_by_hand(image, alignment_matrix(landmarks, template), template.size)
    assert np.abs(crop - wanted)[2:-2, 2:-2].max() < 4  # OpenCV rounds places to 1/32 pixel
    assert np.abs(crop - wanted).mean() < 0.5


def test_outside_the_picture_it_is_black() -> None:
    image = np.full((60, 60, 3), 200, dtype=np.uint8)
    crop = align(image, ARCFACE.points - [70, 0], ARCFACE)
    assert (crop[:, :60] == 0).all()
    assert (crop[:50, 72:] == 200).all()


@pytest.mark.parametrize("scale", [2, 3, 5.5, 9])
def test_a_large_face_is_averaged_not_sampled(scale: float) -> None:
    # One-pixel stripes average to grey; sampled, they come out as coarse bands.
    side = int(112 * scale)
    image = np.zeros((side, side, 3), dtype=np.uint8)
    image[:, ::2] = 255
    landmarks = (ARCFACE.points + 0.5) * scale - 0.5
    crop = align(image, landmarks, ARCFACE)[8:-8, 8:-8].astype(float)
    assert abs(crop.mean() - 127.5) < 3
    assert crop.std() < 30


@pytest.mark.parametrize("turn", [0.0, 0.4])
@pytest.mark.parametrize("scale", [1.9, 2, 2.7, 4, 7.3])
def test_shrinking_moves_nothing(scale: float, turn: float) -> None:
    # A smooth picture enlarged: the crop is the same, however large the face in it was.
    small = smooth(168, 168)
    size = round(168 * scale)
    large = np.asarray(cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC))
    landmarks = apply_similarity(similarity(turn, 1, 28, 20), ARCFACE.points)
    landmarks_large = (landmarks + 0.5) * (size / 168) - 0.5
    wanted = align(small, landmarks, ARCFACE).astype(float)
    crop = align(large, landmarks_large, ARCFACE).astype(float)
    assert np.abs(crop - wanted)[4:-4, 4:-4].mean() < 2
    # Moved by half a pixel it would differ by several times that.
    aside = align(small, landmarks + [0.5, 0], ARCFACE).astype(float)
    assert np.abs(aside - wanted)[4:-4, 4:-4].mean() > 2.5


def test_a_large_face_beside_the_picture() -> None:
    crop = align(np.full((50, 50, 3), 9, np.uint8), ARCFACE.points * 8 + 5000, ARCFACE)
    assert not crop.any()


def test_the_picture_is_left_alone() -> None:
    image = smooth(120, 120)
    before = image.copy()
    image.setflags(write=False)
    align(image, ARCFACE.points, ARCFACE)
    assert np.array_equal(image, before)


@given(move=similarities, shake=noise)
def test_a_crop_always_has_the_templates_size(move: npt.NDArray[np.float64], shake: Any) -> None:
    crop = align(smooth(60, 90), apply_similarity(move, ARCFACE.points + shake), ARCFACE)
    assert crop.shape == (112, 112, 3)


def test_the_whole_picture_resized() -> None:
    image = smooth(250, 200)
    crop = resize_whole(image, (112, 96))
    assert crop.shape == (112, 96, 3)
    rows = (np.arange(112) + 0.5) * 250 / 112 - 0.5
    columns = (np.arange(96) + 0.5) * 200 / 96 - 0.5
    grid = np.meshgrid(rows, columns, indexing="ij")
    wanted = map_coordinates(image[:, :, 0].astype(float), grid, order=1, mode="nearest")
    assert np.abs(crop[:, :, 0] - wanted).max() <= 1.5
