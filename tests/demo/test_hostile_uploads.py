"""Two hundred hostile files and more: each is one clear line, and none leaves memory behind."""

from __future__ import annotations

import gc
import io
import os
import random
import struct
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from facebone.demo import looking
from facebone.errors import DecodeError, FaceBoneError

GROWTH_MB = 60
"""What the process may have grown by after the second round through all files."""

KINDS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")


OTHERS = {
    "nothing": b"",
    "a zero": b"\0",
    "text": b"hello " * 300,
    "html": b"<script>alert(1)</script>",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
    "an svg bomb": b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]><svg>&a;&a;&a;</svg>",
    "pdf": b"%PDF-1.7\n" + bytes(500),
    "zip": b"PK\3\4" + bytes(500),
    "gzip": b"\x1f\x8b" + bytes(500),
    "elf": b"\x7fELF" + bytes(500),
    "exe": b"MZ" + bytes(500),
    "pickle": b"\x80\4\x95" + bytes(90),
    "heic": b"\0\0\0\x18ftypheic" + bytes(90),
    "avif": b"\0\0\0\x1cftypavif" + bytes(90),
    "ico": b"\0\0\1\0\1\0" + bytes(90),
    "psd": b"8BPS\0\1" + bytes(90),
    "eps": b"%!PS-Adobe-3.0 EPSF\n",
    "xpm": b"/* XPM */",
    "ppm": b"P6 9999999 9999999 255\n",
    "hdr": b"#?RADIANCE\n",
    "dicom": bytes(128) + b"DICM",
    "mp4": b"\0\0\0\x18ftypmp42",
    "a long line": b"A" * 300_000,
}
"""Files of other kinds."""


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def noise(mode: str = "RGB", size: tuple[int, int] = (90, 70)) -> Image.Image:
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).convert(mode)


def png(width: int, height: int, *, body: bytes = b"", depth: int = 8, colour: int = 2) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        total = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", total)

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", body or zlib.compress(b"\0" * 64))
        + chunk(b"IEND", b"")
    )


def corpus() -> Iterator[tuple[str, bytes]]:
    """Named files that are no picture of a face, each hostile in its way."""
    rnd = random.Random(8)
    for kind in KINDS:
        whole = encode(noise(), kind)
        for share in (0.02, 0.1, 0.3, 0.6, 0.9, 0.99):
            yield f"{kind} cut at {share}", whole[: max(1, int(share * len(whole)))]
        for i in range(12):
            broken = bytearray(whole)
            for _ in range(1 + 4 * i):
                broken[rnd.randrange(len(broken))] = rnd.randrange(256)
            yield f"{kind} with {1 + 4 * i} bytes changed", bytes(broken)
        yield f"{kind} with rubbish behind it", whole + rnd.randbytes(5000)
        yield f"{kind} with another inside", whole[:40] + encode(noise(), "PNG") + whole[40:]
    for i in range(40):
        yield f"random bytes {i}", rnd.randbytes(rnd.randrange(1, 4000))
    starts = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0", b"RIFF1234WEBP")
    for i, start in enumerate(starts):
        for n in range(4):
            yield f"signature {i} before rubbish {n}", start + rnd.randbytes(10 + 400 * n)
    for width, height in (
        (2**31 - 1, 2**31 - 1), (2**31 - 1, 1), (1, 2**31 - 1), (60_000, 60_000), (0, 0), (0, 9),
        (32_001, 32), (16, 32_001), (9000, 9000), (1, 1), (15, 400), (7071, 7072),
    ):  # fmt: skip
        yield f"PNG of {width} x {height}", png(width, height)
    bomb = zlib.compress(bytes(60 * 2**20), 9)
    yield "PNG bomb that its header denies", png(200, 200, body=bomb)
    yield "PNG bomb that its header admits", png(30_000, 30_000, body=bomb)
    yield "PNG of an impossible depth", png(64, 64, depth=3)
    yield "PNG of an impossible colour", png(64, 64, colour=9)
    for mode in ("1", "L", "P", "LA", "RGBA", "CMYK", "I", "F", "I;16", "YCbCr", "LAB"):
        odd = noise("L").convert(mode) if mode in ("I", "F", "LA") else None
        if odd is None:
            odd = Image.new("I;16", (70, 90), 999) if mode == "I;16" else noise(mode)
        kind = "JPEG" if mode in ("CMYK", "YCbCr") else "TIFF"
        yield f"mode {mode}", encode(odd, kind)
    yield from OTHERS.items()
    frames = [noise(size=(40, 40)) for _ in range(30)]
    yield "a film", encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    yield "a thin strip", encode(Image.new("RGB", (4000, 16)), "PNG")
    yield "black", encode(Image.new("RGB", (300, 300)), "JPEG")
    yield "as large as allowed in bytes, and more", b"\xff\xd8\xff" + bytes(looking.MAX_BYTES)


def memory_mb() -> float:
    """What this process holds."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def answer(eyes, content: bytes) -> str:
    """What the page would say of a file, as it says it."""
    try:
        look = eyes.look(content, location="the first picture")
    except FaceBoneError as error:
        return str(error)
    return f"{len(look.faces)} faces"


def test_every_hostile_file_gets_one_clear_line(eyes) -> None:
    files = list(corpus())
    assert len(files) >= 200
    assert len({name for name, _ in files}) == len(files)
    refused = 0
    for name, content in files:
        said = answer(eyes, content)
        assert said, name
        assert "\n" not in said, name
        assert len(said) < 400, (name, said)
        if "faces" not in said:
            refused += 1
            assert said.startswith("the first picture: "), (name, said)
            assert "Error" not in said.split("(")[0], (name, said)
    # What was changed in a few bytes may still be a picture; the rest is no picture at all.
    assert refused > 0.7 * len(files)


def test_memory_is_level_after_all_of_them(eyes) -> None:
    files = [content for _, content in corpus()]
    for content in files:
        answer(eyes, content)
    gc.collect()
    before = memory_mb()
    for content in files:
        answer(eyes, content)
    gc.collect()
    assert memory_mb() - before < GROWTH_MB


def test_an_error_names_the_side_and_never_the_file(eyes) -> None:
    with pytest.raises(DecodeError) as error:
        eyes.look(b"no picture", location="the second picture")
    assert str(error.value).startswith("the second picture: is not a picture of a known format")
