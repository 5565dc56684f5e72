"""Curves, their projection, and the similarity onto the template."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from facebone.data.faces.align import apply_similarity, fit_similarity
from facebone.data.faces.templates import ARCFACE
from facebone.data.synthesis.nuisance import Pose
from facebone.data.synthesis.sketch import (
    CENTRE_Y,
    HALF_DEPTH,
    PIVOT_Y,
    TEMPLATE,
    Curves,
    Frame,
    Sketch,
    crop_error,
    fit_template,
)

angles = st.floats(-60, 60)


def test_fit_template_agrees_with_alignment() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        marks = (TEMPLATE * rng.uniform(0.5, 2) + rng.normal(0, 6, (5, 2))).astype(np.float32)
        frame = fit_template(marks)
        expected = apply_similarity(fit_similarity(marks, ARCFACE), marks)
        moved = Curves(marks.astype(float), {"all": slice(0, 5)}).moved(frame)["all"]
        np.testing.assert_allclose(moved, expected, atol=1e-3)


@given(st.floats(-3, 3), st.floats(0.2, 4), st.floats(-50, 50), st.floats(-3, 3))
def test_then_is_one_similarity_after_the_other(a: float, s: float, x: float, b: float) -> None:
    first, second = Frame(s * np.exp(1j * a), complex(x, 2)), Frame(np.exp(1j * b), complex(1, x))
    points = Curves(np.array([[1.0, 2.0], [-3.0, 5.0]]), {"p": slice(0, 2)})
    twice = points.moved(first).moved(second)["p"]
    np.testing.assert_allclose(points.moved(first.then(second))["p"], twice, atol=1e-9)


def test_a_rough_crop_turns_about_the_middle_of_the_template() -> None:
    frame = crop_error(Pose(roll=20.0, zoom=1.1))
    middle = complex(*TEMPLATE.mean(axis=0))
    assert abs(frame.turn * middle + frame.move - middle) < 0.2
    assert abs(frame.scale - 1.1) < 1e-12


def test_scaled_curves_keep_the_corner_of_the_picture() -> None:
    # Whole numbers are centres of pixels: the corner is at -0.5 whatever the size.
    curves = Curves(np.array([[-0.5, -0.5], [0.0, 1.0]]), {"p": slice(0, 2)}).scaled(2.0)
    np.testing.assert_allclose(curves["p"], [[-0.5, -0.5], [0.5, 2.5]])


def test_smooth_curves_pass_through_their_control_points() -> None:
    points = [(0.0, 0.0, 0.0), (4.0, 1.0, 0.0), (5.0, 6.0, 0.0), (1.0, 7.0, 0.0)]
    for closed, count in ((True, 20), (False, 16)):
        sketch = Sketch(36.0)
        sketch.in_plane("curve", points, smooth=5, closed=closed)
        curve = sketch.project(Pose())["curve"]
        assert len(curve) == count
        np.testing.assert_allclose(curve[::5][:4], [p[:2] for p in points], atol=1e-9)


def test_a_face_seen_from_the_front_is_drawn_as_it_is() -> None:
    sketch = Sketch(36.0)
    sketch.on_face("marks", [(-17.0, 0.0), (3.0, 40.0)])
    np.testing.assert_allclose(
        sketch.project(Pose())["marks"], [[-17.0, 0.0], [3.0, 40.0]], atol=1e-12
    )


@given(angles, angles)
def test_the_tip_of_the_skull_turns_as_a_rotation_says(yaw: float, pitch: float) -> None:
    sketch = Sketch(36.0)
    sketch.on_face("tip", [(0.0, CENTRE_Y)])
    y, z = np.radians(yaw), HALF_DEPTH
    turned_x, turned_z = z * np.sin(y), z * np.cos(y)
    p = np.radians(pitch)
    turned_y = PIVOT_Y + (CENTRE_Y - PIVOT_Y) * np.cos(p) + turned_z * np.sin(p)
    found = sketch.project(Pose(yaw=yaw, pitch=pitch))["tip"][0]
    np.testing.assert_allclose(found, [turned_x, turned_y], atol=1e-9)


@given(angles)
def test_turning_left_mirrors_turning_right(yaw: float) -> None:
    sketch = Sketch(36.0)
    sketch.on_face("marks", [(-17.0, 3.0), (17.0, 3.0)], lift=2.0)
    right = sketch.project(Pose(yaw=yaw))["marks"]
    left = sketch.project(Pose(yaw=-yaw))["marks"]
    np.testing.assert_allclose(left[::-1] * (-1, 1), right, atol=1e-9)
