"""Pictures in shifted domains: embedded through the store, placed in a gallery, kept as arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from facebone.audit.gallery import Gallery, hang
from facebone.audit.material import Material
from facebone.audit.shifted import (
    ShiftedPictures,
    embed_shifted,
    shifted_from_arrays,
    shifted_to_arrays,
    shifts_for,
)
from facebone.backbones.base import Backbone
from facebone.data.dataset import Dataset
from facebone.data.pairs import Pairs
from facebone.data.shifts import SHIFTS
from facebone.data.store import EmbeddingStore
from facebone.data.synthetic import synthetic_dataset
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.routes import Route, open_routes

ROWS = np.array([1, 2, 5, 7])


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return synthetic_dataset(people=4, pictures_per_person=2, seed=0)


@pytest.fixture(scope="module")
def routes() -> tuple[Route, ...]:
    return open_routes(["tiny_plain", "tiny_wide"], device="cpu")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Numbers of pictures that backbones are shown."""
    shown: list[int] = []
    embed = Backbone.embed

    def counted(self: Backbone, faces: np.ndarray) -> np.ndarray:
        shown.append(len(faces))
        return embed(self, faces)

    monkeypatch.setattr(Backbone, "embed", counted)
    return shown


def gallery_of(engine: EmbeddingEngine, dataset: Dataset) -> Gallery:
    return Gallery(**hang(engine, dataset, np.arange(len(dataset.pictures))).parts)


def test_embeddings_are_those_of_changed_crops(dataset: Dataset, routes: tuple[Route, ...]) -> None:
    engine = EmbeddingEngine(routes, workers=1)
    gallery = gallery_of(engine, dataset)
    found = embed_shifted(engine, dataset, gallery, ROWS)
    assert [one.kind for one in found] == [shift.kind for shift in SHIFTS]
    for one, shift in zip(found, SHIFTS, strict=True):
        np.testing.assert_array_equal(one.rows, ROWS)
        for k, route in enumerate(routes):
            preparation = shift.shifted(route.preparation)
            assert preparation is not None
            crops = []
            for row in ROWS:
                source = dataset.pictures[row].source
                image = source.decode(source.read())
                made = preparation.prepare(image, source.landmarks, location="x")
                crops.append(made.crop)
            expected = route.backbone.embed(np.stack(crops))
            np.testing.assert_allclose(one.matrices[k], expected, rtol=1e-4, atol=1e-4)
            plain = gallery.matrices[k][ROWS]
            assert np.abs(one.matrices[k] - plain).max(axis=1).min() > 0.01 * np.abs(plain).max()


def test_nothing_is_embedded_twice(
    dataset: Dataset, routes: tuple[Route, ...], tmp_path: Path, calls: list[int]
) -> None:
    def run() -> tuple[ShiftedPictures, ...]:
        engine = EmbeddingEngine(routes, store=EmbeddingStore(tmp_path), workers=1)
        return embed_shifted(engine, dataset, gallery_of(engine, dataset), ROWS)

    first = run()
    plain, shifted = 2 * len(dataset.pictures), 2 * len(SHIFTS) * len(ROWS)
    assert sum(calls) == plain + shifted
    calls.clear()
    second = run()
    assert calls == []
    for one, other in zip(first, second, strict=True):
        for a, b in zip(one.matrices, other.matrices, strict=True):
            np.testing.assert_array_equal(a, b)
    # An audit of whole pictures finds those of this one.
    whole = EmbeddingEngine(
        open_routes(["tiny_plain"], alignment="none", device="cpu"),
        store=EmbeddingStore(tmp_path),
        workers=1,
    )
    assert whole.embed([dataset.pictures[row] for row in ROWS]).computed == 0


def test_whole_pictures_are_no_shift_of_whole_pictures(dataset: Dataset) -> None:
    engine = EmbeddingEngine(open_routes(["tiny_plain"], alignment="none", device="cpu"), workers=1)
    kinds = [shift.kind for shift in shifts_for(engine.routes)]
    assert kinds == ["low_resolution", "blurred", "occluded"]
    found = embed_shifted(engine, dataset, gallery_of(engine, dataset), ROWS)
    assert [one.kind for one in found] == kinds


def test_of_nobody_there_is_nothing(dataset: Dataset, routes: tuple[Route, ...]) -> None:
    engine = EmbeddingEngine(routes, workers=1)
    nobody = np.empty(0, dtype=np.intp)
    assert embed_shifted(engine, dataset, gallery_of(engine, dataset), nobody) == ()


@pytest.fixture
def shifted(make_material: Callable[..., Material]) -> tuple[Material, ShiftedPictures]:
    """Half of a material's pictures, some of them without an embedding."""
    material = make_material()
    rows = np.flatnonzero(np.random.default_rng(0).random(len(material.ids)) < 0.7)
    matrices = tuple(2 * matrix[rows] for matrix in material.matrices)
    matrices[1][::9] = np.nan
    return material, ShiftedPictures("x", rows, matrices)


def test_pairs_find_their_pictures(shifted: tuple[Material, ShiftedPictures]) -> None:
    """An oracle: pair by pair."""
    material, pictures = shifted
    broken = set(pictures.rows[::9].tolist())
    placed, gallery = pictures.place(material.pool), pictures.hang(material)
    expected = [
        (material.ids[a], material.ids[b], same)
        for a, b, same in zip(
            material.pool.left.tolist(),
            material.pool.right.tolist(),
            material.pool.same.tolist(),
            strict=True,
        )
        if {a, b} <= set(pictures.rows.tolist()) - broken
    ]
    assert 20 < len(expected) < len(material.pool)
    found = zip(gallery.ids[placed.left], gallery.ids[placed.right], placed.same, strict=True)
    assert list(found) == expected
    assert gallery.backbones == material.backbones
    for name, row in zip(gallery.ids, gallery.matrices[0], strict=True):
        (place,) = np.flatnonzero(material.ids == name)
        np.testing.assert_array_equal(row, 2 * material.matrices[0][place])


def test_no_pair_is_there_where_no_picture_is(shifted: tuple[Material, ShiftedPictures]) -> None:
    material, pictures = shifted
    nobody = Pairs(*(np.empty(0, dtype=kind) for kind in (np.intp, np.intp, np.bool_)))
    assert len(pictures.place(nobody)) == 0
    few = ShiftedPictures("x", pictures.rows[:0], tuple(m[:0] for m in pictures.matrices))
    assert len(few.place(material.pool)) == 0


def test_arrays_give_back_what_they_were_made_of(
    shifted: tuple[Material, ShiftedPictures],
) -> None:
    _, one = shifted
    many = [one, *(ShiftedPictures(f"k{i}", one.rows[i:], one.matrices[:1]) for i in range(11))]
    again = shifted_from_arrays(*shifted_to_arrays(many))
    assert [two.kind for two in again] == [two.kind for two in many]
    for first, second in zip(many, again, strict=True):
        np.testing.assert_array_equal(first.rows, second.rows)
        assert len(first.matrices) == len(second.matrices)
        for a, b in zip(first.matrices, second.matrices, strict=True):
            np.testing.assert_array_equal(a, b)
    assert shifted_from_arrays(*shifted_to_arrays([])) == ()
