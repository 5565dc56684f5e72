"""Views as backbones: what the network is shown, by hand, and names that are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facebone.backbones.views import View, parse_view, seen
from facebone.backbones.zoo import Zoo, load_backbone
from facebone.data.faces.templates import get_template
from facebone.errors import UnknownNameError, UsageError


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tiny_plain", None),
        ("%60", None),
        ("tiny_plain%60", ("tiny_plain", View(60))),
        ("tiny_plain%mirror", ("tiny_plain", View(100, True))),
        ("tiny_plain%80-mirror", ("tiny_plain", View(80, True))),
    ],
)
def test_names(name: str, expected: object) -> None:
    assert parse_view(name) == expected


@pytest.mark.parametrize(
    "name", ["x%", "x%100", "x%5", "x%060", "x%60-", "x%mirror-60", "x%60-mirrored", "x%100-mirror"]
)
def test_what_is_no_view(name: str) -> None:
    with pytest.raises(UsageError, match=r"names no view.*for the middle 60 %"):
        parse_view(name)


def test_the_network_is_shown_the_middle_of_a_larger_picture() -> None:
    plain, viewed = (
        load_backbone(name, device="cpu", threads=1) for name in ("tiny_plain", "tiny_plain%50")
    )
    height, width = plain.spec.input_size
    assert viewed.spec.input_size == (2 * height, 2 * width)
    assert viewed.spec.name == "tiny_plain%50"
    assert viewed.spec.dimension == plain.spec.dimension
    assert viewed.weights_hash != plain.weights_hash
    assert viewed.weights_hash.startswith(plain.weights_hash)
    rng = np.random.default_rng(0)
    faces = rng.integers(0, 256, (3, 2 * height, 2 * width, 3), dtype=np.uint8)
    middle = faces[:, height // 2 : -(height // 2), width // 2 : -(width // 2)]
    expected = plain.embed(np.ascontiguousarray(middle))
    np.testing.assert_array_equal(viewed.embed(faces), expected)
    # What lies around it is not seen.
    faces[:, : height // 2] = 0
    np.testing.assert_array_equal(viewed.embed(faces), expected)


@pytest.mark.parametrize(
    ("template", "size", "share", "expected"),
    [
        ("arcface-112x112", (112, 112), 60, "arcface-187x187"),
        ("arcface-112x96", (112, 96), 60, "arcface-189x162"),
        ("dlib-150x150", (150, 150), 80, "dlib-188x188"),
    ],
)
def test_the_larger_picture_has_a_template(
    template: str, size: tuple[int, int], share: int, expected: str
) -> None:
    spec = replace(Zoo().find("tiny_plain").spec, template=template, input_size=size)
    found = seen(spec, View(share))
    assert found.template == expected
    assert get_template(expected).size == found.input_size


def test_the_mirror_image_counts_as_much() -> None:
    plain, viewed = (
        load_backbone(name, device="cpu", threads=1) for name in ("tiny_plain", "tiny_plain%mirror")
    )
    faces = np.random.default_rng(1).integers(
        0, 256, (4, *plain.spec.input_size, 3), dtype=np.uint8
    )
    found = viewed.embed(faces)
    np.testing.assert_allclose(viewed.embed(faces[:, :, ::-1].copy()), found, atol=1e-6)
    sides = [plain.embed(faces), plain.embed(faces[:, :, ::-1].copy())]
    expected = sum(side / np.linalg.norm(side, axis=1, keepdims=True) for side in sides) / 2
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_the_zoo_knows_views_of_what_it_has() -> None:
    zoo = Zoo()
    entry = zoo.find("tiny_plain%80-mirror")
    assert entry.spec.name == "tiny_plain%80-mirror"
    assert entry.require_path() == zoo.find("tiny_plain").require_path()
    assert "tiny_plain%80-mirror" not in zoo.names()
    with pytest.raises(UnknownNameError, match="did you mean 'tiny_plain'"):
        zoo.find("tiny_plan%80")
    with pytest.raises(UsageError, match="a view of a backbone cannot be cut"):
        load_backbone("tiny_plain%80@1", device="cpu")
