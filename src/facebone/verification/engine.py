"""The embedding engine: pictures -> embeddings under one or many backbones.

Each worker takes a batch of pictures through the whole chain: read, look up, decode, detect, align,
embed, store. The heavy steps release Python's lock, so while one worker's batch is in the network
the others prepare theirs, and no stage waits for a fixed share of the cores: with as many workers
as cores all cores are busy until the last batch, whichever stage is the slow one.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from facebone.data.digest_index import KEY_BYTES, Keys
from facebone.data.faces.prepare import Preparation
from facebone.data.pictures import RGB, Picture
from facebone.data.store import EmbeddingStore, MemorySpace, Space, picture_key
from facebone.errors import PictureError, UsageError
from facebone.progress import ProgressFactory, SilentProgress
from facebone.verification.routes import Route

Matrix = npt.NDArray[np.float32]

DEFAULT_BATCH = 64
"""Pictures a worker takes at a time: what a killed run loses at most, per worker."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A picture that could not be embedded, and why."""

    picture: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """What the engine made of n pictures.

    Args:
        matrices: one (n, d_k) float32 matrix a route, not normalised; a picture with a problem
            has rows of NaN.
        problems: pictures that could not be embedded, in the order of the pictures.
        guessed: ids of pictures in which no face was found and the place of it was guessed; only
            those prepared in this run, a stored embedding does not remember.
        computed: embeddings computed in this run, over all routes.
        reused: embeddings found in the store.
    """

    matrices: tuple[Matrix, ...]
    problems: tuple[Problem, ...]
    guessed: tuple[str, ...]
    computed: int
    reused: int

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """Which pictures have all their embeddings, (n,)."""
        finite = np.stack([np.isfinite(matrix).all(axis=1) for matrix in self.matrices])
        return np.asarray(finite.all(axis=0), dtype=np.bool_)


@dataclass(slots=True, eq=False)
class _Batch:
    """What one worker found out about its pictures."""

    keys: Keys
    problems: list[Problem]
    guessed: list[str]
    computed: int
    reused: int


class EmbeddingEngine:
    """Embeds pictures, computing nothing that the store already holds.

    Args:
        routes: backbones with their preparations; pictures are decoded once for all of them, and
            routes with equal preparations share the crop.
        store: where embeddings are kept between runs; None keeps them in memory only.
        workers: threads; the number of cores by default.
        batch_size: pictures a worker takes at a time.
        on_problem: ``raise`` the first picture that cannot be embedded, or ``skip`` such pictures
            and list them in the result.
        progress: makes what is told how far the work has got.

    Raises:
        UsageError: no route, or a number that is not positive.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        *,
        store: EmbeddingStore | None = None,
        workers: int | None = None,
        batch_size: int = DEFAULT_BATCH,
        on_problem: Literal["raise", "skip"] = "raise",
        progress: ProgressFactory = SilentProgress,
    ) -> None:
        if not routes:
            raise UsageError("at least one backbone is needed", where="backbones")
        workers = workers if workers is not None else len(os.sched_getaffinity(0))
        for name, value in (("workers", workers), ("batch_size", batch_size)):
            if value < 1:
                raise UsageError(f"must be at least 1, got {value}", where=name)
        self.routes = tuple(routes)
        self._workers = workers
        self._batch_size = batch_size
        self._on_problem = on_problem
        self._progress = progress
        self._spaces = tuple(_open_space(route, store) for route in self.routes)

    def embed(self, pictures: Sequence[Picture]) -> Embedded:
        """Embed pictures under every route.

        Raises:
            PictureError: a picture cannot be embedded, and `on_problem` is ``raise``.
            StorageError: the store cannot be written.
            KeyboardInterrupt: passed on; batches that were done by then are stored.
        """
        keys = np.zeros((len(pictures), KEY_BYTES), dtype=np.uint8)
        problems: list[Problem] = []
        guessed: list[str] = []
        computed = reused = done = 0
        label = "embedding " + ", ".join(route.backbone.spec.name for route in self.routes)
        with self._progress(label, len(pictures)) as progress:
            for batch in self._run(pictures):
                keys[done : done + len(batch.keys)] = batch.keys
                done += len(batch.keys)
                problems += batch.problems
                guessed += batch.guessed
                computed += batch.computed
                reused += batch.reused
                progress.advance(len(batch.keys))
        matrices = [space.gather(keys) for space in self._spaces]
        broken = {problem.picture for problem in problems}
        if broken:
            rows = [i for i, picture in enumerate(pictures) if picture.id in broken]
            for matrix in matrices:
                matrix[rows] = np.nan
        return Embedded(tuple(matrices), tuple(problems), tuple(guessed), computed, reused)

    def _run(self, pictures: Sequence[Picture]) -> Iterator[_Batch]:
        """Results of the batches in order, with a bounded number of them under way."""
        starts = range(0, len(pictures), self._batch_size)
        waiting: deque[Future[_Batch]] = deque()
        stop = threading.Event()
        with _one_opencv_thread(), ThreadPoolExecutor(self._workers, "embed") as pool:
            try:
                for start in starts:
                    batch = pictures[start : start + self._batch_size]
                    waiting.append(pool.submit(self._work, batch, stop))
                    if len(waiting) > 2 * self._workers:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                # After an error or an interrupt the batches not begun are dropped, and those
                # under way end at their next picture.
                stop.set()
                for future in waiting:
                    future.cancel()

    def _work(self, pictures: Sequence[Picture], stop: threading.Event) -> _Batch:
        """One batch through the whole chain."""
        contents: list[bytes | None] = []
        keys = np.zeros((len(pictures), KEY_BYTES), dtype=np.uint8)
        result = _Batch(keys, [], [], 0, 0)
        for i, picture in enumerate(pictures):
            try:
                read = picture.source.read()
            except PictureError as error:
                self._note(result, picture, error)
                contents.append(None)
                continue
            contents.append(read)
            keys[i] = np.frombuffer(picture_key(picture, read), dtype=np.uint8)
        readable = np.array([content is not None for content in contents], dtype=np.bool_)
        wanted = [space.missing(keys) & readable for space in self._spaces]
        result.reused = sum(int((readable & ~need).sum()) for need in wanted)
        crops: list[list[RGB]] = [[] for _ in self.routes]
        rows: list[list[int]] = [[] for _ in self.routes]
        for i, (picture, content) in enumerate(zip(pictures, contents, strict=True)):
            needed = [k for k, need in enumerate(wanted) if need[i]]
            if content is None or not needed:
                continue
            if stop.is_set():
                break
            try:
                made = self._prepare(picture, content, needed, result)
            except PictureError as error:
                self._note(result, picture, error)
                continue
            for k, crop in made.items():
                crops[k].append(crop)
                rows[k].append(i)
        for k, route in enumerate(self.routes):
            if crops[k]:
                embeddings = route.backbone.embed(np.stack(crops[k]))
                self._spaces[k].append(keys[rows[k]], embeddings)
                result.computed += len(rows[k])
        return result

    def _prepare(
        self, picture: Picture, content: bytes, needed: Sequence[int], result: _Batch
    ) -> dict[int, RGB]:
        """The crops of one picture for the routes that need one, each preparation made once."""
        image = picture.source.decode(content)
        made: dict[Preparation, RGB] = {}
        for k in needed:
            preparation = self.routes[k].preparation
            if preparation not in made:
                prepared = preparation.prepare(
                    image, picture.source.landmarks, location=picture.source.location
                )
                made[preparation] = prepared.crop
                if prepared.guessed and picture.id not in result.guessed:
                    result.guessed.append(picture.id)
        return {k: made[self.routes[k].preparation] for k in needed}

    def _note(self, result: _Batch, picture: Picture, error: PictureError) -> None:
        if self._on_problem == "raise":
            raise error
        result.problems.append(Problem(picture.id, str(error)))


def _open_space(route: Route, store: EmbeddingStore | None) -> Space:
    spec = route.backbone.spec
    if store is None:
        return MemorySpace(spec.dimension)
    return store.space(
        preparation=route.preparation.key,
        weights_hash=route.backbone.weights_hash,
        dimension=spec.dimension,
        note=spec.name,
    )


@contextmanager
def _one_opencv_thread() -> Iterator[None]:
    """Keep OpenCV from starting threads of its own below the workers, which fill the cores."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
