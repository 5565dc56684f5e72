"""Crews: who takes batches through the chain: threads, processes of their own, or a cluster."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from facebone.data.digest_index import KEY_BYTES
from facebone.data.faces.prepare import Preparation
from facebone.data.pictures import Picture
from facebone.data.store import EmbeddingStore, Space
from facebone.errors import PictureError
from facebone.scale.executor import ATTEMPTS, Executor
from facebone.scale.shelves import Place
from facebone.verification.chain import BatchResult, Chain, Problem, WhenProblem
from facebone.verification.routes import Route

Batch = Sequence[Picture]

TakeBatch = Callable[[int, BatchResult], None]
"""Is told the place of a batch's first picture among all, and what became of the batch."""


def work_in_threads(
    chain: Chain, pictures: Batch, take: TakeBatch, *, size: int, workers: int
) -> None:
    """Take pictures through a chain; right for networks that release Python's lock.

    Args:
        chain: shared by all threads.
        pictures: all of them.
        take: is told each batch, in order.
        size: pictures a batch.
        workers: threads.
    """
    stop = threading.Event()
    waiting: deque[tuple[int, Future[BatchResult]]] = deque()

    def give() -> None:
        first, future = waiting.popleft()
        take(first, future.result())

    with _one_opencv_thread(), ThreadPoolExecutor(workers, "embed") as pool:
        try:
            for first in range(0, len(pictures), size):
                batch = pictures[first : first + size]
                waiting.append((first, pool.submit(chain.run, batch, stop.is_set)))
                if len(waiting) > 2 * workers:
                    give()
            while waiting:
                give()
        finally:
            # After an error or an interrupt the batches not begun are dropped.
            stop.set()
            for _, future in waiting:
                future.cancel()


def work_in_jobs(
    recipe: ChainRecipe, pictures: Batch, take: TakeBatch, *, size: int, executor: Executor
) -> None:
    """Take pictures through chains of the executor's processes, a job a batch.

    A batch whose process dies again and again is taken through picture by picture, so that the one
    that is to blame is known.

    Args:
        recipe: of the chain that each process builds for itself.
        pictures: all of them.
        take: is told each batch, in the order in which they end.
        size: pictures a batch.
        executor: runs the jobs.

    Raises:
        PictureError: a picture ends whatever process looks at it, and the recipe says ``raise``.
    """

    def on_result(piece: _Piece, result: BatchResult) -> Iterable[_Piece]:
        take(piece.first, result)
        return ()

    def on_lost(piece: _Piece) -> Iterable[_Piece]:
        if len(piece.pictures) > 1:
            return [
                _Piece(recipe, piece.first + i, (picture,))
                for i, picture in enumerate(piece.pictures)
            ]
        (picture,) = piece.pictures
        error = PictureError(
            f"crashed the process that decoded and embedded it, each of {ATTEMPTS} times",
            where=picture.source.location,
            hint="remove it",
        )
        if recipe.on_problem == "raise":
            raise error
        nothing = np.zeros((1, KEY_BYTES), dtype=np.uint8)
        take(piece.first, BatchResult(nothing, [Problem(picture.id, str(error))], [], 0, 0))
        return ()

    pieces = (
        _Piece(recipe, first, tuple(pictures[first : first + size]))
        for first in range(0, len(pictures), size)
    )
    executor.run(_run_piece, pieces, on_result=on_result, on_lost=on_lost)


@dataclass(frozen=True)
class ChainRecipe:
    """What another process needs to build the same chain.

    Args:
        backbones: names in the zoo, or paths, as `load_backbone` takes them.
        preparations: one a backbone.
        devices: one a backbone.
        store: root of the store.
        on_problem: see `Chain`.
    """

    backbones: tuple[str, ...]
    preparations: tuple[Preparation, ...]
    devices: tuple[str, ...]
    store: Place
    on_problem: WhenProblem

    def build(self) -> Chain:
        """Load the backbones and open the store."""
        from facebone.backbones.zoo import load_backbone

        routes = [
            Route(load_backbone(name, device=device), preparation)
            for name, device, preparation in zip(
                self.backbones, self.devices, self.preparations, strict=True
            )
        ]
        store = EmbeddingStore(self.store)
        return Chain(routes, [open_space(route, store) for route in routes], self.on_problem)


def open_space(route: Route, store: EmbeddingStore) -> Space:
    """Where a store keeps the embeddings of a route."""
    return store.space(
        preparation=route.preparation.key,
        weights_hash=route.backbone.weights_hash,
        dimension=route.backbone.spec.dimension,
        note=route.backbone.spec.name,
    )


@dataclass(frozen=True, slots=True)
class _Piece:
    """A batch as a worker gets it; `first` is the place of its first picture among all."""

    recipe: ChainRecipe
    first: int
    pictures: tuple[Picture, ...]


@lru_cache(maxsize=1)
def _chain_here(recipe: ChainRecipe) -> Chain:
    """The chain of a worker process, which is built once."""
    return recipe.build()


def _run_piece(piece: _Piece) -> BatchResult:
    with _one_opencv_thread():
        return _chain_here(piece.recipe).run(piece.pictures, lambda: False)


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
