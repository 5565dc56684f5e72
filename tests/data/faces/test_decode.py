from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from facebone.data.faces import decode
from facebone.data.faces.decode import decode_bytes, read_bytes
from facebone.data.pictures import RGB, FileSource
from facebone.errors import DecodeError


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def gradient(height: int = 24, width: int = 32) -> RGB:
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 10, columns * 7, 255 - rows * 5], axis=2).astype(np.uint8)


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 9))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_come_back_exactly(kind: str) -> None:
    pixels = gradient()
    assert np.array_equal(decode_bytes(encode(Image.fromarray(pixels), kind), location="x"), pixels)


def test_webp_lossless_comes_back_exactly() -> None:
    content = encode(Image.fromarray(gradient()), "WEBP", lossless=True)
    assert np.array_equal(decode_bytes(content, location="x"), gradient())


def test_jpeg_is_the_pixels_that_opencv_sees() -> None:
    content = encode(Image.fromarray(gradient()), "JPEG", quality=95, subsampling=0)
    seen = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    pixels = decode_bytes(content, location="x")
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - seen.astype(int)).max() <= 2
    assert np.abs(pixels.astype(int) - gradient().astype(int)).mean() < 3


def test_the_pixels_belong_to_the_caller() -> None:
    pixels = decode_bytes(encode(Image.fromarray(gradient()), "PNG"), location="x")
    pixels[0, 0] = 1
    assert pixels[0, 0].tolist() == [1, 1, 1]


def test_grey_becomes_three_equal_channels() -> None:
    grey = gradient()[:, :, 0]
    pixels = decode_bytes(encode(Image.fromarray(grey), "PNG"), location="x")
    assert np.array_equal(pixels, np.repeat(grey[:, :, None], 3, axis=2))


def test_one_bit_becomes_black_and_white() -> None:
    bits = gradient()[:, :, 1] > 100
    pixels = decode_bytes(encode(Image.fromarray(bits), "PNG"), location="x")
    assert np.array_equal(pixels[:, :, 2], np.where(bits, 255, 0))


def test_cmyk_jpeg() -> None:
    # Pure cyan, magenta, yellow and black ink in four squares.
    ink = np.zeros((32, 32, 4), dtype=np.uint8)
    for channel, (row, column) in enumerate([(0, 0), (0, 16), (16, 0), (16, 16)]):
        ink[row : row + 16, column : column + 16, channel] = 255
    content = encode(Image.fromarray(ink, "CMYK"), "JPEG", quality=100)
    pixels = decode_bytes(content, location="x").astype(int)
    wanted = {(8, 8): (0, 255, 255), (8, 24): (255, 0, 255), (24, 8): (255, 255, 0)}
    for (row, column), colour in {**wanted, (24, 24): (0, 0, 0)}.items():
        assert np.abs(pixels[row, column] - colour).max() <= 8


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_grey_keeps_its_upper_bits(kind: str) -> None:
    deep = np.arange(24 * 32, dtype=np.uint16).reshape(24, 32) * 85
    pixels = decode_bytes(encode(Image.fromarray(deep), kind), location="x")
    assert np.array_equal(pixels[:, :, 0], deep // 256)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        pytest.param((0.0, 0.5, 1.0), (0, 128, 255), id="unit range"),
        pytest.param((0.0, 100.0, 255.0), (0, 100, 255), id="bytes"),
        pytest.param((0.0, 257.0, 65535.0), (0, 1, 255), id="sixteen bits"),
        pytest.param((-1.0, 0.0, 1.0), (0, 128, 255), id="around zero"),
        pytest.param((0.0, np.nan, 1.0), (0, 0, 255), id="not a number"),
    ],
)
def test_real_numbers_are_stretched(values: tuple[float, ...], wanted: tuple[int, ...]) -> None:
    real = np.zeros((16, 18), dtype=np.float32) + values[0]
    real[:, 6:12], real[:, 12:] = values[1], values[2]
    pixels = decode_bytes(encode(Image.fromarray(real), "TIFF"), location="x")
    assert pixels[0, [0, 8, 15], 1].tolist() == list(wanted)


def test_thirty_two_bit_integers() -> None:
    values = np.full((16, 16), 65535, dtype=np.int32)
    values[:, 8:] = 257
    pixels = decode_bytes(encode(Image.fromarray(values), "TIFF"), location="x")
    assert pixels[0, 0].tolist() == [255] * 3
    assert pixels[0, 15].tolist() == [1] * 3


def test_transparency_lies_on_white() -> None:
    rgba = np.zeros((16, 16, 4), dtype=np.uint8)
    rgba[:, :, 0] = 200
    rgba[:8, :, 3] = 255
    rgba[12:, :, 3] = 51  # one fifth
    pixels = decode_bytes(encode(Image.fromarray(rgba), "PNG"), location="x")
    assert pixels[0, 0].tolist() == [200, 0, 0]
    assert pixels[10, 0].tolist() == [255, 255, 255]
    assert pixels[15, 0].tolist() == [244, 204, 204]


def test_grey_with_transparency() -> None:
    grey = np.zeros((16, 16, 2), dtype=np.uint8)
    grey[:8, :, 1] = 255
    pixels = decode_bytes(encode(Image.fromarray(grey, "LA"), "PNG"), location="x")
    assert pixels[0, 0].tolist() == [0, 0, 0]
    assert pixels[15, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("transparency", [1, bytes([255, 0])], ids=["index", "bytes"])
def test_palette_with_transparency(transparency: object) -> None:
    image = Image.fromarray(np.repeat([0, 1], 128).reshape(16, 16).astype(np.uint8), "P")
    image.putpalette([10, 20, 30, 90, 80, 70])
    content = encode(image, "PNG", transparency=transparency)
    pixels = decode_bytes(content, location="x")
    assert pixels[0, 0].tolist() == [10, 20, 30]
    assert pixels[15, 15].tolist() == [255, 255, 255]


def test_a_transparent_colour_of_an_rgb_picture() -> None:
    image = Image.fromarray(np.full((16, 16, 3), 9, dtype=np.uint8))
    pixels = decode_bytes(encode(image, "PNG", transparency=(9, 9, 9)), location="x")
    assert (pixels == 255).all()


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animated_picture_the_first_frame(kind: str) -> None:
    frames = [Image.fromarray(np.full((20, 20, 3), v, dtype=np.uint8)) for v in (50, 150, 250)]
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encode(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    pixels = decode_bytes(content, location="x")
    assert pixels.shape == (20, 20, 3)
    assert np.abs(pixels.astype(int) - 50).max() <= 1


# How a camera held in each of the eight ways stores an upright picture, by the definition of the
# tag: where the stored row 0 and column 0 belong.
STORED = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: p.transpose(1, 0, 2)[::-1],
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: lambda p: p.transpose(1, 0, 2)[:, ::-1],
}


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", sorted(STORED))
def test_exif_orientation_is_undone(orientation: int, kind: str) -> None:
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](gradient())))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encode(stored, kind, exif=exif, **options)
    assert np.array_equal(decode_bytes(content, location="x"), gradient())


def test_exif_orientation_of_a_jpeg() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encode(Image.fromarray(gradient(24, 32)), "JPEG", exif=exif)
    assert decode_bytes(content, location="x").shape == (32, 24, 3)


def with_exif(damage: Callable[[bytearray, int], None]) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "a maker with a long name"
    content = bytearray(encode(Image.fromarray(gradient()), "JPEG", exif=exif))
    damage(content, content.index(b"Exif\0\0") + 6)
    return bytes(content)


def test_exif_data_without_a_header_turn_nothing() -> None:
    def damage(content: bytearray, start: int) -> None:
        content[start : start + 4] = b"????"

    assert decode_bytes(with_exif(damage), location="x").shape == (24, 32, 3)


def test_damaged_exif_data_warn_nobody() -> None:
    def damage(content: bytearray, start: int) -> None:
        content[start + 8 : start + 10] = b"\xff\xff"  # 65,535 entries are announced

    content = with_exif(damage)
    with pytest.warns(UserWarning, match="Corrupt EXIF"):
        Image.open(BytesIO(content)).getexif()
    # Warnings are errors in these tests.
    assert decode_bytes(content, location="x").shape == (32, 24, 3)


def test_a_text_file_called_jpg(tmp_path: Path) -> None:
    path = tmp_path / "notes.jpg"
    path.write_text("not a picture at all")
    source = FileSource(path)
    with pytest.raises(DecodeError, match=r"notes\.jpg: is not a picture of a known format"):
        source.decode(source.read())


@pytest.mark.parametrize(
    "content",
    [
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"P6\n16 16\n255\n" + b"\0" * 768,
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
    ids=["PostScript", "PPM", "sound", "SVG"],
)
def test_formats_off_the_list_are_refused(content: bytes) -> None:
    with pytest.raises(DecodeError, match="not a picture of a known format"):
        decode_bytes(content, location="x")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_a_picture_cut_short_is_refused(kind: str, share: float) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    content = encode(Image.fromarray(noise), kind)
    with pytest.raises(DecodeError, match=r"a/b\.pic: .*(damaged or cut short|known format)"):
        decode_bytes(content[: int(len(content) * share)], location="a/b.pic")


def test_twenty_thousand_squared_is_refused_by_its_header() -> None:
    with pytest.raises(DecodeError) as caught:
        decode_bytes(png_header(20_000, 20_000), location="huge.png")
    text = str(caught.value)
    assert text.startswith("huge.png: the picture has 20000 x 20000 pixels")
    assert str(decode.MAX_PIXELS) in text


def test_a_size_that_pillow_itself_warns_about() -> None:
    # Between Pillow's own limit and twice that it warns, beyond it raises an error of its own.
    with pytest.raises(DecodeError, match="10000 x 10000"):
        decode_bytes(png_header(10_000, 10_000), location="x")


def test_too_long_for_a_warp() -> None:
    with pytest.raises(DecodeError, match="40000 x 20"):
        decode_bytes(png_header(40_000, 20), location="x")


def test_the_limit_can_be_moved() -> None:
    content = encode(Image.fromarray(gradient(24, 32)), "PNG")
    assert decode_bytes(content, location="x", max_pixels=24 * 32).shape == (24, 32, 3)
    with pytest.raises(DecodeError, match="the limit is 767"):
        decode_bytes(content, location="x", max_pixels=24 * 32 - 1)


@pytest.mark.parametrize("size", [(1, 1), (15, 100), (100, 15)])
def test_too_small_to_show_a_face(size: tuple[int, int]) -> None:
    content = encode(Image.new("RGB", size), "PNG")
    with pytest.raises(DecodeError, match=rf"dot\.png: .* only {size[0]} x {size[1]} pixels"):
        decode_bytes(content, location="dot.png")


def test_the_smallest_picture() -> None:
    content = encode(Image.new("RGB", (16, 16)), "PNG")
    assert decode_bytes(content, location="x").shape == (16, 16, 3)


def seeds() -> list[bytes]:
    exif = Image.Exif()
    exif[0x0112] = 6
    noise = np.random.default_rng(2).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    frames = {"save_all": True, "append_images": [image.transpose(Image.Transpose.ROTATE_180)]}
    return [
        encode(image, "JPEG", exif=exif),
        encode(image.convert("CMYK"), "JPEG"),
        encode(image, "MPO", **frames),
        encode(image, "PNG", exif=exif),
        encode(image, "PNG", **frames),
        encode(image.convert("P"), "PNG", transparency=3),
        encode(image, "GIF", **frames),
        encode(image, "BMP"),
        encode(image, "TIFF", exif=exif),
        encode(image, "TIFF", compression="tiff_lzw"),
        encode(image.convert("RGBA"), "WEBP", exif=exif),
    ]


SEEDS = seeds()


@pytest.mark.parametrize("content", SEEDS)
def test_the_seeds_of_the_next_test_are_pictures(content: bytes) -> None:
    assert min(decode_bytes(content, location="x").shape[:2]) == 20


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_damage_ends_in_a_picture_or_in_the_one_error(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(SEEDS)))
    # Most damage to pixels goes unnoticed; headers are where readers stumble.
    near = st.integers(0, min(160, len(content) - 1))
    anywhere = st.integers(0, len(content) - 1)
    for position in data.draw(st.lists(near | anywhere, min_size=1, max_size=6)):
        content[position] = data.draw(st.integers(0, 255))
    end = data.draw(st.none() | st.integers(8, len(content)))
    try:
        pixels = decode_bytes(bytes(content[:end]), location="the file", max_pixels=10_000)
    except DecodeError as error:
        refusal = str(error)
    else:
        assert pixels.ndim == 3
        assert pixels.size <= 30_000
        return
    assert refusal.startswith("the file: ")


def test_a_path_with_spaces_and_other_letters(tmp_path: Path) -> None:
    path = tmp_path / "Фото с дачи 写真" / "Zoë ♥ 1.png"
    path.parent.mkdir()
    path.write_bytes(encode(Image.fromarray(gradient()), "PNG"))
    source = FileSource(path)
    assert np.array_equal(source.decode(source.read()), gradient())


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match=r"none\.jpg: there is no such file"):
        read_bytes(tmp_path / "none.jpg")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match="is a folder, not a picture"):
        read_bytes(tmp_path)


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(DecodeError, match="the file is empty"):
        read_bytes(tmp_path / "empty.jpg")


def test_a_device_is_not_read_for_ever() -> None:
    with pytest.raises(DecodeError, match="is not an ordinary file"):
        read_bytes(Path("/dev/zero"))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(DecodeError, match="is not an ordinary file"):
        read_bytes(tmp_path / "pipe.jpg")


def test_a_path_that_no_file_can_have() -> None:
    with pytest.raises(DecodeError, match="cannot be read"):
        read_bytes(Path("a\0b.jpg"))


def test_a_file_over_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MAX_BYTES", 10)
    (tmp_path / "long.jpg").write_bytes(b"x" * 11)
    with pytest.raises(DecodeError, match=r"long\.jpg: the file is larger than"):
        read_bytes(tmp_path / "long.jpg")
