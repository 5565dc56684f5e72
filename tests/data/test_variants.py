"""Changed pictures: pixels, landmarks, determinism, and their place in the store."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from facebone.data.dataset import load_dataset
from facebone.data.pictures import RGB, FileSource, Picture, Points
from facebone.data.store import EmbeddingStore, picture_key
from facebone.data.synthetic import synthetic_dataset
from facebone.data.variant_kinds import Crop, Flip, Noise, Shift
from facebone.data.variants import VARIANTS, Variant, changed
from facebone.errors import DecodeError, UsageError
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.routes import open_routes

NAMES = [variant.name for variant in VARIANTS]
every_variant = pytest.mark.parametrize("variant", VARIANTS, ids=NAMES)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def photograph(shape: tuple[int, int] = (90, 70)) -> RGB:
    """Smooth waves of different colours, nothing alike left and right or above and below."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    waves = [np.sin(x / 9 + y / 23), np.cos(x / 17 - y / 7), np.sin((x + 2 * y) / 31)]
    return (127.5 + 100 * np.stack(waves, axis=2)).astype(np.uint8)


def pixels(picture: Picture) -> RGB:
    return picture.source.decode(picture.source.read())


def file_picture(folder: Path, image: RGB, landmarks: Points | None = None) -> Picture:
    path = folder / "picture.png"
    Image.fromarray(image).save(path)
    stated = None if landmarks is None else tuple(landmarks.ravel().tolist())
    return Picture("p/1", "p", FileSource(path, stated))


def test_names_are_unique_and_stable() -> None:
    assert NAMES == [
        "flip",
        "shift-left-0.04",
        "shift-right-0.04",
        "shift-up-0.04",
        "shift-down-0.04",
        "noise-8.0",
        "noise-16.0",
        "crop-centre-0.92",
        "crop-top-left-0.92",
    ]


@every_variant
@pytest.mark.parametrize("shape", [(90, 70), (16, 16), (17, 200)])
def test_pixels_change_but_not_the_shape_nor_the_original(
    variant: Variant, shape: tuple[int, int]
) -> None:
    image = photograph(shape)
    before = image.copy()
    after = variant.apply(image, rng=rng())
    assert (after.shape, after.dtype) == (image.shape, np.uint8)
    assert after.flags["C_CONTIGUOUS"]
    assert (after != image).any()
    np.testing.assert_array_equal(image, before)


def test_two_flips_are_none() -> None:
    image = photograph()
    once = Flip().apply(image, rng=rng())
    np.testing.assert_array_equal(once[:, 0], image[:, -1])
    np.testing.assert_array_equal(Flip().apply(once, rng=rng()), image)


@pytest.mark.parametrize(
    ("direction", "axis", "sign"), [("left", 1, -1), ("right", 1, 1), ("up", 0, -1), ("down", 0, 1)]
)
def test_a_shift_moves_a_gradient_by_its_share_of_the_side(
    direction: str, axis: int, sign: int
) -> None:
    """On a ramp of one grey level a pixel the change of level is the number of pixels."""
    ramp = np.moveaxis(np.tile(np.arange(200, dtype=np.uint8), (3, 100, 1)), 0, 2)
    ramp = ramp if axis == 1 else np.ascontiguousarray(ramp.transpose(1, 0, 2))
    after = Shift(direction, 0.04).apply(ramp, rng=rng())  # type: ignore[arg-type]
    values = after.max(axis=1 - axis)[:, 0].astype(int)
    np.testing.assert_array_equal(values, np.clip(np.arange(200) - sign * 8, 0, 199))


def test_noise_has_the_deviation_asked_for_and_stays_in_range() -> None:
    grey = np.full((200, 200, 3), 128, dtype=np.uint8)
    difference = Noise(8).apply(grey, rng=rng()).astype(float) - 128
    # 120,000 values: the standard error of their deviation is 0.2 % of it, of their mean 0.023.
    assert difference.std() == pytest.approx(8, rel=0.01)
    assert abs(difference.mean()) < 0.1
    colours = difference.reshape(-1, 3)
    assert np.abs(np.corrcoef(colours.T) - np.eye(3)).max() < 0.03
    white = Noise(16).apply(np.full_like(grey, 255), rng=rng())
    assert np.median(white) >= 254
    assert white.min() > 150


def naive_crop(image: RGB, x: int, y: int, width: int, height: int) -> npt.NDArray[np.float64]:
    """Bilinear, pixel by pixel, the edges of pixels kept in place and the last ones repeated."""
    tall, wide = image.shape[:2]
    result = np.zeros(image.shape)
    for v in range(tall):
        for u in range(wide):
            b = min(max((v + 0.5) * height / tall - 0.5, 0), height - 1)
            a = min(max((u + 0.5) * width / wide - 0.5, 0), width - 1)
            i, j = min(int(b), height - 2), min(int(a), width - 2)
            corner = image[y + i : y + i + 2, x + j : x + j + 2].astype(float)
            across = corner[:, 0] * (1 - (a - j)) + corner[:, 1] * (a - j)
            result[v, u] = across[0] * (1 - (b - i)) + across[1] * (b - i)
    return result


@pytest.mark.parametrize(
    ("place", "x", "y"),
    [
        ("centre", 5, 10),
        ("top-left", 0, 0),
        ("top-right", 10, 0),
        ("bottom-left", 0, 20),
        ("bottom-right", 10, 20),
    ],
)
def test_a_crop_is_the_window_scaled_back(place: str, x: int, y: int) -> None:
    image = photograph((100, 50))
    after = Crop(place, 0.8).apply(image, rng=rng())  # type: ignore[arg-type]
    np.testing.assert_allclose(after, naive_crop(image, x, y, 40, 80), atol=1)


@every_variant
def test_the_same_picture_changes_the_same_way_and_another_has_other_noise(
    variant: Variant, tmp_path: Path
) -> None:
    one, two = np.full((40, 40, 3), 100, np.uint8), np.full((40, 40, 3), 101, np.uint8)
    one[:, :20] = two[:, :20] = 90
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = changed(file_picture(tmp_path / "a", one), variant)
    again = changed(file_picture(tmp_path / "b", one), pickle.loads(pickle.dumps(variant)))
    before = pixels(first)
    np.testing.assert_array_equal(before, pixels(again))
    if isinstance(variant, Noise):
        other = pixels(changed(file_picture(tmp_path / "b", two), variant))
        noise, other_noise = before[:, :20].astype(float), other[:, :20].astype(float)
        assert abs(np.corrcoef(noise.ravel(), other_noise.ravel())[0, 1]) < 0.1


def test_two_strengths_of_noise_are_independent(tmp_path: Path) -> None:
    picture = file_picture(tmp_path, np.full((60, 60, 3), 128, np.uint8))
    weak, strong = (pixels(changed(picture, Noise(d))).ravel() for d in (8, 16))
    assert abs(np.corrcoef(weak, strong)[0, 1]) < 0.05


def spot(size: tuple[int, int], at: npt.NDArray[np.float32]) -> RGB:
    """A soft bright spot."""
    y, x = np.mgrid[: size[0], : size[1]]
    light = 250 * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * 2.5**2))
    return np.repeat(np.rint(light).astype(np.uint8)[:, :, None], 3, axis=2)


def found_spot(image: RGB, above: int = 0) -> npt.NDArray[np.float64]:
    """Where the spot is: the centre of the light that is above a level."""
    light = np.where(image[:, :, 0] > above, image[:, :, 0].astype(float), 0)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    return np.array([(x * light).sum(), (y * light).sum()]) / light.sum()


LANDMARKS = np.array([[40, 50], [71, 48], [57, 66], [44, 83], [69, 84]], dtype=np.float32)
"""Of a face in a picture of 110 x 140 pixels."""


@pytest.mark.parametrize("variant", [*VARIANTS, Crop("bottom-right", 0.8)], ids=lambda v: v.name)
def test_stated_landmarks_follow_what_they_mark(variant: Variant, tmp_path: Path) -> None:
    marks = changed(file_picture(tmp_path, photograph((140, 110)), LANDMARKS), variant)
    moved = marks.source.landmarks
    assert moved is not None
    assert (moved.shape, moved.dtype) == ((5, 2), np.float32)
    # In a mirror the eye that was on the left is on the right.
    order = [1, 0, 2, 4, 3] if isinstance(variant, Flip) else range(5)
    for row, original in enumerate(order):
        image = variant.apply(spot((140, 110), LANDMARKS[original]), rng=rng())
        # Noise would drown the foot of the spot, and moves the rest by some tenths of a pixel.
        above, tolerance = (120, 0.5) if isinstance(variant, Noise) else (0, 0.06)
        np.testing.assert_allclose(moved[row], found_spot(image, above), atol=tolerance)
    assert moved[0, 0] < moved[1, 0]
    assert moved[3, 0] < moved[4, 0]


def test_landmarks_follow_change_upon_change(tmp_path: Path) -> None:
    picture = file_picture(tmp_path, photograph((140, 110)), LANDMARKS)
    twice = changed(changed(picture, Crop("top-left", 0.8)), Flip())
    assert twice.id == "p/1@crop-top-left-0.8@flip"
    moved = twice.source.landmarks
    assert moved is not None
    image = spot((140, 110), LANDMARKS[1])
    for variant in (Crop("top-left", 0.8), Flip()):
        image = variant.apply(image, rng=rng())
    np.testing.assert_allclose(moved[0], found_spot(image), atol=0.06)
    back = changed(changed(picture, Flip()), Flip()).source.landmarks
    np.testing.assert_array_equal(back, LANDMARKS)  # type: ignore[arg-type]


def test_without_stated_landmarks_there_are_none_and_nothing_is_decoded(tmp_path: Path) -> None:
    gone = Picture("p", "p", FileSource(tmp_path / "gone.png"))
    assert changed(gone, Flip()).source.landmarks is None
    stated = Picture("p", "p", FileSource(tmp_path / "gone.png", tuple(map(float, range(10)))))
    with pytest.raises(DecodeError, match=r"gone\.png: there is no such file"):
        _ = changed(stated, Flip()).source.landmarks


@dataclass
class NotHashable:
    """A source as a plug-in may write one."""

    location: str = "plug-in"

    @property
    def landmarks(self) -> Points:
        return LANDMARKS

    def read(self) -> bytes:
        return b"content"

    def decode(self, content: bytes) -> RGB:
        assert content == b"content"
        return photograph((140, 110))


def test_any_source_will_do() -> None:
    moved = changed(Picture("p", "p", NotHashable()), Flip())
    assert moved.source.location == "plug-in@flip"
    np.testing.assert_array_equal(pixels(moved), photograph((140, 110))[:, ::-1])
    assert moved.source.landmarks is not None
    assert moved.source.landmarks[0].tolist() == [109 - 71, 48]


@pytest.mark.parametrize("view", ["crop", "scene"])
def test_synthetic_pictures_and_the_way_to_another_process(view: str) -> None:
    picture = synthetic_dataset(1, 1, seed=0, view=view).pictures[0]  # type: ignore[arg-type]
    for variant in VARIANTS:
        moved = changed(picture, variant)
        arrived = pickle.loads(pickle.dumps(moved))
        assert arrived == moved
        assert arrived.person == picture.person
        assert arrived.source.location.endswith(f"@{variant.name}")
        np.testing.assert_array_equal(pixels(arrived), pixels(moved))
        np.testing.assert_array_equal(arrived.source.landmarks, moved.source.landmarks)


def test_no_two_keys_are_the_same_whoever_made_the_file(tmp_path: Path) -> None:
    original = file_picture(tmp_path, photograph())
    variants = [changed(original, variant) for variant in VARIANTS]
    variants += [changed(moved, Flip()) for moved in variants]
    keys = {picture_key(p, p.source.read()) for p in [original, *variants]}
    assert len(keys) == 1 + len(variants)
    # A file of the very bytes of a variant has its key, but is no picture: it gives no pixels.
    fake = tmp_path / "fake.png"
    fake.write_bytes(variants[0].source.read())
    with pytest.raises(DecodeError, match=r"fake\.png: is not a picture"):
        FileSource(fake).decode(fake.read_bytes())


def test_bytes_of_something_else_are_refused(tmp_path: Path) -> None:
    original = file_picture(tmp_path, photograph())
    flipped, noisy = (changed(original, variant) for variant in (Flip(), Noise(8)))
    for content in (original.source.read(), noisy.source.read()):
        with pytest.raises(DecodeError, match=r"picture\.png@flip: not the bytes of this variant"):
            flipped.source.decode(content)


def cosines(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    product = (a * b).sum(axis=-1)
    return np.asarray(product / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1))


PEOPLE = 12


def first_pictures() -> Sequence[Picture]:
    dataset = load_dataset("synthetic", seed=0)
    firsts = [positions[0] for positions in dataset.people.values()]
    return [dataset.pictures[i] for i in firsts[:PEOPLE]]


@pytest.mark.parametrize("alignment", ["five-point", "none"])
def test_variants_have_embeddings_of_their_own_near_the_original(
    tmp_path: Path, alignment: str
) -> None:
    originals = first_pictures()
    pictures = [*originals, *(changed(p, variant) for variant in VARIANTS for p in originals)]
    store = EmbeddingStore(tmp_path)

    def engine() -> EmbeddingEngine:
        routes = open_routes(["tiny_residual"], alignment=alignment, device="cpu")
        return EmbeddingEngine(routes, store=store, workers=1)

    first = engine().embed(originals)
    assert (first.computed, first.reused) == (PEOPLE, 0)
    both = engine().embed(pictures)
    assert (both.computed, both.reused) == (PEOPLE * len(VARIANTS), PEOPLE)
    again = engine().embed(pictures[::-1])
    assert (again.computed, again.reused) == (0, len(pictures))
    np.testing.assert_array_equal(again.matrices[0][::-1], both.matrices[0])

    matrix = both.matrices[0].reshape(1 + len(VARIANTS), PEOPLE, -1)
    np.testing.assert_array_equal(matrix[0], first.matrices[0])
    for i in range(PEOPLE):
        assert len(np.unique(matrix[:, i], axis=0)) == 1 + len(VARIANTS)
    near = cosines(matrix[1:], matrix[0])
    far = cosines(matrix[1:], np.roll(matrix[0], 1, axis=0))
    assert (near.mean(axis=1) > far.mean(axis=1) + 0.3).all()
    assert (near > far).mean() > 0.97


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Shift("sideways", 0.1), "direction: must be one of left, right, up, down"),  # type: ignore[arg-type]
        (lambda: Shift("left", 0), "share: must be above 0 and below 1, got 0"),
        (lambda: Crop("centre", 1.0), "share: must be above 0 and below 1"),
        (lambda: Crop("left", 0.5), "place: must be one of centre, top-left"),  # type: ignore[arg-type]
        (lambda: Noise(-1), "deviation: must be above 0, got -1"),
        (lambda: Noise(float("nan")), "deviation: must be above 0, got nan"),
    ],
)
def test_numbers_that_make_no_sense(make: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()  # type: ignore[operator]
