"""Pictures from bytes that nobody vouches for: any mode becomes RGB, hostile files are refused.

What a file may be is decided before any of its pixels are: its format by its first bytes and an
allow-list, its size by its header. Whatever else is wrong with it ends in a `DecodeError` that
names it, never in another exception, a warning, or a swollen memory.
"""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from facebone.data.faces.hush import Hush
from facebone.data.pictures import RGB
from facebone.errors import DecodeError

MAX_BYTES = 256 * 2**20
"""Largest file that is read."""

MAX_PIXELS = 64_000_000
"""Largest width times height: above what cameras of phones give, below what fills a memory."""

MAX_SIDE = 32_000
"""Longest side in pixels: OpenCV keeps coordinates of a warp in 16 bits."""

MIN_SIDE = 16
"""Shortest side in pixels: no detector finds a face in less."""

_Opener = Callable[[BytesIO], ImageFile.ImageFile]

# The plug-ins are called directly because `Image.open` would warn about large pictures by its own
# limit, a global one, before ours is looked at.
_FORMATS: tuple[tuple[str, tuple[bytes, ...], _Opener], ...] = (
    ("JPEG", (b"\xff\xd8\xff",), JpegImagePlugin.jpeg_factory),
    ("PNG", (b"\x89PNG\r\n\x1a\n",), PngImagePlugin.PngImageFile),
    ("GIF", (b"GIF87a", b"GIF89a"), GifImagePlugin.GifImageFile),
    ("BMP", (b"BM",), BmpImagePlugin.BmpImageFile),
    ("TIFF", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), TiffImagePlugin.TiffImageFile),
    ("WebP", (b"RIFF",), WebPImagePlugin.WebPImageFile),
)

# Everything that Pillow's readers were seen to raise on damaged files.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    EOFError,
    MemoryError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)

_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow warns about damaged metadata, of which a user of faces need not know.
_HUSH = Hush(r"PIL\.")


def read_bytes(path: Path) -> bytes:
    """Read a picture's file.

    Raises:
        DecodeError: it does not exist, is no ordinary file, is empty, cannot be read, or is larger
            than `MAX_BYTES`.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise DecodeError("is a folder, not a picture", where=path)
        if not stat.S_ISREG(mode):  # a device or a pipe could be read for ever
            raise DecodeError("is not an ordinary file", where=path)
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise DecodeError("there is no such file", where=path, hint="check the path") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DecodeError(f"cannot be read: {reason}", where=path) from error
    if not content:
        raise DecodeError("the file is empty", where=path)
    if len(content) > MAX_BYTES:
        raise DecodeError(f"the file is larger than {MAX_BYTES // 2**20} MiB", where=path)
    return content


def decode_bytes(content: bytes, *, location: str, max_pixels: int = MAX_PIXELS) -> RGB:
    """Decode a picture: its first frame, turned upright as its EXIF data says, on white.

    Args:
        content: a JPEG, PNG, GIF, BMP, TIFF or WebP file.
        location: what an error calls the picture.
        max_pixels: largest width times height, checked before any pixel is decoded.

    Returns:
        (h, w, 3) uint8, no side shorter than `MIN_SIDE`. Sixteen bits a channel lose the lower
        eight; numbers of other ranges are stretched to 0..255.

    Raises:
        DecodeError: the bytes are no such picture, are damaged or cut short, or the picture is too
            large or too small.
    """
    kind, opener = _recognise(content, location)
    with _HUSH:
        try:
            image = opener(BytesIO(content))
        except _DAMAGE as error:
            raise _damaged(kind, error, location) from error
        with image:
            _check_size(image.size, location, max_pixels)
            try:
                image.load()
                turn = _orientation(image)
                rgb = _to_rgb(image)
                return np.array(rgb if turn is None else rgb.transpose(turn), dtype=np.uint8)
            except _DAMAGE as error:
                raise _damaged(kind, error, location) from error


def _recognise(content: bytes, location: str) -> tuple[str, _Opener]:
    for kind, starts, opener in _FORMATS:
        if content.startswith(starts) and (kind != "WebP" or content[8:12] == b"WEBP"):
            return kind, opener
    known = ", ".join(kind for kind, _, _ in _FORMATS)
    raise DecodeError(
        "is not a picture of a known format, whatever its name says",
        where=location,
        hint=f"convert it to one of {known}",
    )


def _damaged(kind: str, error: BaseException, location: str) -> DecodeError:
    reason = str(error) or type(error).__name__
    return DecodeError(
        f"the {kind} file is damaged or cut short ({reason})",
        where=location,
        hint="replace or remove it",
    )


def _check_size(size: tuple[int, int], location: str, max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels or max(size) > MAX_SIDE:
        raise DecodeError(
            f"the picture has {width} x {height} pixels, the limit is {max_pixels} in all and "
            f"{MAX_SIDE} a side",
            where=location,
            hint="scale it down",
        )
    if min(size) < MIN_SIDE:
        raise DecodeError(
            f"the picture has only {width} x {height} pixels, at least {MIN_SIDE} x {MIN_SIDE} "
            "are needed to show a face",
            where=location,
            hint="use a larger picture",
        )


def _orientation(image: Image.Image) -> Image.Transpose | None:
    """How to turn the picture upright; unreadable EXIF data turn nothing."""
    try:
        return _UPRIGHT.get(image.getexif().get(_ORIENTATION_TAG, 1))
    except _DAMAGE:
        return None


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode == "F" or image.mode.startswith("I"):
        return Image.fromarray(_stretch(np.asarray(image))).convert("RGB")
    if image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _stretch(grey: np.ndarray) -> np.ndarray:
    """Grey values (h, w) of any type as uint8.

    Files do not say which range they use, so the narrowest usual one that holds all values is
    taken: 0..1 (real numbers only), 0..255, 0..65535, else from the least to the greatest value.
    """
    if grey.dtype.kind == "u":  # sixteen bits by declaration
        return (grey >> 8).astype(np.uint8)
    values = np.nan_to_num(grey.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 65535:
        scaled = (values - low) / max(high - low, np.finfo(np.float64).tiny) * 255
    elif grey.dtype.kind == "f" and high <= 1:
        scaled = values * 255
    elif high <= 255:
        scaled = values
    else:
        scaled = values / 257
    return np.rint(scaled).astype(np.uint8)
