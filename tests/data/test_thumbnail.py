"""Thumbnails: size, what they show, colours, and that they carry nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facebone.data.pictures import RGB, FileSource, Picture, Points
from facebone.data.synthetic import synthetic_dataset
from facebone.data.thumbnail import thumbnail
from facebone.errors import DecodeError, PictureError, UsageError

RED, GREEN, BLUE = (220, 30, 20), (20, 200, 40), (30, 40, 210)


def plain(size: tuple[int, int], colour: Sequence[int] = RED) -> RGB:
    """A (height, width) picture of one colour."""
    return np.broadcast_to(np.array(colour, dtype=np.uint8), (*size, 3)).copy()


def saved(path: Path, image: RGB, landmarks: object = None, **options: object) -> Picture:
    Image.fromarray(image).save(path, **options)  # type: ignore[arg-type]
    stated = None if landmarks is None else tuple(np.ravel(landmarks).tolist())  # type: ignore[call-overload]
    return Picture("p/1", "p", FileSource(path, stated))


def shown(content: bytes) -> RGB:
    return np.asarray(Image.open(BytesIO(content)).convert("RGB"))


def colour_at(image: RGB, x: float, y: float) -> list[float]:
    """The mean colour of a few pixels around shares x, y of the sides."""
    i, j = int(y * image.shape[0]), int(x * image.shape[1])
    near = image[max(i - 2, 0) : i + 3, max(j - 2, 0) : j + 3]
    return [float(value) for value in near.mean(axis=(0, 1))]


@pytest.mark.parametrize("size", [(250, 250), (400, 90), (30, 300), (16, 16), (16, 500)])
@pytest.mark.parametrize("side", [96, 33, 1])
def test_a_square_jpeg_of_the_side_asked_for(
    tmp_path: Path, size: tuple[int, int], side: int
) -> None:
    content = thumbnail(saved(tmp_path / "p.png", plain(size)), side=side)
    opened = Image.open(BytesIO(content))
    assert (opened.format, opened.mode, opened.size) == ("JPEG", "RGB", (side, side))
    np.testing.assert_allclose(shown(content)[0, 0], RED, atol=8)


@pytest.mark.parametrize("colour", [RED, GREEN, BLUE])
def test_colours_stay_what_they_are(tmp_path: Path, colour: tuple[int, int, int]) -> None:
    image = shown(thumbnail(saved(tmp_path / "p.png", plain((100, 100), colour))))
    assert image.shape == (96, 96, 3)
    np.testing.assert_allclose(image.reshape(-1, 3), np.tile(colour, (96 * 96, 1)), atol=8)


@pytest.mark.parametrize("upright", [True, False])
def test_without_landmarks_the_middle_is_shown_in_its_proportions(
    tmp_path: Path, upright: bool
) -> None:
    """A 100 x 300 picture, its middle third red, left half of it green; the rest is blue."""
    image = plain((100, 300), BLUE)
    image[:, 100:200] = RED
    image[:, 100:150] = GREEN
    if upright:
        image = np.ascontiguousarray(image.transpose(1, 0, 2))
    small = shown(thumbnail(saved(tmp_path / "p.png", image)))
    if upright:
        small = small.transpose(1, 0, 2)
    for x, colour in ((0.05, GREEN), (0.45, GREEN), (0.55, RED), (0.95, RED)):
        for y in (0.05, 0.5, 0.95):
            np.testing.assert_allclose(colour_at(small, x, y), colour, atol=12)


def face(x: float, y: float, distance: float) -> Points:
    """Landmarks whose centre is (x, y), with a distance between eyes' and mouth's middle."""
    shape = np.array([[-0.5, -0.5], [0.5, -0.5], [0, 0], [-0.4, 0.5], [0.4, 0.5]])
    return np.asarray(np.array([x, y]) + shape * distance, dtype=np.float32)


def test_stated_landmarks_say_where_the_face_is(tmp_path: Path) -> None:
    """The square is 60 pixels wide around the centre; red fills it exactly, all else is blue."""
    image = plain((200, 300), BLUE)
    image[90:150, 30:90] = RED
    given = saved(tmp_path / "p.png", image, face(59.5, 119.5, 20))
    small = shown(thumbnail(given, side=60)).astype(int)
    assert np.abs(small - np.array(RED)).max() < 10
    # One pixel beyond on any side would show.
    for dx, dy in ((2, 0), (-2, 0), (0, 2), (0, -2)):
        moved = saved(tmp_path / "q.png", image, face(59.5 + dx, 119.5 + dy, 20))
        assert np.abs(shown(thumbnail(moved, side=60)).astype(int) - np.array(RED)).max() > 60


@pytest.mark.parametrize(
    ("x", "y", "distance", "corner"),
    [
        (2, 3, 20, (0, 0)),
        (299, 199, 20, (240, 140)),
        (-500, 900, 20, (0, 140)),
        (150, 100, 500, (50, 0)),
    ],
)
def test_a_square_that_sticks_out_is_moved_inside(
    tmp_path: Path, x: float, y: float, distance: float, corner: tuple[int, int]
) -> None:
    rows, columns = np.mgrid[:200, :300]
    image = np.stack([columns * 255 // 299, rows * 255 // 199, 0 * rows], axis=2).astype(np.uint8)
    side = 60 if distance == 20 else 200
    small = shown(thumbnail(saved(tmp_path / "p.png", image, face(x, y, distance)), side=side))
    expected = image[corner[1] : corner[1] + side, corner[0] : corner[0] + side]
    assert np.abs(small.astype(int) - expected).mean() < 4


def test_landmarks_that_coincide_still_give_a_thumbnail(tmp_path: Path) -> None:
    given = saved(tmp_path / "p.png", plain((50, 50)), np.full((5, 2), 20.0))
    assert shown(thumbnail(given)).shape == (96, 96, 3)


def test_landmarks_that_are_no_numbers_are_an_error(tmp_path: Path) -> None:
    given = saved(tmp_path / "p.png", plain((50, 50)), np.full((5, 2), np.nan))
    with pytest.raises(PictureError, match=r"p\.png: the landmarks are no numbers"):
        thumbnail(given)


def test_nothing_of_the_files_metadata_is_left(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    path = tmp_path / "p.jpg"
    given = saved(path, plain((120, 120)), exif=exif, comment=b"a secret", icc_profile=b"profile")
    for secret in (b"taken at home", b"a secret", b"profile"):
        assert secret in path.read_bytes()
        assert secret not in thumbnail(given)
    opened = Image.open(BytesIO(thumbnail(given)))
    assert not opened.getexif()
    assert set(opened.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_the_same_picture_gives_the_same_small_file() -> None:
    for view in ("crop", "scene"):
        first, other = synthetic_dataset(2, 1, seed=0, view=view).pictures  # type: ignore[arg-type]
        content = thumbnail(first)
        assert content == thumbnail(first)
        assert content != thumbnail(other)
        assert len(content) < 8_000
        assert len(thumbnail(first, side=32)) < len(content)


def test_the_face_of_a_scene_fills_the_thumbnail() -> None:
    """Unscaled, it is nearer to the square around the face than to any a pixel beside it."""
    picture = synthetic_dataset(1, 1, seed=0, view="scene").pictures[0]
    image = picture.source.decode(picture.source.read())
    marks = picture.source.landmarks
    assert marks is not None
    side = round(3 * float(np.hypot(*(marks[3:].mean(axis=0) - marks[:2].mean(axis=0)))))
    left, top = np.rint(marks.mean(axis=0) + 0.5 - side / 2).astype(int)
    small = shown(thumbnail(picture, side=side)).astype(int)
    differences = {
        (x, y): np.abs(small - image[top + y : top + y + side, left + x : left + x + side]).mean()
        for x in (-1, 0, 1)
        for y in (-1, 0, 1)
    }
    assert min(differences, key=differences.__getitem__) == (0, 0)


@dataclass
class Broken:
    """A source whose bytes are no picture."""

    location: str = "broken"
    landmarks: None = None

    def read(self) -> bytes:
        return b"no picture"

    def decode(self, content: bytes) -> RGB:
        raise DecodeError("is no picture", where=self.location)


def test_errors_are_the_sources(tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match="broken: is no picture"):
        thumbnail(Picture("p", "p", Broken()))
    with pytest.raises(DecodeError, match=r"gone\.jpg: there is no such file"):
        thumbnail(Picture("p", "p", FileSource(tmp_path / "gone.jpg")))
    with pytest.raises(UsageError, match="side: must be at least 1, got 0"):
        thumbnail(Picture("p", "p", Broken()), side=0)
