"""Crews: who takes batches through the chain, threads of this process or processes of their own."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from facebone.data.faces.prepare import Preparation
from facebone.data.pictures import Picture
from facebone.data.store import EmbeddingStore, Space
from facebone.errors import FaceBoneError
from facebone.scale.executor import leave_with_parent
from facebone.verification.chain import BatchResult, Chain, WhenProblem
from facebone.verification.routes import Route

Batch = Sequence[Picture]


def work_in_threads(chain: Chain, batches: Iterator[Batch], workers: int) -> Iterator[BatchResult]:
    """Results of the batches, in order; right for networks that release Python's lock."""
    stop = threading.Event()

    def submit(pool: Executor, batch: Batch) -> Future[BatchResult]:
        return pool.submit(chain.run, batch, stop.is_set)

    with _one_opencv_thread(), ThreadPoolExecutor(workers, "embed") as pool:
        yield from _in_order(pool, submit, batches, workers, stop.set)


def work_in_processes(
    recipe: ChainRecipe, batches: Iterator[Batch], workers: int
) -> Iterator[BatchResult]:
    """Results of the batches, in order, each process with a chain of its own.

    Raises:
        FaceBoneError: a process died, for lack of memory most likely.
    """

    def submit(pool: Executor, batch: Batch) -> Future[BatchResult]:
        return pool.submit(_run_here, batch)

    # Not fork: the networks of this process have threads, which do not survive one.
    spawn = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(workers, spawn, _build_here, (recipe,)) as pool:
            yield from _in_order(pool, submit, batches, workers, lambda: None)
    except BrokenProcessPool as error:
        raise FaceBoneError(
            "a worker process died, for lack of memory most likely",
            where="embedding",
            hint="run the same command again, with fewer --workers: it goes on from there",
        ) from error


def _in_order(
    pool: Executor,
    submit: Callable[[Executor, Batch], Future[BatchResult]],
    batches: Iterator[Batch],
    workers: int,
    stop: Callable[[], None],
) -> Iterator[BatchResult]:
    """Results in the order of the batches, with a bounded number of them under way."""
    waiting: deque[Future[BatchResult]] = deque()
    try:
        for batch in batches:
            waiting.append(submit(pool, batch))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        # After an error or an interrupt the batches not begun are dropped.
        stop()
        for future in waiting:
            future.cancel()


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
    store: Path
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


_CHAIN_HERE: list[Chain] = []
"""The chain of a worker process."""


def _build_here(recipe: ChainRecipe) -> None:
    import cv2

    # An interrupt at the terminal reaches every process; the parent lets batches end and stops.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Whatever batch is under way: the store takes segments whole or not at all.
    leave_with_parent()
    cv2.setNumThreads(1)
    _CHAIN_HERE.append(recipe.build())


def _run_here(batch: Batch) -> BatchResult:
    return _CHAIN_HERE[0].run(batch, lambda: False)


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
