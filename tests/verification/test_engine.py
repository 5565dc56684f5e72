"""The engine: against a plain loop, over again, interrupted, killed, and with bad pictures."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facebone.backbones.base import Backbone, BackboneSpec, Embeddings, Faces
from facebone.data.faces.prepare import Preparation
from facebone.data.pictures import FileSource, Picture
from facebone.data.store import EmbeddingStore
from facebone.errors import DecodeError, NoFaceError, StorageError, UsageError
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.routes import Route

SIZE = 16
WHOLE = Preparation("none", "none", "arcface-16x16")


class Colours(Backbone):
    """A backbone whose embedding is known: the mean colour of a face, times a factor."""

    def __init__(self, name: str = "colours", factor: float = 1.0) -> None:
        spec = BackboneSpec(name, "mean", "none", (SIZE, SIZE), 3, "arcface-16x16")
        super().__init__(spec, weights_hash=f"{factor:g}", device="cpu")
        self.factor = factor
        self.seen = 0
        self.largest = 0
        self.before: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    def _forward(self, faces: Faces) -> Embeddings:
        with self._lock:
            self.before()
            self.seen += len(faces)
            self.largest = max(self.largest, len(faces))
        return (faces.mean(axis=(1, 2)) * self.factor).astype(np.float32)


@dataclass
class CountingSource:
    """A picture of one colour that counts how often it is decoded."""

    colour: tuple[int, int, int]
    decoded: list[int] = field(default_factory=list)
    location: str = "counted"
    landmarks: None = None

    def read(self) -> bytes:
        return bytes(self.colour)

    def decode(self, content: bytes) -> np.ndarray:
        self.decoded.append(1)
        return np.broadcast_to(np.array(list(content), dtype=np.uint8), (20, 20, 3)).copy()


def colour(i: int) -> tuple[int, int, int]:
    return (i % 256, (i * 7) % 256, i // 256)


def pictures(count: int) -> list[Picture]:
    return [Picture(f"p/{i}", "p", CountingSource(colour(i))) for i in range(count)]


def expected(count: int) -> np.ndarray:
    return np.array([colour(i) for i in range(count)], dtype=np.float32)


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("stored", [True, False])
def test_rows_come_in_the_order_of_the_pictures(tmp_path: Path, workers: int, stored: bool) -> None:
    store = EmbeddingStore(tmp_path) if stored else None
    backbone = Colours()
    engine = EmbeddingEngine([Route(backbone, WHOLE)], store=store, workers=workers, batch_size=7)
    result = engine.embed(pictures(100))
    np.testing.assert_allclose(result.matrices[0], expected(100), atol=0.01)
    assert (result.computed, result.reused) == (100, 0)
    assert result.usable.all()
    assert backbone.largest <= 7


def test_nothing_is_computed_twice_by_any_engine(tmp_path: Path) -> None:
    first, second = Colours(), Colours()
    store = EmbeddingStore(tmp_path)
    EmbeddingEngine([Route(first, WHOLE)], store=store).embed(pictures(50))
    again = pictures(60)
    result = EmbeddingEngine([Route(second, WHOLE)], store=store).embed(again)
    assert (result.computed, result.reused) == (10, 50)
    assert second.seen == 10
    assert [len(p.source.decoded) for p in again] == [0] * 50 + [1] * 10  # type: ignore[attr-defined]
    np.testing.assert_allclose(result.matrices[0], expected(60), atol=0.01)


def test_another_preparation_or_other_weights_are_other_embeddings(tmp_path: Path) -> None:
    store = EmbeddingStore(tmp_path)
    EmbeddingEngine([Route(Colours(), WHOLE)], store=store).embed(pictures(5))
    other = EmbeddingEngine([Route(Colours(factor=2), WHOLE)], store=store).embed(pictures(5))
    assert other.computed == 5
    np.testing.assert_allclose(other.matrices[0], 2 * expected(5), atol=0.02)


def test_routes_share_the_decoded_picture_and_the_crop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = []
    original = Preparation.prepare

    def counted(self: Preparation, *args: object, **kwargs: object) -> object:
        prepared.append(self.template)
        return original(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Preparation, "prepare", counted)
    routes = [Route(Colours("one"), WHOLE), Route(Colours("two", 3.0), WHOLE)]
    given = pictures(10)
    result = EmbeddingEngine(routes, store=EmbeddingStore(tmp_path)).embed(given)
    assert [len(p.source.decoded) for p in given] == [1] * 10  # type: ignore[attr-defined]
    assert len(prepared) == 10
    assert result.computed == 20
    np.testing.assert_allclose(result.matrices[1], 3 * result.matrices[0], rtol=1e-6)


def test_a_route_that_is_complete_is_left_alone(tmp_path: Path) -> None:
    store = EmbeddingStore(tmp_path)
    EmbeddingEngine([Route(Colours("one"), WHOLE)], store=store).embed(pictures(10))
    one, two = Colours("one"), Colours("two", 3.0)
    EmbeddingEngine([Route(one, WHOLE), Route(two, WHOLE)], store=store).embed(pictures(10))
    assert (one.seen, two.seen) == (0, 10)


def test_an_interrupt_keeps_what_was_done_and_the_next_run_goes_on(tmp_path: Path) -> None:
    backbone, store = Colours(), EmbeddingStore(tmp_path)

    def interrupt() -> None:
        if backbone.seen >= 40:
            raise KeyboardInterrupt

    backbone.before = interrupt
    engine = EmbeddingEngine([Route(backbone, WHOLE)], store=store, workers=2, batch_size=10)
    with pytest.raises(KeyboardInterrupt):
        engine.embed(pictures(200))
    after = Colours()
    result = EmbeddingEngine([Route(after, WHOLE)], store=store).embed(pictures(200))
    # Four batches were whole; those under way at the interrupt were not begun again by then.
    assert result.reused >= 40
    assert after.seen == 200 - result.reused
    np.testing.assert_allclose(result.matrices[0], expected(200), atol=0.01)


KILLED = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_engine import *
backbone = Colours()
backbone.before = lambda: (print(backbone.seen, flush=True), time.sleep(0.05))
engine = EmbeddingEngine(
    [Route(backbone, WHOLE)], store=EmbeddingStore(Path(sys.argv[1])), workers=1, batch_size=10
)
engine.embed(pictures(1000))
"""


def test_a_killed_run_loses_at_most_one_batch(tmp_path: Path) -> None:
    here = str(Path(__file__).parent)
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path), here], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    seen = 0
    for line in child.stdout:
        seen = int(line)
        if seen >= 100:
            child.send_signal(signal.SIGKILL)
            break
    child.wait()
    child.stdout.close()
    result = EmbeddingEngine([Route(Colours(), WHOLE)], store=EmbeddingStore(tmp_path)).embed(
        pictures(1000)
    )
    assert seen - 10 <= result.reused <= seen + 10
    np.testing.assert_allclose(result.matrices[0], expected(1000), atol=0.01)


def jpeg(path: Path, shade: int) -> Path:
    Image.new("RGB", (40, 40), (shade, shade, shade)).save(path, "JPEG")
    return path


def test_a_bad_picture_is_named_or_left_out(tmp_path: Path) -> None:
    good, bad = jpeg(tmp_path / "good.jpg", 100), tmp_path / "bad.jpg"
    bad.write_text("no picture")
    given = [
        Picture("good", "p", FileSource(good)),
        Picture("bad", "p", FileSource(bad)),
        Picture("gone", "p", FileSource(tmp_path / "gone.jpg")),
    ]
    routes = [Route(Colours(), WHOLE)]
    with pytest.raises(DecodeError, match=r"bad\.jpg"):
        EmbeddingEngine(routes).embed(given[:2])
    result = EmbeddingEngine(routes, on_problem="skip").embed(given)
    assert [problem.picture for problem in result.problems] == ["bad", "gone"]
    assert "bad.jpg" in result.problems[0].reason
    assert result.usable.tolist() == [True, False, False]
    np.testing.assert_allclose(result.matrices[0][0], 100, atol=1)


def test_pictures_without_a_face_are_a_problem_and_guessed_ones_are_listed(tmp_path: Path) -> None:
    given = [Picture("blank", "p", FileSource(jpeg(tmp_path / "blank.jpg", 90)))]
    strict = Preparation("five-point", "synthetic", "arcface-16x16")
    with pytest.raises(NoFaceError, match=r"blank\.jpg: no face was found"):
        EmbeddingEngine([Route(Colours(), strict)]).embed(given)
    lenient = Preparation("five-point", "synthetic", "arcface-16x16", missing="centre")
    result = EmbeddingEngine([Route(Colours(), lenient)]).embed(given)
    assert result.guessed == ("blank",)
    assert result.usable.all()


def test_a_full_disk_stops_the_run_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = EmbeddingEngine([Route(Colours(), WHOLE)], store=EmbeddingStore(tmp_path))

    def full(self: Path, content: bytes) -> int:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match="the disk is full"):
        engine.embed(pictures(10))
    assert not list(tmp_path.rglob("*.part"))


def test_progress_counts_every_picture_once() -> None:
    told: list[int] = []

    class Told:
        def __init__(self, label: str, total: int) -> None:
            assert (label, total) == ("embedding colours", 30)

        def __enter__(self) -> Told:
            return self

        def __exit__(self, *_: object) -> None:
            told.append(-1)

        def advance(self, count: int) -> None:
            told.append(count)

    EmbeddingEngine([Route(Colours(), WHOLE)], batch_size=8, progress=Told).embed(pictures(30))
    assert told == [8, 8, 8, 6, -1]


def test_opencv_gets_its_threads_back() -> None:
    import cv2

    before = cv2.getNumThreads()
    EmbeddingEngine([Route(Colours(), WHOLE)]).embed(pictures(3))
    assert cv2.getNumThreads() == before


def test_no_pictures_no_rows() -> None:
    result = EmbeddingEngine([Route(Colours(), WHOLE)]).embed([])
    assert result.matrices[0].shape == (0, 3)
    assert result.usable.shape == (0,)


@pytest.mark.parametrize(("name", "value"), [("workers", 0), ("batch_size", -1)])
def test_numbers_that_make_no_sense(name: str, value: int) -> None:
    with pytest.raises(UsageError, match=f"{name}: must be at least 1, got {value}"):
        EmbeddingEngine([Route(Colours(), WHOLE)], **{name: value})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="at least one backbone"):
        EmbeddingEngine([])


def test_stated_landmarks_change_the_crop_and_the_key(tmp_path: Path) -> None:
    """Two data sets may state other landmarks for the same bytes; one must not get the other's."""
    buffer = io.BytesIO()
    ramp = np.tile(np.arange(100, dtype=np.uint8)[:, None, None], (1, 100, 3))
    Image.fromarray(ramp).save(buffer, "PNG")
    path = tmp_path / "ramp.png"
    path.write_bytes(buffer.getvalue())
    shape = np.array([[30, 30], [60, 30], [45, 45], [33, 60], [57, 60]], dtype=float)
    high = Picture("high", "p", FileSource(path, tuple(shape.ravel())))
    low = Picture("low", "p", FileSource(path, tuple((shape + np.array([0, 25])).ravel())))
    stated = Preparation("five-point", "synthetic", "arcface-16x16")
    engine = EmbeddingEngine([Route(Colours(), stated)], store=EmbeddingStore(tmp_path / "store"))
    one = engine.embed([high]).matrices[0]
    two = engine.embed([low]).matrices[0]
    assert (two - one > 15).all()
