from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from facebone.config import home_folder
from facebone.data.faces import dlib_detector, yunet
from facebone.data.faces.detectors import DETECTORS, load_detector, resolve_detector
from facebone.data.faces.face import Detector, Face
from facebone.data.faces.templates import ARCFACE
from facebone.data.hashes import file_sha256
from facebone.data.pictures import RGB
from facebone.errors import MissingPartError, UnknownNameError, WeightsError

needs_dlib = pytest.mark.skipif(
    not dlib_detector.dlib_installed(), reason="the dlib extra is not installed"
)
REAL = ["yunet", pytest.param("dlib", marks=needs_dlib)]


@pytest.fixture(params=REAL)
def detector(request: pytest.FixtureRequest) -> Detector:
    if request.param == "yunet":
        request.getfixturevalue("assets")
    return load_detector(request.param)


def central(faces: list[Face], picture: RGB) -> Face:
    middle = np.array(picture.shape[1::-1]) / 2
    return min(faces, key=lambda face: float(np.hypot(*(face.landmarks.mean(0) - middle))))


def eye_distance(face: Face) -> float:
    return float(np.hypot(*(face.landmarks[1] - face.landmarks[0])))


def nothing_to_see() -> dict[str, RGB]:
    rng = np.random.default_rng(7)
    noise = rng.integers(0, 256, (250, 250, 3), dtype=np.uint8)
    rows = np.linspace(0, 1, 250)[:, None, None]
    sky = (np.array([90, 140, 230]) * (1 - rows) + np.array([60, 120, 40]) * rows).astype(np.uint8)
    return {
        "noise": noise,
        "clouds": np.asarray(cv2.GaussianBlur(noise, (0, 0), 6)),
        "landscape": np.ascontiguousarray(np.repeat(sky, 250, axis=1)),
        "black": np.zeros((250, 250, 3), dtype=np.uint8),
        "small": np.full((16, 16, 3), 90, dtype=np.uint8),
        "strip": np.full((16, 3000, 3), 90, dtype=np.uint8),
    }


@pytest.mark.parametrize("scene", sorted(nothing_to_see()))
def test_no_face_where_there_is_none(detector: Detector, scene: str) -> None:
    assert detector.detect(nothing_to_see()[scene]) == []


def test_faces_of_lfw_are_found_where_lfw_has_them(
    detector: Detector, lfw_faces: dict[str, RGB]
) -> None:
    for name, picture in lfw_faces.items():
        faces = detector.detect(picture)
        assert faces, name
        confidences = [face.confidence for face in faces]
        assert confidences == sorted(confidences, reverse=True)
        face = central(faces, picture)
        x, y, width, height = face.box
        assert abs(x + width / 2 - 125) < 30, name
        assert abs(y + height / 2 - 125) < 30, name
        assert face.landmarks.dtype == np.float32
        left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks
        assert left_eye[0] < nose[0] + 5, name
        assert nose[0] < right_eye[0] + 5, name
        assert left_mouth[0] < right_mouth[0], name
        assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1]), name


@needs_dlib
def test_the_two_detectors_agree_on_the_landmarks(assets: Path, lfw_faces: dict[str, RGB]) -> None:
    # They share no code, no weights and no training data.
    yunet_one, dlib_one = load_detector("yunet"), load_detector("dlib")
    differences = []
    for picture in lfw_faces.values():
        one = central(yunet_one.detect(picture), picture)
        other = central(dlib_one.detect(picture), picture)
        differences.append(np.abs(one.landmarks - other.landmarks) / eye_distance(one))
    assert np.median(differences) < 0.05
    assert np.percentile(differences, 90) < 0.2


def test_large_pictures_give_coordinates_of_the_whole_picture(
    detector: Detector, lfw_faces: dict[str, RGB]
) -> None:
    # Landmarks found at another scale differ by a few hundredths of the distance of the eyes.
    gaps = []
    for picture in list(lfw_faces.values())[:4]:
        small = central(detector.detect(picture), picture)
        large = np.asarray(cv2.resize(picture, (1750, 1750), interpolation=cv2.INTER_CUBIC))
        found = central(detector.detect(large), large)
        wanted = (small.landmarks + 0.5) * 7 - 0.5
        gaps.append(np.abs(found.landmarks - wanted) / eye_distance(found))
        assert np.abs(np.array(found.box) / 7 - small.box).max() < 15
    assert np.median(gaps) < 0.06
    assert np.max(gaps) < 0.3


def test_yunet_finds_a_small_face_in_a_large_picture(
    assets: Path, lfw_faces: dict[str, RGB]
) -> None:
    # Shrunk to 640 the face is about 12 pixels wide and not found; the second look finds it.
    scene = np.full((2500, 2500, 3), 120, dtype=np.uint8)
    picture = lfw_faces[sorted(lfw_faces)[0]]
    scene[1500:1625, 1800:1925] = cv2.resize(picture, (125, 125), interpolation=cv2.INTER_AREA)
    faces = load_detector("yunet").detect(scene)
    assert len(faces) == 1
    assert np.abs(faces[0].landmarks.mean(axis=0) - [1862, 1567]).max() < 15


def test_two_faces_are_two(detector: Detector, lfw_faces: dict[str, RGB]) -> None:
    names = [name for name in lfw_faces if len(detector.detect(lfw_faces[name])) == 1][:2]
    both = np.hstack([lfw_faces[name] for name in names])
    middles = sorted(face.landmarks[:, 0].mean() for face in detector.detect(both))
    assert len(middles) == 2
    assert middles[0] < 250 < middles[1]


def test_pictures_of_any_shape_in_any_order(detector: Detector, lfw_faces: dict[str, RGB]) -> None:
    picture = next(iter(lfw_faces.values()))
    before = central(detector.detect(picture), picture).landmarks
    cropped = picture[10:241, 31:220]
    assert detector.detect(cropped)
    assert detector.detect(nothing_to_see()["small"]) == []
    after = central(detector.detect(picture), picture).landmarks
    assert np.array_equal(before, after)


def test_the_picture_is_left_alone(detector: Detector, lfw_faces: dict[str, RGB]) -> None:
    picture = next(iter(lfw_faces.values())).copy()
    before = picture.copy()
    picture.setflags(write=False)
    detector.detect(picture)
    assert np.array_equal(picture, before)


def test_the_key_names_the_weights(assets: Path, tmp_path: Path) -> None:
    path = assets / "weights" / yunet.FILENAME
    same = tmp_path / "other name.onnx"
    same.write_bytes(path.read_bytes())
    assert load_detector(path).key == load_detector("yunet").key == load_detector(same).key
    assert file_sha256(path)[:16] in load_detector(path).key
    assert yunet.YuNetDetector(path, 0.9).key != load_detector(path).key


def test_a_higher_threshold_finds_fewer(assets: Path, lfw_faces: dict[str, RGB]) -> None:
    path = assets / "weights" / yunet.FILENAME
    low, high = yunet.YuNetDetector(path, 0.3), yunet.YuNetDetector(path, 0.92)
    for picture in list(lfw_faces.values())[:12]:
        wanted = [face for face in low.detect(picture) if face.confidence >= 0.92]
        found = high.detect(picture)
        assert [face.confidence for face in found] == [face.confidence for face in wanted]
    assert sum(len(low.detect(p)) - len(high.detect(p)) for p in lfw_faces.values()) > 0


def test_yunet_is_quiet(assets: Path) -> None:
    code = (
        "from facebone.data.faces.detectors import load_detector\n"
        "import numpy as np\n"
        "load_detector('yunet').detect(np.zeros((99, 55, 3), np.uint8))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_dlib
def test_dlib_has_its_own_landmarks_too(lfw_faces: dict[str, RGB]) -> None:
    detector = load_detector("dlib")
    for picture in lfw_faces.values():
        face = central(detector.detect(picture), picture)
        assert face.dlib_landmarks is not None
        right_outer, right_inner, left_outer, left_inner, nose = face.dlib_landmarks
        assert left_outer[0] < left_inner[0] < right_inner[0] < right_outer[0]
        assert nose[1] > max(left_inner[1], right_inner[1])
        # The middle of an eye's corners is its centre.
        middle = (left_outer + left_inner) / 2
        assert np.hypot(*(middle - face.landmarks[0])) < 0.15 * eye_distance(face)


@needs_dlib
def test_dlibs_landmarks_can_be_had_for_yunets_faces(
    assets: Path, lfw_faces: dict[str, RGB]
) -> None:
    yunet_one, dlib_one = load_detector("yunet"), load_detector("dlib")
    gaps = []
    for picture in lfw_faces.values():
        own = central(dlib_one.detect(picture), picture)
        other = central(yunet_one.detect(picture), picture)
        box = dlib_detector.box_around(other.landmarks)
        points = dlib_detector.predict_dlib_landmarks(picture, box)
        assert own.dlib_landmarks is not None
        gaps.append(np.abs(points - own.dlib_landmarks).max() / eye_distance(own))
    assert np.median(gaps) < 0.1


def test_the_box_around_landmarks_moves_with_them() -> None:
    x, y, width, height = dlib_detector.box_around(ARCFACE * 2 + [100, 50])
    assert width == pytest.approx(height) == pytest.approx(172)
    assert (x, y) == pytest.approx((100 + 2 * 14.5, 50 + 2 * 28.8))


def test_the_usual_five_of_the_68(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dlib")
    points = np.zeros((68, 2), dtype=np.float32)
    points[36:42] = [[0, 1], [1, 0], [2, 0], [3, 1], [2, 2], [1, 2]]
    points[42:48] = points[36:42] + 10
    points[30], points[48], points[54] = (6, 20), (2, 30), (9, 31)
    monkeypatch.setattr(dlib_detector, "_predict", lambda *_: points)
    detector = dlib_detector.DlibDetector.__new__(dlib_detector.DlibDetector)
    detector._sixty_eight = None
    five = detector._usual_five(np.zeros((9, 9, 3), dtype=np.uint8), (0, 0, 9, 9))
    assert five.tolist() == [[1.5, 1], [11.5, 11], [6, 20], [2, 30], [9, 31]]


def test_a_file_that_is_no_detector(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rubbish.onnx"
    path.write_bytes(b"\x08\x01rubbish" * 50)
    with pytest.raises(WeightsError, match=r"rubbish\.onnx: is not a YuNet face detector"):
        load_detector(path)
    assert capfd.readouterr() == ("", "")


def test_a_network_that_is_no_detector(assets: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(WeightsError, match="is not a YuNet face detector"):
        load_detector(assets / "weights" / "mobilefacenet_ms1m_b.onnx")
    assert capfd.readouterr() == ("", "")


def test_a_path_where_nothing_is(tmp_path: Path) -> None:
    with pytest.raises(MissingPartError, match=r"gone\.onnx: there is no such file"):
        load_detector(str(tmp_path / "gone.onnx"))


def test_a_folder_as_detector(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is not a file"):
        load_detector(tmp_path)


def test_an_unknown_name() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'yunet'"):
        load_detector("yunett")
    with pytest.raises(UnknownNameError, match="unknown face detector 'haar'"):
        resolve_detector("haar", "arcface-112x112")


def test_all_detectors_are_known_without_loading_them() -> None:
    assert DETECTORS.names() == ("dlib", "synthetic", "yunet")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    def has(*, yunet_there: bool, dlib_there: bool) -> None:
        found = Path("somewhere.onnx") if yunet_there else None
        monkeypatch.setattr(yunet, "find_yunet", lambda: found)
        monkeypatch.setattr(dlib_detector, "dlib_installed", lambda: dlib_there)

    return has


@pytest.mark.parametrize(
    ("yunet_there", "dlib_there", "template", "wanted"),
    [
        (True, True, "arcface-112x112", "yunet"),
        (True, False, "arcface-112x112", "yunet"),
        (False, True, "arcface-112x112", "dlib"),
        (True, True, "dlib-150x150", "dlib"),
        (True, False, "dlib-150x150", "yunet"),
        (False, True, "dlib-150x150", "dlib"),
    ],
)
def test_auto_takes_what_is_there(
    machine: Any, yunet_there: bool, dlib_there: bool, template: str, wanted: str
) -> None:
    machine(yunet_there=yunet_there, dlib_there=dlib_there)
    assert resolve_detector("auto", template) == wanted


def test_auto_names_both_ways_where_nothing_is_there(machine: Any) -> None:
    machine(yunet_there=False, dlib_there=False)
    with pytest.raises(MissingPartError) as caught:
        resolve_detector("auto", "arcface-112x112")
    assert "pip install 'facebone[dlib]'" in str(caught.value)
    assert "FACEBONE_ASSETS" in str(caught.value)


def test_names_and_paths_are_left_as_they_are(tmp_path: Path) -> None:
    assert resolve_detector("dlib", "arcface-112x112") == "dlib"
    assert resolve_detector("yunet", "dlib-150x150") == "yunet"
    assert resolve_detector(tmp_path / "x.onnx", "dlib-150x150") == str(tmp_path / "x.onnx")


def test_yunet_without_weights_names_the_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACEBONE_ASSETS", raising=False)
    with pytest.raises(MissingPartError) as caught:
        load_detector("yunet")
    for way in ("FACEBONE_ASSETS", "name the file", "pip install 'facebone[dlib]'"):
        assert way in str(caught.value)


def test_yunet_that_was_pulled_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACEBONE_ASSETS", raising=False)
    assert yunet.find_yunet() is None
    path = home_folder() / "weights" / yunet.FILENAME
    path.parent.mkdir(parents=True)
    path.touch()
    assert yunet.find_yunet() == path


def test_dlib_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(MissingPartError, match=r"pip install 'facebone\[dlib\]'"):
        load_detector("dlib")


def test_dlib_without_its_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dlib_detector, "find_spec", lambda name: None)
    assert not dlib_detector.dlib_installed()
    with pytest.raises(MissingPartError, match=r"model\.dat .* pip install 'facebone\[dlib\]'"):
        dlib_detector.model_path("model.dat")


def test_a_changed_file_is_hashed_again(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    for content in (b"one", b"three"):
        path.write_bytes(content)
        assert file_sha256(path) == hashlib.sha256(content).hexdigest()
