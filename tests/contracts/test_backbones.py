"""What every backbone that can be loaded here must keep to."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from facebone.backbones.base import Backbone, BackboneSpec
from facebone.backbones.zoo import Zoo, load_backbone
from facebone.errors import UsageError

COUNT = 5
"""Faces a test uses: dlib takes 0.1 s for each."""

# Collected without a home of its own: what a developer added would be tested too, and may be gone.
NAMES = [entry.spec.name for entry in Zoo() if entry.ready and entry.origin != "added"]


@pytest.fixture(scope="module", params=NAMES)
def backbone(request: pytest.FixtureRequest) -> Backbone:
    return load_backbone(request.param, device="cpu", threads=1)


@pytest.fixture(scope="module")
def faces(backbone: Backbone) -> np.ndarray:
    """Smooth blobs with some noise: nearer to pictures than noise alone."""
    height, width = backbone.spec.input_size
    rng = np.random.default_rng(9)
    y, x = np.mgrid[:height, :width] / height
    waves = [
        np.sin(rng.uniform(2, 9, 3) * x[..., None] + rng.uniform(2, 9, 3) * y[..., None] + k)
        for k in range(COUNT)
    ]
    noise = rng.normal(0, 8, (COUNT, height, width, 3))
    return np.clip(128 + 90 * np.stack(waves) + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def embeddings(backbone: Backbone, faces: np.ndarray) -> np.ndarray:
    return backbone.embed(faces)


def close(left: np.ndarray, right: np.ndarray) -> None:
    """Equal to a hundred-thousandth of an embedding's length."""
    scale = np.linalg.norm(right, axis=1).max()
    np.testing.assert_allclose(left / scale, right / scale, atol=1e-5)


def test_shape_type_and_values(backbone: Backbone, embeddings: np.ndarray) -> None:
    assert embeddings.shape == (COUNT, backbone.spec.dimension)
    assert embeddings.dtype == np.float32
    assert np.isfinite(embeddings).all()


def test_other_faces_have_other_embeddings(embeddings: np.ndarray) -> None:
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    cosines = unit @ unit.T
    assert cosines[~np.eye(COUNT, dtype=bool)].max() < 0.9999


def test_embedding_does_not_depend_on_the_rest_of_the_batch(
    backbone: Backbone, faces: np.ndarray, embeddings: np.ndarray
) -> None:
    close(backbone.embed(faces[3:4]), embeddings[3:4])
    close(backbone.embed(faces[[4, 1]]), embeddings[[4, 1]])


def test_same_faces_same_numbers(
    backbone: Backbone, faces: np.ndarray, embeddings: np.ndarray
) -> None:
    assert np.array_equal(backbone.embed(faces), embeddings)


def test_four_threads_at_once(
    backbone: Backbone, faces: np.ndarray, embeddings: np.ndarray
) -> None:
    orders = [np.roll(np.arange(COUNT), shift)[:3] for shift in range(4)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda order: backbone.embed(faces[order]), orders))
    for order, result in zip(orders, results, strict=True):
        close(result, embeddings[order])


def test_faces_are_not_changed(backbone: Backbone, faces: np.ndarray) -> None:
    before = faces[:1].copy()
    faces.setflags(write=False)
    backbone.embed(faces[:1])
    assert np.array_equal(faces[:1], before)


def test_faces_in_any_memory_layout(
    backbone: Backbone, faces: np.ndarray, embeddings: np.ndarray
) -> None:
    planes_first = np.ascontiguousarray(faces[:1].transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    assert not planes_first.flags.c_contiguous
    close(backbone.embed(planes_first), embeddings[:1])


def test_no_faces_give_no_embeddings(backbone: Backbone) -> None:
    height, width = backbone.spec.input_size
    none = backbone.embed(np.empty((0, height, width, 3), dtype=np.uint8))
    assert none.shape == (0, backbone.spec.dimension)
    assert none.dtype == np.float32


@pytest.mark.parametrize(
    "change",
    [
        lambda faces: faces[0],
        lambda faces: faces[:, :-1],
        lambda faces: faces[..., :1],
        lambda faces: faces.transpose(0, 3, 1, 2),
    ],
    ids=["one face", "another size", "grey", "planes first"],
)
def test_wrong_shapes_are_refused(backbone: Backbone, faces: np.ndarray, change) -> None:
    with pytest.raises(UsageError, match=f"{backbone.spec.name}: faces must be"):
        backbone.embed(change(faces))


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_wrong_types_are_refused(backbone: Backbone, faces: np.ndarray, dtype: type) -> None:
    with pytest.raises(UsageError, match="faces must be uint8"):
        backbone.embed(faces.astype(dtype))


def test_facts_are_complete(backbone: Backbone) -> None:
    spec: BackboneSpec = backbone.spec
    assert len(backbone.weights_hash) == 64
    assert spec.licence
    assert spec.source
    assert spec.sha256
    assert len(spec.sha256) == 64
    assert spec.template
    assert backbone.device == "cpu"


def test_hashes_tell_backbones_apart() -> None:
    hashes = [load_backbone(name, device="cpu").weights_hash for name in NAMES]
    assert len(set(hashes)) == len(NAMES) >= 1
