from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facebone.backbones.base import BackboneSpec
from facebone.backbones.preparation import batches, run_in_batches, to_network

MEAN, STD = (10.0, 20.0, 30.0), (2.0, 4.0, 8.0)


def spec(colour: str, mean: tuple = MEAN, std: tuple = STD) -> BackboneSpec:
    return BackboneSpec("t", "t", "onnx", (4, 5), 2, "t", colour=colour, mean=mean, std=std)


@pytest.mark.parametrize("colour", ["rgb", "bgr"])
@pytest.mark.parametrize(
    ("mean", "std"), [(MEAN, STD), ((0, 0, 0), STD), (MEAN, (1, 1, 1)), ((0, 0, 0), (1, 1, 1))]
)
def test_agrees_with_the_definition_pixel_by_pixel(colour: str, mean: tuple, std: tuple) -> None:
    faces = np.random.default_rng(1).integers(0, 256, (3, 4, 5, 3), dtype=np.uint8)
    before = faces.copy()
    got = to_network(faces, spec(colour, mean, std))
    assert got.dtype == np.float32
    assert got.flags.c_contiguous
    order = (0, 1, 2) if colour == "rgb" else (2, 1, 0)
    for n, y, x, c in np.ndindex(3, 4, 5, 3):
        value = (float(faces[n, y, x, order[c]]) - mean[c]) / std[c]
        assert got[n, c, y, x] == pytest.approx(value, abs=1e-5)
    assert np.array_equal(faces, before)


@settings(max_examples=50, deadline=None)
@given(count=st.integers(1, 40), size=st.integers(1, 17), fixed=st.booleans())
def test_batches_cover_everything_once_in_order(count: int, size: int, fixed: bool) -> None:
    faces = np.arange(count, dtype=np.uint8)[:, None, None, None]
    rows: list[int] = []
    for batch, counted in batches(faces, size, fixed=fixed):
        assert len(batch) == size if fixed else len(batch) == counted <= size
        rows += batch[:counted, 0, 0, 0].tolist()
    assert rows == list(range(count))


@pytest.mark.parametrize("fixed", [False, True])
def test_batches_are_joined(fixed: bool) -> None:
    faces = np.random.default_rng(2).integers(0, 256, (7, 4, 5, 3), dtype=np.uint8)
    seen: list[int] = []

    def network(tensor: np.ndarray) -> np.ndarray:
        seen.append(len(tensor))
        return tensor[:, :2, 0, 0]

    plain = spec("rgb", (0, 0, 0), (1, 1, 1))
    got = run_in_batches(faces, plain, network, size=3, fixed=fixed)
    assert np.array_equal(got, faces[:, 0, 0, :2])
    assert seen == ([3, 3, 3] if fixed else [3, 3, 1])
