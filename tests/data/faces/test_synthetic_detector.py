"""The shipped detector, on synthetic people and backgrounds it never saw."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from facebone.data.faces.detectors import load_detector
from facebone.data.faces.face import Face
from facebone.data.faces.synthetic_detector import WEIGHTS, SyntheticDetector
from facebone.data.pictures import Points
from facebone.data.synthesis.backdrop import busy_backdrop
from facebone.data.synthesis.nuisance import Camera, Nuisance
from facebone.data.synthesis.recipe import Recipe, stream
from facebone.data.synthesis.render import render_face
from facebone.data.synthesis.scenes import RenderedScene, Sitter, draw_scene, render_scene
from facebone.errors import UsageError, WeightsError

SEED = 4242


@pytest.fixture(scope="module")
def detector() -> SyntheticDetector:
    return SyntheticDetector()


def scene(number: int, faces: int, shape: tuple[int, int] = (250, 250)) -> RenderedScene:
    recipes = [Recipe(SEED, 10 * number + k, 0) for k in range(faces)]
    people = [(recipe.identity(), recipe.nuisance()) for recipe in recipes]
    return draw_scene(stream("detector test scenes", number, faces), people, shape)


def miss(found: Points, true: Points) -> float:
    """Mean distance of landmarks, as a share of the distance between the eyes."""
    return float(np.hypot(*(found - true).T).mean() / np.hypot(*(true[1] - true[0])))


def nearest(faces: list[Face], true: Points) -> float:
    return min((miss(face.landmarks, true) for face in faces), default=np.inf)


def test_faces_in_scenes_are_found_where_they_are(detector: SyntheticDetector) -> None:
    errors, extra = [], 0
    for number in range(100):
        drawn = scene(number, 1 + number % 2)
        faces = detector.detect(drawn.image)
        errors += [nearest(faces, true) for true in drawn.landmarks]
        extra += max(0, len(faces) - len(drawn.landmarks))
    found = np.array(errors) < 0.4
    assert found.mean() > 0.97
    assert np.median(np.array(errors)[found]) < MEDIAN_SCENES
    assert extra <= 3


def test_rough_crops_are_found(detector: SyntheticDetector) -> None:
    errors = []
    for number in range(100):
        recipe = Recipe(SEED, number, 1)
        face = render_face(recipe.identity(), recipe.nuisance())
        errors.append(nearest(detector.detect(face.image), face.landmarks))
    found = np.array(errors) < 0.4
    assert found.mean() > 0.97
    assert np.median(np.array(errors)[found]) < MEDIAN_CROPS


def test_scenes_without_people_hold_no_face(detector: SyntheticDetector) -> None:
    empty = [not detector.detect(scene(number, 0).image) for number in range(100)]
    assert np.mean(empty) > 0.95


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((112, 112, 3), dtype=np.uint8),
        np.full((250, 180, 3), 128, dtype=np.uint8),
        np.full((60, 300, 3), 255, dtype=np.uint8),
        np.random.default_rng(0).integers(0, 256, (250, 250, 3), dtype=np.uint8),
        np.random.default_rng(1).integers(0, 256, (112, 112, 3), dtype=np.uint8),
        busy_backdrop((400, 300), 3),
        np.zeros((1, 1, 3), dtype=np.uint8),
        np.zeros((1, 900, 3), dtype=np.uint8),
    ],
    ids=["black", "grey", "white", "noise", "small noise", "backdrop", "1x1", "1x900"],
)
def test_nothing_is_found_in_nothing(
    detector: SyntheticDetector, image: npt.NDArray[np.uint8]
) -> None:
    assert detector.detect(image) == []


@pytest.mark.parametrize("size", [(120, 120), (250, 400), (600, 450), (1200, 1600)])
def test_pictures_of_any_size(detector: SyntheticDetector, size: tuple[int, int]) -> None:
    height, width = size
    recipe = Recipe(SEED, 7, 0)
    nuisance = Nuisance(camera=Camera(noise=2.0))
    sitter = Sitter(recipe.identity(), nuisance, width * 0.5, height * 0.5, min(size) / 180)
    drawn = render_scene([sitter], size, backdrop_seed=4, camera=nuisance.camera)
    faces = detector.detect(drawn.image)
    assert len(faces) == 1
    assert miss(faces[0].landmarks, drawn.landmarks[0]) < 0.1


def test_boxes_and_order(detector: SyntheticDetector) -> None:
    overlaps = []
    for number in range(20):
        drawn = scene(number, 2)
        faces = detector.detect(drawn.image)
        scores = [face.confidence for face in faces]
        assert scores == sorted(scores, reverse=True)
        assert all(0.3 <= score <= 1 for score in scores)
        for face in faces:
            assert face.landmarks.shape == (5, 2)
            assert face.landmarks.dtype == np.float32
            which = min(
                range(len(drawn.boxes)), key=lambda k: miss(face.landmarks, drawn.landmarks[k])
            )
            overlaps.append(overlap(face.box, drawn.boxes[which]))
    assert np.median(overlaps) > 0.7


def overlap(a: tuple[float, ...], b: npt.NDArray[np.float32]) -> float:
    """Intersection over union of two boxes."""
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    high = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(0.0, wide) * max(0.0, high)
    return float(both / (a[2] * a[3] + b[2] * b[3] - both))


def test_the_same_picture_gives_the_same_faces(detector: SyntheticDetector) -> None:
    image = scene(3, 1).image
    first, second = detector.detect(image)[0], SyntheticDetector().detect(image)[0]
    np.testing.assert_array_equal(first.landmarks, second.landmarks)
    assert first.box == second.box


def test_registered_small_and_with_a_key_of_its_own() -> None:
    detector = load_detector("synthetic")
    assert detector.name == "synthetic"
    assert detector.key.startswith("synthetic-0.3-")
    assert detector.key != SyntheticDetector(threshold=0.6).key
    assert WEIGHTS.stat().st_size <= 1_000_000


@pytest.mark.parametrize("threshold", [0.0, 1.0, -2.0])
def test_a_threshold_out_of_range_is_refused(threshold: float) -> None:
    with pytest.raises(UsageError, match="threshold: must be between 0 and 1"):
        SyntheticDetector(threshold=threshold)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((20, 20), dtype=np.uint8),
        np.zeros((20, 20, 4), dtype=np.uint8),
        np.zeros((20, 20, 3), dtype=np.float32),
        np.zeros((0, 20, 3), dtype=np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(
    detector: SyntheticDetector, image: npt.NDArray[np.uint8]
) -> None:
    with pytest.raises(UsageError, match=r"must be \(h, w, 3\) uint8, got"):
        detector.detect(image)


def test_missing_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"gone\.onnx: cannot be read; install facebone again"):
        SyntheticDetector(weights=tmp_path / "gone.onnx")


@pytest.mark.parametrize("content", [b"", b"not a network", WEIGHTS.read_bytes()[:50_000]])
def test_damaged_weights_are_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "damaged.onnx"
    file.write_bytes(content)
    with pytest.raises(WeightsError, match="is no ONNX network"):
        SyntheticDetector(weights=file)


# Measured over 300 scenes and crops: see benchmarks/results/synthetic_detector.json.
MEDIAN_SCENES = 0.045
MEDIAN_CROPS = 0.04
