"""Shifted domains: what becomes of pixels, where the face is looked for, and keys of the store."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import numpy as np
import pytest

from facebone.data.faces import prepare as preparing
from facebone.data.faces.face import Face
from facebone.data.faces.prepare import Preparation, centred_landmarks
from facebone.data.faces.templates import get_template
from facebone.data.pictures import RGB, Points
from facebone.data.shifts import (
    SHIFTS,
    Blurred,
    CropShift,
    LowResolution,
    Occluded,
    Shift,
    ShiftedPreparation,
    Unaligned,
    face_side,
)
from facebone.errors import UsageError

TEMPLATE = "arcface-112x112"
USUAL = get_template(TEMPLATE).points.astype(np.float32)
PLAIN = Preparation("five-point", "yunet", TEMPLATE)

CROP_SHIFTS = [shift for shift in SHIFTS if isinstance(shift, CropShift)]
every_crop_shift = pytest.mark.parametrize("shift", CROP_SHIFTS, ids=lambda one: one.kind)


def speckles(shape: tuple[int, int] = (112, 112), seed: int = 0) -> RGB:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


def test_kinds_and_names_are_stable() -> None:
    assert [shift.kind for shift in SHIFTS] == [
        *("unaligned", "low_resolution", "blurred", "occluded")
    ]
    assert [shift.name for shift in SHIFTS] == [
        *("unaligned", "low_resolution-24", "blurred-0.03", "occluded")
    ]


@every_crop_shift
@pytest.mark.parametrize("template", [TEMPLATE, "arcface-64x64", "arcface-112x96"])
def test_pixels_change_but_not_the_shape_nor_the_original(shift: CropShift, template: str) -> None:
    found = get_template(template)
    crop = speckles(found.size)
    before = crop.copy()
    after = shift.apply(crop, found.points.astype(np.float32))
    assert (after.shape, after.dtype) == (crop.shape, np.uint8)
    assert np.mean(after != crop) > 0.2
    np.testing.assert_array_equal(crop, before)
    np.testing.assert_array_equal(shift.apply(crop, found.points.astype(np.float32)), after)


def test_the_side_of_a_face_is_that_of_the_crop_made_for_it() -> None:
    assert face_side(USUAL) == pytest.approx(112)
    for name in ("arcface-64x64", "arcface-112x112"):
        found = get_template(name)
        assert face_side(found.points.astype(np.float32)) == pytest.approx(found.size[0])
    # dlib leaves more room around the face.
    substitute = get_template("dlib-150x150").substitute
    assert substitute is not None
    assert 150 < face_side(substitute.points.astype(np.float32)) < 200
    # A whole picture of LFW holds its face in the middle half.
    assert 0.45 < face_side(centred_landmarks((250, 250))) / 250 < 0.65


def test_low_resolution_keeps_what_few_pixels_can_hold_and_loses_the_rest() -> None:
    y, x = np.mgrid[:112, :112]
    fine = np.where((x // 2 + y // 2) % 2 == 0, 0, 255).astype(np.uint8)  # waves of four pixels
    coarse = np.where(x < 56, 40, 210).astype(np.uint8)
    seen = LowResolution(24).apply(np.stack([fine, coarse, coarse], axis=2), USUAL).astype(float)
    assert fine.std() > 100
    assert seen[..., 0].std() < 20
    assert np.abs(seen[:, :40, 1] - 40).max() <= 3
    assert np.abs(seen[:, 72:, 1] - 210).max() <= 3


def test_a_face_has_the_same_pixels_left_whatever_the_crop() -> None:
    """A crop twice as large of the same face ends up alike, seen at the same size."""
    small = np.kron(speckles((14, 14)), np.ones((8, 8, 1))).astype(np.uint8)
    large = np.kron(small, np.ones((2, 2, 1))).astype(np.uint8)
    one = LowResolution(24).apply(small, USUAL).astype(float)
    other = LowResolution(24).apply(large, USUAL * 2 + 0.5)
    halved = other.reshape(112, 2, 112, 2, 3).mean(axis=(1, 3))
    assert np.abs(one - halved).mean() < 2
    assert np.abs(one - LowResolution(12).apply(small, USUAL)).mean() > 10


def test_a_face_that_is_coarse_already_stays_as_it_is() -> None:
    crop = speckles((20, 20))
    same = LowResolution(24).apply(crop, USUAL * 20 / 112)
    np.testing.assert_array_equal(same, crop)
    assert same is not crop


def test_blur_is_a_gaussian_of_a_share_of_the_face() -> None:
    """An oracle: the sum over neighbours, pixel by pixel."""
    crop, deviation = speckles((24, 24)), 0.05 * 112
    seen = Blurred(0.05).apply(crop, USUAL)
    for v, u in ((0, 0), (12, 12), (5, 20), (23, 11)):
        far = np.arange(-40, 41)
        weight = np.exp(-(far**2) / (2 * deviation**2))
        rows, columns = np.clip(v + far, 0, 23), np.clip(u + far, 0, 23)
        patch = crop[rows][:, columns].astype(float)
        expected = np.einsum("i,j,ijc->c", weight, weight, patch) / weight.sum() ** 2
        assert np.abs(seen[v, u] - expected).max() < 2.5
    assert seen.std() < crop.std() / 4


def test_a_mask_covers_nose_and_mouth_and_leaves_the_eyes() -> None:
    crop = speckles()
    for turn in (0.0, 0.3, -0.4):
        spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        landmarks = ((USUAL - 56) @ spin * 0.6 + 56).astype(np.float32)
        seen = Occluded().apply(crop, landmarks)
        for number, (x, y) in enumerate(landmarks):
            here = (slice(round(y) - 2, round(y) + 3), slice(round(x) - 2, round(x) + 3))
            if number < 2:
                np.testing.assert_array_equal(seen[here], crop[here])
            else:
                assert (seen[here] == (150, 178, 196)).all()
    assert 0.25 < np.mean((Occluded().apply(crop, USUAL) != crop).any(axis=2)) < 0.5


class Watcher:
    """A detector that writes down what it is shown, and finds one face there."""

    def __init__(self) -> None:
        self.shown: list[RGB] = []
        self.key = "watcher"

    def detect(self, image: RGB) -> list[Face]:
        self.shown.append(image)
        points = (USUAL + 20).astype(np.float32)
        box = (20.0, 20.0, 112.0, 112.0)
        return [Face(box=box, landmarks=points, confidence=0.9)]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> tuple[Watcher, Callable[[], Preparation]]:
    watcher = Watcher()
    monkeypatch.setattr(preparing, "load_detector", lambda name: watcher)
    monkeypatch.setattr(preparing._THREAD, "detectors", {}, raising=False)
    return watcher, lambda: Preparation("five-point", "watched", TEMPLATE)


def test_the_face_is_found_in_the_picture_as_it_is_and_once_for_all_shifts(
    watched: tuple[Watcher, Callable[[], Preparation]],
) -> None:
    watcher, make = watched
    plain, image = make(), speckles((160, 160))
    crop = plain.prepare(image, location="x").crop
    watcher.shown.clear()
    for shift in CROP_SHIFTS:
        shifted = shift.shifted(plain)
        assert shifted is not None
        made = shifted.prepare(image, location="x")
        np.testing.assert_array_equal(made.crop, shift.apply(crop, USUAL))
        assert made.face is not None
        (also,) = shifted.prepare_all(image, location="x")
        np.testing.assert_array_equal(also.crop, made.crop)
    # Once for `prepare`, and each time for `prepare_all`.
    assert len(watcher.shown) == 1 + len(CROP_SHIFTS)
    assert all(shown is image for shown in watcher.shown)


def test_another_picture_and_other_landmarks_get_another_crop(
    watched: tuple[Watcher, Callable[[], Preparation]],
) -> None:
    _, make = watched
    shifted = Occluded().shifted(make())
    assert shifted is not None
    one, other = speckles((160, 160)), speckles((160, 160), 1)
    first = shifted.prepare(one, location="x").crop
    assert (shifted.prepare(other, location="x").crop != first).any()
    np.testing.assert_array_equal(shifted.prepare(one, location="x").crop, first)
    stated: Points = USUAL + 5
    moved = shifted.prepare(one, stated, location="x").crop
    assert (moved != first).any()
    plain = make().prepare(one, stated, location="x").crop
    np.testing.assert_array_equal(moved, Occluded().apply(plain, USUAL))


@pytest.mark.parametrize("shift", SHIFTS, ids=lambda one: one.kind)
def test_a_whole_picture_is_changed_where_a_centred_face_would_be(shift: Shift) -> None:
    whole = Preparation("none", "none", TEMPLATE)
    shifted = shift.shifted(whole)
    if not isinstance(shift, CropShift):
        assert shifted is None
        return
    assert shifted is not None
    image = speckles((150, 130))
    crop = whole.prepare(image, location="x").crop
    expected = shift.apply(crop, centred_landmarks((112, 112)))
    np.testing.assert_array_equal(shifted.prepare(image, location="x").crop, expected)


def test_keys_tell_every_shift_from_every_other_and_share_what_is_shared() -> None:
    unaligned = Preparation("none", "none", TEMPLATE, "largest", "centre")
    found = [shift.shifted(unaligned) for shift in SHIFTS]
    keys = {unaligned.key, *(one.key for one in found if one is not None)}
    assert len(keys) == len(SHIFTS)
    weaker = LowResolution(32).shifted(unaligned)
    assert weaker is not None
    assert weaker.key not in keys
    # Whole pictures of this audit are those of an audit without alignment.
    plain = Preparation("five-point", "yunet", TEMPLATE, "largest", "centre")
    assert Unaligned().shifted(plain) == unaligned


def test_a_shifted_preparation_is_a_value_and_no_plain_one() -> None:
    for shift in CROP_SHIFTS:
        shifted = shift.shifted(PLAIN)
        assert isinstance(shifted, ShiftedPreparation)
        assert shifted.plain == PLAIN
        assert shifted != PLAIN
        assert pickle.loads(pickle.dumps(shifted)) == shifted
        assert len({shifted, shift.shifted(PLAIN), PLAIN}) == 2


def test_wrong_numbers_are_refused() -> None:
    with pytest.raises(UsageError, match="must be at least 4, got 3"):
        LowResolution(3)
    for deviation in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="must be above 0"):
            Blurred(deviation)
