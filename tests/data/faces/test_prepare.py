from __future__ import annotations

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from facebone.data.faces import prepare
from facebone.data.faces.align import align, resize_whole
from facebone.data.faces.detectors import DETECTORS
from facebone.data.faces.dlib_detector import dlib_installed
from facebone.data.faces.face import Detector, Face
from facebone.data.faces.prepare import Preparation, centred_landmarks, plan_preparation
from facebone.data.faces.templates import ARCFACE, get_template
from facebone.data.pictures import RGB
from facebone.errors import (
    MissingPartError,
    NoFaceError,
    PictureError,
    SeveralFacesError,
    UnknownNameError,
    UsageError,
)

FIRST = (ARCFACE + [10, 20]).astype(np.float32)
SECOND = (ARCFACE * 1.5 + [120, 60]).astype(np.float32)


class FakeDetector(Detector):
    """Finds what it is told to."""

    name = "fake"
    faces: tuple[Face, ...] = ()

    def __init__(self) -> None:
        self.thread = threading.get_ident()

    @property
    def key(self) -> str:
        return "fake:1"

    def detect(self, image: RGB) -> list[Face]:
        assert threading.get_ident() == self.thread
        return list(self.faces)


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeDetector]:
    monkeypatch.setitem(DETECTORS._parts, "fake", FakeDetector)
    monkeypatch.setattr(prepare, "_THREAD", threading.local())
    near = Face((30, 60, 70, 80), 0.6, FIRST)
    large = Face((150, 90, 120, 140), 0.9, SECOND)
    monkeypatch.setattr(FakeDetector, "faces", (large, near))
    return FakeDetector


def picture(height: int = 200, width: int = 300) -> RGB:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def five_point(**options: str) -> Preparation:
    return Preparation("five-point", "fake", "arcface-112x112", **options)


def test_the_face_nearest_the_centre_by_default() -> None:
    image = picture(200, 140)
    prepared = five_point().prepare(image, location="x")
    assert prepared.face is not None
    assert prepared.face.confidence == 0.6
    assert not prepared.guessed
    assert np.array_equal(prepared.crop, align(image, FIRST, get_template("arcface-112x112")))


def test_the_largest_on_request() -> None:
    image = picture(200, 140)
    prepared = five_point(choose="largest").prepare(image, location="x")
    assert np.array_equal(prepared.crop, align(image, SECOND, get_template("arcface-112x112")))


def test_all_on_request() -> None:
    image = picture(200, 140)
    crops = five_point().prepare_all(image, location="x")
    assert [crop.face.confidence for crop in crops if crop.face] == [0.6, 0.9]
    assert np.array_equal(crops[0].crop, five_point().prepare(image, location="x").crop)
    assert [face.confidence for face in five_point().faces(image)] == [0.6, 0.9]


def test_only_refuses_several() -> None:
    with pytest.raises(SeveralFacesError, match=r"^two\.jpg: shows 2 faces"):
        five_point(choose="only").prepare(picture(), location="two.jpg")


def test_no_face(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeDetector, "faces", ())
    with pytest.raises(NoFaceError, match=r"^wall\.jpg: no face was found; use a picture"):
        five_point().prepare(picture(), location="wall.jpg")
    assert five_point().prepare_all(picture(), location="wall.jpg") == []


def test_no_face_but_a_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeDetector, "faces", ())
    image = picture(250, 250)
    prepared = five_point(missing="centre").prepare(image, location="x")
    assert prepared.guessed
    assert prepared.face is None
    guess = centred_landmarks((250, 250))
    assert np.array_equal(prepared.crop, align(image, guess, get_template("arcface-112x112")))


def test_the_guess_lies_in_the_central_square() -> None:
    square = centred_landmarks((250, 250))
    assert np.array_equal(centred_landmarks((250, 450)), square + np.float32([100, 0]))
    assert np.array_equal(centred_landmarks((350, 250)), square + np.float32([0, 50]))
    assert np.abs(square.mean(axis=0) - [126, 135]).max() < 3


def test_stated_landmarks_need_no_detector() -> None:
    image = picture()
    preparation = Preparation("five-point", "no/such/file.onnx", "arcface-112x112")
    prepared = preparation.prepare(image, FIRST, location="x")
    assert prepared.face is None
    assert not prepared.guessed
    assert np.array_equal(prepared.crop, align(image, FIRST, get_template("arcface-112x112")))
    with pytest.raises(MissingPartError):
        preparation.prepare(image, location="x")


def test_landmarks_that_are_no_face_name_the_picture() -> None:
    with pytest.raises(PictureError, match=r"^a\.png: the landmarks coincide"):
        five_point().prepare(picture(), np.ones((5, 2), np.float32), location="a.png")


def test_none_is_the_whole_picture() -> None:
    image = picture()
    preparation = Preparation("none", "none", "arcface-112x96")
    prepared = preparation.prepare(image, FIRST, location="x")
    assert np.array_equal(prepared.crop, resize_whole(image, (112, 96)))
    assert "none" in preparation.key
    (only,) = preparation.prepare_all(image, location="x")
    assert np.array_equal(only.crop, prepared.crop)


def test_the_narrow_template() -> None:
    preparation = Preparation("five-point", "fake", "arcface-112x96")
    wide = five_point().prepare(picture(), location="x").crop
    narrow = preparation.prepare(picture(), location="x").crop
    assert narrow.shape == (112, 96, 3)
    # The same crop without eight pixels on each side, as good as the arithmetic allows.
    difference = np.abs(narrow.astype(int) - wide[:, 8:-8].astype(int))
    assert np.percentile(difference, 95) <= 2


def test_dlibs_chip_without_dlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "_predictor_here", lambda: False)
    preparation = Preparation("five-point", "fake", "dlib-150x150")
    template = get_template("dlib-150x150").substitute
    assert template is not None
    image = picture(200, 140)
    assert np.array_equal(
        preparation.prepare(image, location="x").crop, align(image, FIRST, template)
    )
    without = preparation.key
    monkeypatch.setattr(prepare, "_predictor_here", lambda: True)
    assert preparation.key != without


def test_dlibs_chip_by_dlibs_own_points(monkeypatch: pytest.MonkeyPatch) -> None:
    template = get_template("dlib-150x150")
    points = (template.points * 0.5 + 20).astype(np.float32)
    face = Face((0, 0, 9, 9), 0.9, FIRST, dlib_landmarks=points)
    monkeypatch.setattr(FakeDetector, "faces", (face,))
    image = picture()
    crop = Preparation("five-point", "fake", "dlib-150x150").prepare(image, location="x").crop
    assert np.array_equal(crop, align(image, points, template))


def test_a_preparation_is_a_value() -> None:
    one = five_point(choose="largest")
    assert pickle.loads(pickle.dumps(one)) == one
    assert len({one, five_point(choose="largest"), five_point()}) == 2
    assert pickle.loads(pickle.dumps(one)).key == one.key


def test_the_key_tells_preparations_apart() -> None:
    keys = {
        preparation.key
        for preparation in (
            five_point(),
            five_point(choose="largest"),
            five_point(missing="centre"),
            Preparation("five-point", "fake", "arcface-112x96"),
            Preparation("five-point", "fake", "dlib-150x150"),
            Preparation("none", "none", "arcface-112x112"),
            Preparation("none", "none", "arcface-112x96"),
        )
    }
    assert len(keys) == 7
    assert "fake:1" in five_point().key
    # What `none` does depends on no detector.
    assert (
        Preparation("none", "yunet", "arcface-112x112").key
        == Preparation("none", "none", "arcface-112x112").key
    )


def test_every_thread_has_its_own_detector() -> None:
    barrier = threading.Barrier(3)

    def work(_: int) -> int:
        barrier.wait(10)
        five_point().prepare(picture(), location="x")  # the fake asserts which thread it is in
        five_point().prepare(picture(), location="x")
        return id(five_point()._detector)

    with ThreadPoolExecutor(3) as pool:
        assert len(set(pool.map(work, range(3)))) == 3


@pytest.mark.parametrize(
    ("option", "value"),
    [("alignment", "seven-point"), ("choose", "smallest"), ("missing", "ignore")],
)
def test_options_that_do_not_exist(option: str, value: str) -> None:
    options = {"alignment": "five-point", "detector": "fake", "template": "arcface-112x112"}
    with pytest.raises(UsageError, match=rf"^{option}: must be one of .*, got '{value}'"):
        Preparation(**{**options, option: value})


def test_an_unknown_template() -> None:
    with pytest.raises(UnknownNameError, match="alignment template 'arcface'"):
        Preparation("five-point", "fake", "arcface")


def test_planning_resolves_the_detector() -> None:
    assert plan_preparation("arcface-112x112", detector="fake") == five_point()
    assert plan_preparation("arcface-112x112", alignment="none").detector == "none"
    planned = plan_preparation("arcface-112x112", detector="fake", choose="only", missing="centre")
    assert planned == five_point(choose="only", missing="centre")


def test_planning_without_a_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facebone.data.faces.dlib_detector.dlib_installed", lambda: False)
    monkeypatch.delenv("FACEBONE_ASSETS", raising=False)
    with pytest.raises(MissingPartError, match=r"facebone\[dlib\].*FACEBONE_ASSETS"):
        plan_preparation("arcface-112x112")


def embed_bare(network: Path, crops: list[RGB]) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(network), providers=["CPUExecutionProvider"])
    batch = np.stack(crops).astype(np.float32).transpose(0, 3, 1, 2)
    name = session.get_inputs()[0].name
    return np.asarray(session.run(None, {name: np.ascontiguousarray(batch)})[0])


def cosines(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    scale = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    return np.asarray((left * right).sum(axis=1) / scale)


@pytest.mark.parametrize("alignment", ["five-point", "none"])
def test_crops_of_lfw_embed_as_they_did_elsewhere(
    assets: Path, lfw_faces: dict[str, RGB], alignment: str
) -> None:
    """The file of embeddings was made by another program from the same pictures."""
    oracle = np.load(assets / "lfw" / "view2_embeddings.npz")
    rows = {str(name): row for row, name in enumerate(oracle["names"])}
    names = [name for name in lfw_faces if name in rows]
    assert len(names) >= 15
    preparation = plan_preparation("arcface-112x112", alignment=alignment, detector="yunet")
    crops = [preparation.prepare(lfw_faces[name], location=name).crop for name in names]
    embedded = embed_bare(assets / "weights" / "mobilefacenet_ms1m_b.onnx", crops)
    wanted = oracle["b_aligned" if alignment == "five-point" else "b_plain"]
    agreement = cosines(embedded, wanted[[rows[name] for name in names]])
    assert agreement.min() > 0.999


@pytest.mark.skipif(not dlib_installed(), reason="the dlib extra is not installed")
@pytest.mark.parametrize(("detector", "limit"), [("dlib", 1.5), ("yunet", 2.5)])
def test_chips_of_lfw_are_those_that_dlib_cuts(
    assets: Path, lfw_faces: dict[str, RGB], detector: str, limit: float
) -> None:
    import dlib

    from facebone.data.faces.dlib_detector import model_path

    find = dlib.get_frontal_face_detector()
    predict = dlib.shape_predictor(str(model_path("shape_predictor_5_face_landmarks.dat")))
    preparation = plan_preparation("dlib-150x150", detector=detector)
    differences = []
    for name, image in lfw_faces.items():
        boxes = find(image, 0)
        if len(boxes) == 1:
            chip = dlib.get_face_chip(image, predict(image, boxes[0]), 150, 0.25)
            crop = preparation.prepare(image, location=name).crop
            difference = np.abs(chip.astype(int) - crop.astype(int))
            differences.append(difference[15:-15, 15:-15].mean())
    assert len(differences) >= 20
    assert np.median(differences) < limit
